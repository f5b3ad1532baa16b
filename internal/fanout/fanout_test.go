package fanout

import (
	"context"
	"errors"
	"fmt"
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

	"github.com/armsecops/armsecops/internal/testkit"
)

// source is a sequence of numbers, and what can be seen of it.
type source struct {
	first int // number
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
			if !yield(s.first+n) || ctx.Err() != nil {
				return
			}
		}
	}
}

func numbers(n int) []int {
	return slices.Collect((&source{count: n}).sequence(context.Background()))
}

// sequenceOf is the sequence of a source, for Merge.
func sequenceOf(ctx context.Context, s *source) iter.Seq[int] { return s.sequence(ctx) }
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

// leaving are ways to leave a loop early: what its body does, and what it panics with.
var leaving = map[string]struct {
	body   func(cancel func()) (ok bool)
	panics any
}{
	"break":  {func(func()) bool { return false }, nil},
	"panic":  {func(func()) bool { panic("the caller's") }, "the caller's"},
	"cancel": {func(cancel func()) bool { cancel(); return true }, nil},
	"Goexit": {func(func()) bool { runtime.Goexit(); return false }, nil},
}

// leave ranges over a sequence and leaves it after so many values.
func leave(t *testing.T, after int, way string, loop func(context.Context) iter.Seq[int]) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
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
	}()
	<-ended
}

// However a loop is left, its goroutines have ended with it: the race detector
// sees that the fields of the source are read without a lock, and synctest fails
// if a goroutine is left.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	for way := range leaving {
		for _, after := range []int{1, 2, 5, 9} {
			t.Run(fmt.Sprintf("%s after %d", way, after), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					for n := 1; n <= 3; n++ {
						s := &source{count: 50, delay: time.Second}
						leave(t, after, way, func(ctx context.Context) iter.Seq[int] { return Ahead(ctx, n, s.sequence) })
						assert.Zero(t, s.running)
						assert.ErrorIs(t, s.err, context.Canceled)
						assert.LessOrEqual(t, s.made, after+n+1)
					}
					sources := newSources(30, source{count: 3, delay: time.Second})
					leave(t, after, way, func(ctx context.Context) iter.Seq[int] { return Merge(ctx, 8, sources, sequenceOf) })
					canceled := 0
					for _, s := range sources {
						assert.Zero(t, s.running)
						if s.err != nil {
							canceled++
						}
					}
					assert.GreaterOrEqual(t, canceled, 8)
					if way == "break" {
						assert.Equal(t, after-1+8, made(sources), "what the caller is done with, and one in each place")
					}
				})
			})
		}
	}
}

var errOops = errors.New("oops")

// ends are ways to end a goroutine, with the text that the caller gets.
var ends = map[string]struct {
	end  func()
	text string
	is   bool // errOops
}{
	"value":         {func() { panic("oops") }, "oops\n\n", false},
	"error":         {func() { panic(fmt.Errorf("again: %w", errOops)) }, "again: oops\n\n", true},
	"nil":           {func() { panic(nil) }, "panic called with nil argument", false},
	"runtime error": {func() { var s *source; s.made++ }, "runtime error: invalid memory address or nil pointer dereference\n\n", false},
	"Goexit":        {runtime.Goexit, "runtime.Goexit was called\n\n", false},
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
					for way, seq := range map[string]iter.Seq[int]{
						"ahead": Ahead(t.Context(), 3, s.sequence), "merge": Merge(t.Context(), 3, others, sequenceOf),
					} {
						var got []int
						start := time.Now()
						p := recovered(t, func() {
							for n := range seq {
								got = append(got, n)
							}
						})
						assert.Contains(t, p.Error(), test.text, way)
						assert.Contains(t, p.Error(), "(*source).sequence", "the stack of the sequence")
						assert.Equal(t, test.is, errors.Is(p, errOops))
						assert.Equal(t, name != "value", p.Unwrap() != nil, "the value is an error")
						assert.Equal(t, numbers(after), got, "what was yielded before")
						assert.Equal(t, start, time.Now(), "nothing is waited for")
						assert.Zero(t, s.running+others[0].running+others[2].running)
					}
				})
			})
		}
	}
}

