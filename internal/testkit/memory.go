package testkit

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// Peak returns how much a metric of package runtime/metrics rises at most while a function
// runs.
//   - pause: between two looks at it
func Peak(metric string, pause time.Duration, f func()) uint64 {
	sample := []metrics.Sample{{Name: metric}}
	read := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	before := read()
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		for most := before; ; most = max(most, read()) {
			select {
			case <-done:
				peak <- most - before
				return
			default:
				time.Sleep(pause)
			}
		}
	}()
	f()
	close(done)
	return <-peak
}
