package fanout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// source is a sequence of numbers, and what can be seen of it.
type source struct {
	count int
	delay time.Duration // of each number
	at    func(n int)   // called before a number, in the sequence's goroutine

	made    int // numbers
	running int
	err     error // of the context in the end
}

func (s *source) sequence(ctx context.Context) iter.Seq[int] {
	return func(yield func(int) bool) {
		s.running++
		defer func() {
			s.running--
			s.err = ctx.Err()
		}()
		for n := range s.count {
			if s.at != nil {
				s.at(n)
			}
			if s.delay > 0 {
				select {
				case <-time.After(s.delay):
				case <-ctx.Done():
				}
			}
			s.made++
			if !yield(n) || ctx.Err() != nil {
				return
			}
		}
	}
}

func numbers(n int) []int {
	return slices.Collect((&source{count: n}).sequence(context.Background()))
}

func TestAheadYieldsTheSequence(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 0, 1, 2, 3, 64} {
		s := &source{count: 10}
		seq := Ahead(t.Context(), n, s.sequence)
		for range 2 { // a sequence can be ranged over again
			assert.Equal(t, numbers(10), slices.Collect(seq), "%d ahead", n)
			assert.Zero(t, s.running)
		}
		assert.Empty(t, slices.Collect(Ahead(t.Context(), n, (&source{}).sequence)))
	}
}

// ctxKey is the key of a value in a context.
type ctxKey struct{}

func TestContextOfTheSequence(t *testing.T) {
	t.Parallel()
	ctx := context.WithValue(t.Context(), ctxKey{}, "value")
	values := func(ctx context.Context) iter.Seq[any] {
		return func(yield func(any) bool) { yield(ctx.Value(ctxKey{})) }
	}
	assert.Equal(t, []any{"value"}, slices.Collect(Ahead(ctx, 1, values)))
	merged := Merge(ctx, 1, []int{0}, func(ctx context.Context, _ int) iter.Seq[any] { return values(ctx) })
	assert.Equal(t, []any{"value"}, slices.Collect(merged))
}

func TestAheadOverlaps(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{0: 40 * time.Second, 1: 21 * time.Second, 3: 21 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			for range Ahead(t.Context(), n, (&source{count: 20, delay: time.Second}).sequence) {
				time.Sleep(time.Second) // the caller's work
			}
			assert.Equal(t, want, time.Since(start))
		})
	}
}

func TestAheadIsBounded(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 3} {
		synctest.Test(t, func(t *testing.T) {
			s := &source{count: 20}
			seq := Ahead(t.Context(), n, s.sequence)
			synctest.Wait()
			assert.Zero(t, s.made, "nothing happens before the loop")
			yielded := 0
			for range seq {
				yielded++
				synctest.Wait()
				assert.Equal(t, min(20, yielded+n), s.made)
			}
		})
	}
}

// leaving are ways to leave a loop early: what its body does, and what it panics with.
var leaving = map[string]struct {
	body   func(cancel func()) (ok bool)
	panics any
}{
	"break":  {func(func()) bool { return false }, nil},
	"panic":  {func(func()) bool { panic("the caller's") }, "the caller's"},
	"cancel": {func(cancel func()) bool { cancel(); return true }, nil},
}

// leave ranges over a sequence and leaves it after so many values.
func leave[T any](t *testing.T, after int, way string, loop func(context.Context) iter.Seq[T]) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var left time.Time
	defer func() {
		assert.Equal(t, leaving[way].panics, recover())
		assert.Equal(t, left, time.Now(), "leaving takes no time")
	}()
	yielded := 0
	for range loop(ctx) {
		left = time.Now()
		if yielded++; yielded >= after && !leaving[way].body(cancel) {
			break
		}
	}
}