// The caller has left already when the sequence panics: its context is canceled. A
// sequence that doesn't look at that is left, too, however many values it has.
func TestPanicAfterBreak(t *testing.T) {
	t.Parallel()
	sequence := func(ctx context.Context) iter.Seq[int] {
		return func(yield func(int) bool) {
			for yield(1) {
			}
			<-ctx.Done()
			panic(errOops)
		}
	}
	for way, seq := range map[string]iter.Seq[int]{
		"ahead": Ahead(t.Context(), 2, sequence),
		"merge": Merge(t.Context(), 2, make([]int, 2), func(ctx context.Context, _ int) iter.Seq[int] { return sequence(ctx) }),
	} {
		p := recovered(t, func() {
			for range seq {
				break
			}
		})
		assert.ErrorIs(t, p, errOops, way)
		assert.PanicsWithValue(t, "the caller's", func() {
			for range seq {
				panic("the caller's")
			}
		}, "the first panic is the one that matters")
	}
}

// newSources returns n sources, the numbers of each in a hundred of its own.
func newSources(n int, like source) (sources []*source) {
	for i := range n {
		s := like
		s.first = 100 * i
		sources = append(sources, &s)
	}
	return sources
}

// made returns how many numbers the sources have made.
func made(sources []*source) (made int) {
	for _, s := range sources {
		made += s.made
	}
	return made
}

func TestMergeYieldsAllInOrder(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{-1, 0, 1, 2, 7, 100} {
		sources := newSources(20, source{})
		for i, s := range sources {
			s.count = i % 5
		}
		seq := Merge(t.Context(), concurrency, sources, sequenceOf)
		for range 2 {
			got := make([][]int, 20)
			for n := range seq {
				got[n/100] = append(got[n/100], n%100)
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
	type test struct {
		concurrency, count int
		want               time.Duration
	}
	testkit.EachInBubble(t, map[string]test{
		"one value each":           {20, 1, 10 * time.Second},
		"three values each":        {20, 3, 30 * time.Second},
		"one at a time":            {1, 1, 200 * time.Second},
		"at least one":             {0, 1, 200 * time.Second},
		"more places than sources": {1000, 3, 3 * time.Second},
	}, func(t *testing.T, test test) {
		var running, most atomic.Int64
		sources := newSources(200, source{count: test.count, delay: time.Second, at: func(int) {
			most.Store(max(most.Load(), running.Add(1)))
			time.AfterFunc(time.Second-1, func() { running.Add(-1) })
		}})
		start, values := time.Now(), 0
		for range Merge(t.Context(), test.concurrency, sources, sequenceOf) {
			values++
		}
		assert.Equal(t, test.want, time.Since(start))
		assert.Equal(t, 200*test.count, values)
		assert.EqualValues(t, max(1, min(200, test.concurrency)), most.Load())
	})
}

func TestMergeSlowSourceDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sources := newSources(20, source{count: 3, delay: time.Second})
		sources[0].delay = time.Hour
		start, last := time.Now(), map[int]time.Duration{}
		for n := range Merge(t.Context(), 2, sources, sequenceOf) {
			last[n/100] = time.Since(start)
		}
		assert.Equal(t, 3*time.Hour, last[0])
		for i := 1; i < 20; i++ {
			assert.Equal(t, time.Duration(3*i)*time.Second, last[i])
		}
	})
}

// A slow caller holds a value of each place and no more, and a source has made no more than the caller is done with.
func TestMergeWaitsForTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sources, yielded := newSources(10, source{count: 4}), make([]int, 10)
		all := 0
		for n := range Merge(t.Context(), 3, sources, sequenceOf) {
			yielded[n/100]++
			all++
			time.Sleep(time.Second)
			synctest.Wait()
			assert.LessOrEqual(t, made(sources), all+2)
			assert.Equal(t, yielded[n/100], sources[n/100].made)
		}
		assert.Equal(t, 40, all)
	})
}

// Not parallel: it looks at all goroutines of the process.
func TestFewGoroutines(t *testing.T) {
	running := func() int {
		stacks := make([]byte, 1<<20)
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "created by github.com/armsecops/armsecops/internal/fanout.")
	}
	for name, test := range map[string]struct{ concurrency, sources, want int }{
		"many sources":   {8, 10_000, 8},
		"few sources":    {1000, 2, 2},
		"no concurrency": {0, 100, 1},
	} {
		for n := range Merge(t.Context(), test.concurrency, newSources(test.sources, source{count: 1}), sequenceOf) {
			if n == 100 || n%10_000 == 0 {
				assert.LessOrEqual(t, running(), test.want, name)
			}
		}
		for running() > 0 { // the last one closes the channel, and then it ends
			runtime.Gosched()
		}
	}
}
