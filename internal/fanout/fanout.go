// Package fanout runs sequences in goroutines: one ahead of the caller, or many
// at a time. All goroutines have ended when the loop over the result ends.
package fanout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"sync/atomic"
)

// Ahead runs a sequence in a goroutine, up to n values ahead of the caller, and
// yields its values; with n below 1 it returns the sequence itself. Leaving the
// loop cancels the context of the sequence. If the sequence panics, the loop
// panics with a [*Panic] after the values that came before.
func Ahead[T any](ctx context.Context, n int, sequence func(context.Context) iter.Seq[T]) iter.Seq[T] {
	if n < 1 {
		return sequence(ctx)
	}
	return func(yield func(T) bool) {
		ctx, cancel := context.WithCancel(ctx)
		l := newLoop[T](n - 1) // the goroutine holds one more
		l.run(1, cancel, yield, func() {
			for v := range sequence(ctx) {
				if !l.send(v) {
					return
				}
			}
		})
	}
}

// Merge runs a sequence for each of the sources in goroutines, as many at a time
// as the concurrency says (at least 1), and yields their values: those of one
// source in order. A sequence continues to its next value when the caller is done
// with the one before. Leaving the loop cancels the context of the sequences. If
// one of them panics, the loop panics with a [*Panic].
func Merge[S, T any](ctx context.Context, concurrency int, sources []S, sequence func(context.Context, S) iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		ctx, cancel := context.WithCancel(ctx)
		l := newLoop[T](0)
		done := make(chan struct{}) // tells a sequence that the caller is done with its value
		yieldAndTell := func(v T) bool {
			ok := yield(v)
			if ok {
				done <- struct{}{}
			}
			return ok
		}
		var started atomic.Int64 // sources
		l.run(max(1, min(concurrency, len(sources))), cancel, yieldAndTell, func() {
			for i := started.Add(1); i <= int64(len(sources)); i = started.Add(1) {
				for v := range sequence(ctx, sources[i-1]) {
					if !l.send(v) {
						return
					}
					select {
					case <-done:
					case <-l.left:
						return
					}
				}
			}
		})
	}
}

// loop is the caller's loop over values from goroutines.
type loop[T any] struct {
	items   chan item[T]
	left    chan struct{} // closed when the caller has left
	running atomic.Int64  // goroutines
}

// item is a value, or the panic in its place.
type item[T any] struct {
	value T
	panic *Panic
}

func newLoop[T any](buffered int) *loop[T] {
	return &loop[T]{items: make(chan item[T], buffered), left: make(chan struct{})}
}

// run does the work in n goroutines and yields what they send. When the caller
// leaves, it cancels their context and waits until they have ended.
func (l *loop[T]) run(n int, cancel context.CancelFunc, yield func(T) bool, work func()) {
	l.running.Store(int64(n))
	for range n {
		go l.work(work)
	}
	var panicked *Panic
	returned := false // if not, the caller's own panic is the one to report
	defer func() {
		cancel() // first: whatever ends because the caller left sees that its context has ended
		close(l.left)
		for i := range l.items {
			panicked = cmp.Or(panicked, i.panic)
		}
		if returned && panicked != nil {
			panic(panicked)
		}
	}()
	for i := range l.items {
		if panicked = i.panic; panicked != nil || !yield(i.value) {
			break
		}
	}
	returned = true
}

// work does the work in its goroutine, and sends the panic if it panics. The last
// goroutine closes the channel.
func (l *loop[T]) work(work func()) {
	returned := false
	defer func() {
		if !returned {
			l.items <- item[T]{panic: newPanic(recover())}
		}
		if l.running.Add(-1) == 0 {
			close(l.items)
		}
	}()
	work()
	returned = true
}

// send sends a value to the caller, and reports whether to continue.
func (l *loop[T]) send(v T) bool {
	select {
	case l.items <- item[T]{value: v}:
		return true
	case <-l.left:
		return false
	}
}

// Panic is a panic in the goroutine of a sequence, or a call of [runtime.Goexit].
type Panic struct {
	Value any
	Stack []byte // of that goroutine
}

func newPanic(recovered any) *Panic {
	if recovered == nil {
		recovered = errGoexit
	}
	return &Panic{recovered, debug.Stack()}
}

var errGoexit = errors.New("runtime.Goexit was called")

// Error returns the value and the stack.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// Unwrap returns the value if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}