// However a loop is left, its goroutines have ended with it: the race detector
// sees that the fields of the source are read without a lock, and synctest fails
// if a goroutine is left.
func TestAheadLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for way := range leaving {
		for _, after := range []int{1, 2, 5} {
			for _, n := range []int{1, 2, 3} {
				t.Run(fmt.Sprintf("%s after %d, %d ahead", way, after, n), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						s := &source{count: 50, delay: time.Second}
						leave(t, after, way, func(ctx context.Context) iter.Seq[int] { return Ahead(ctx, n, s.sequence) })
						assert.Zero(t, s.running)
						assert.ErrorIs(t, s.err, context.Canceled)
						assert.LessOrEqual(t, s.made, after+n+1)
					})
				})
			}
		}
	}
}

func TestGoexitInTheLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &source{count: 50}, &source{count: 50}
		for _, seq := range []iter.Seq[int]{Ahead(t.Context(), 2, a.sequence), Merge(t.Context(), 2, []*source{b}, sequenceOf)} {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for range seq {
					runtime.Goexit()
				}
			}()
			<-ended
		}
		assert.Zero(t, a.running+b.running)
		assert.ErrorIs(t, a.err, context.Canceled)
		assert.ErrorIs(t, b.err, context.Canceled)
	})
}

var errOops = errors.New("oops")

// ends are ways to end a goroutine, with the text that the caller gets.
var ends = map[string]struct {
	end  func()
	text string
	is   error
}{
	"value":         {func() { panic("oops") }, "oops\n\n", nil},
	"error":         {func() { panic(fmt.Errorf("again: %w", errOops)) }, "again: oops\n\n", errOops},
	"nil":           {func() { panic(nil) }, "panic called with nil argument", nil},
	"runtime error": {func() { var s *source; s.made++ }, "runtime error: invalid memory address or nil pointer dereference\n\n", nil},
	"Goexit":        {runtime.Goexit, "runtime.Goexit was called\n\n", nil},
}

// recovered returns the panic of a function.
func recovered(t *testing.T, f func()) (p *Panic) {
	t.Helper()
	defer func() {
		t.Helper()
		v := recover()
		var ok bool
		p, ok = v.(*Panic)
		require.True(t, ok, "%T %v", v, v)
	}()
	f()
	return nil
}

func TestPanicReachesTheCaller(t *testing.T) {
	t.Parallel()
	for name, test := range ends {
		for _, after := range []int{0, 1, 5} {
			t.Run(fmt.Sprintf("%s after %d", name, after), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := &source{count: 50, at: func(n int) {
						if n == after {
							test.end()
						}
					}}
					others := []*source{{count: 50, delay: time.Second}, s, {count: 50, delay: time.Second}}
					var got []int
					loops := map[string]func(){
						"ahead": func() {
							for n := range Ahead(t.Context(), 3, s.sequence) {
								got = append(got, n)
							}
						},
						"merge": func() {
							for n := range Merge(t.Context(), 3, others, sequenceOf) {
								got = append(got, n)
							}
						},
					}
					for name, loop := range loops {
						got = nil
						start := time.Now()
						p := recovered(t, loop)
						assert.Contains(t, p.Error(), test.text, name)
						assert.Contains(t, p.Error(), "(*source).sequence", "the stack of the sequence")
						if test.is != nil {
							assert.ErrorIs(t, p, test.is)
						}
						assert.Equal(t, numbers(after), got, "what was yielded before")
						assert.Equal(t, start, time.Now(), "nothing is waited for")
						assert.Zero(t, s.running+others[0].running+others[2].running)
					}
				})
			})
		}
	}
}

// sequenceOf is the sequence of a source, for Merge.
func sequenceOf(ctx context.Context, s *source) iter.Seq[int] { return s.sequence(ctx) }

// The caller has left already when the sequence panics: its context is canceled.
func TestPanicAfterBreak(t *testing.T) {
	t.Parallel()
	sequence := func(ctx context.Context) iter.Seq[int] {
		return func(yield func(int) bool) {
			yield(1)
			<-ctx.Done()
			panic(errOops)
		}
	}
	loops := map[string]iter.Seq[int]{
		"ahead": Ahead(t.Context(), 2, sequence),
		"merge": Merge(t.Context(), 2, []int{1, 2}, func(ctx context.Context, _ int) iter.Seq[int] { return sequence(ctx) }),
	}
	for name, seq := range loops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := recovered(t, func() {
				for range seq {
					break
				}
			})
			assert.ErrorIs(t, p, errOops)
			assert.PanicsWithValue(t, "the caller's", func() {
				for range seq {
					panic("the caller's")
				}
			}, "the first panic is the one that matters")
		})
	}
}

func TestPanicUnwrapsToErrorsOnly(t *testing.T) {
	t.Parallel()
	assert.NoError(t, (&Panic{Value: "text"}).Unwrap())
	assert.Equal(t, io.EOF, (&Panic{Value: io.EOF}).Unwrap())
}

// named is a value and the number of its source.
type named struct{ source, n int }

// named returns the sequence of the source with that number.
func sequences(sources []*source) func(context.Context, int) iter.Seq[named] {
	return func(ctx context.Context, i int) iter.Seq[named] {
		return func(yield func(named) bool) {
			for n := range sources[i].sequence(ctx) {
				if !yield(named{i, n}) {
					return
				}
			}
		}
	}
}

func newSources(n int, s source) (sources []*source, indexes []int) {
	for i := range n {
		c := s
		sources, indexes = append(sources, &c), append(indexes, i)
	}
	return sources, indexes
}

func TestMergeYieldsAllInOrder(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{-1, 0, 1, 2, 7, 100} {
		sources, indexes := newSources(20, source{})
		for i, s := range sources {
			s.count = i % 5
		}
		seq := Merge(t.Context(), concurrency, indexes, sequences(sources))
		for range 2 {
			got := make([][]int, 20)
			for v := range seq {
				got[v.source] = append(got[v.source], v.n)
			}
			for i := range got {
				assert.Equal(t, numbers(i%5), got[i], "concurrency %d, source %d", concurrency, i)
			}
		}
	}
	for range Merge(t.Context(), 8, nil, sequenceOf) {
		t.Error("a value of no source")
	}
}

func TestMergeKeepsAllPlacesBusy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		concurrency, count int
		want               time.Duration
	}{
		"one value each":           {20, 1, 10 * time.Second},
		"three values each":        {20, 3, 30 * time.Second},
		"one at a time":            {1, 1, 200 * time.Second},
		"at least one":             {0, 1, 200 * time.Second},
		"more places than sources": {1000, 3, 3 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var running, most atomic.Int64
				sources, indexes := newSources(200, source{count: test.count, delay: time.Second, at: func(int) {
					most.Store(max(most.Load(), running.Add(1)))
					time.AfterFunc(time.Second-1, func() { running.Add(-1) })
				}})
				start := time.Now()
				values := 0
				for range Merge(t.Context(), test.concurrency, indexes, sequences(sources)) {
					values++
				}
				assert.Equal(t, test.want, time.Since(start))
				assert.Equal(t, 200*test.count, values)
				assert.EqualValues(t, max(1, min(200, test.concurrency)), most.Load())
			})
		})
	}
}

func TestMergeSlowSourceDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sources, indexes := newSources(20, source{count: 3, delay: time.Second})
		sources[0].delay = time.Hour
		start := time.Now()
		last := map[int]time.Duration{}
		for v := range Merge(t.Context(), 2, indexes, sequences(sources)) {
			last[v.source] = time.Since(start)
		}
		assert.Equal(t, 3*time.Hour, last[0])
		for i := 1; i < 20; i++ {
			assert.Equal(t, time.Duration(3*i)*time.Second, last[i])
		}
	})
}

// A slow caller holds a value of each place and no more, and a source has made no
// more than the caller is done with.
func TestMergeWaitsForTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sources, indexes := newSources(10, source{count: 4})
		yielded := make([]int, 10)
		all := 0
		for v := range Merge(t.Context(), 3, indexes, sequences(sources)) {
			yielded[v.source]++
			all++
			time.Sleep(time.Second)
			synctest.Wait()
			made := 0
			for _, s := range sources {
				made += s.made
			}
			assert.LessOrEqual(t, made, all+2)
			assert.Equal(t, yielded[v.source], sources[v.source].made)
		}
		assert.Equal(t, 40, all)
	})
}

func TestMergeLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for way := range leaving {
		for _, after := range []int{1, 2, 9} {
			t.Run(fmt.Sprintf("%s after %d", way, after), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					sources, indexes := newSources(30, source{count: 3, delay: time.Second})
					leave(t, after, way, func(ctx context.Context) iter.Seq[named] { return Merge(ctx, 8, indexes, sequences(sources)) })
					canceled := 0
					for _, s := range sources {
						assert.Zero(t, s.running)
						if s.err != nil {
							canceled++
						}
					}
					assert.GreaterOrEqual(t, canceled, 8)
				})
			})
		}
	}
}

// Sequences that don't look at their context are left, too.
func TestEndlessSequencesEndWithTheLoop(t *testing.T) {
	t.Parallel()
	endless := func(context.Context) iter.Seq[int] {
		return func(yield func(int) bool) {
			for n := 0; yield(n); n++ {
			}
		}
	}
	loops := map[string]iter.Seq[int]{
		"ahead": Ahead(t.Context(), 2, endless),
		"merge": Merge(t.Context(), 2, make([]int, 5), func(ctx context.Context, _ int) iter.Seq[int] { return endless(ctx) }),
	}
	for name, seq := range loops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range seq {
				if n == 10 {
					break
				}
			}
		})
	}
}

func TestMergeMakesNoMoreAfterBreak(t *testing.T) {
	t.Parallel()
	for _, after := range []int{1, 2, 9} {
		synctest.Test(t, func(t *testing.T) {
			sources, indexes := newSources(30, source{count: 3, delay: time.Second})
			leave(t, after, "break", func(ctx context.Context) iter.Seq[named] { return Merge(ctx, 8, indexes, sequences(sources)) })
			made := 0
			for _, s := range sources {
				made += s.made
			}
			assert.Equal(t, after-1+8, made, "what the caller is done with, and one in each place")
		})
	}
}

// Every source is told of the end of the context, which is for the sequence to report.
func TestMergeRunsAllSourcesAfterCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := 0
	for err := range Merge(ctx, 2, make([]int, 10), func(ctx context.Context, _ int) iter.Seq[error] {
		return func(yield func(error) bool) { yield(ctx.Err()) }
	}) {
		assert.ErrorIs(t, err, context.Canceled)
		errs++
	}
	assert.Equal(t, 10, errs)
}

// Not parallel: it looks at all goroutines of the process.
func TestFewGoroutines(t *testing.T) {
	running := func() int {
		stacks := make([]byte, 1<<20)
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "created by github.com/armsecops/armsecops/internal/fanout.")
	}
	tests := map[string]struct{ concurrency, sources, want int }{
		"many sources":   {8, 10_000, 8},
		"few sources":    {1000, 2, 2},
		"no concurrency": {0, 100, 1},
	}
	for name, test := range tests {
		sources := make([]int, test.sources)
		for i := range sources {
			sources[i] = i
		}
		for n := range Merge(t.Context(), test.concurrency, sources, func(_ context.Context, i int) iter.Seq[int] {
			return func(yield func(int) bool) {
				if i%100 == 0 || i == 1 {
					yield(running())
				}
			}
		}) {
			assert.LessOrEqual(t, n, test.want, name)
		}
		for running() > 0 { // the last one closes the channel, and then it ends
			runtime.Gosched()
		}
	}
}
