package throttle

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const longest = math.MaxInt64 // the longest wait there is

// asks are the headers that ask to wait, the first one that does so first.
var asks = []struct {
	header string
	unit   time.Duration
}{{"Retry-After-Ms", time.Millisecond}, {"X-Ms-Retry-After-Ms", time.Millisecond}, {"Retry-After", time.Second}}

// RetryAfter returns how long a response asks to wait: in milliseconds, in
// seconds, or until a date; or else, if it is a 429 of Azure Resource Graph, until
// the quota resets. It is 0 if the response doesn't ask, or can't be read.
//   - now: by the clock here, for a date in a response that has no Date of its own
func RetryAfter(resp *http.Response, now time.Time) time.Duration {
	for _, ask := range asks {
		if wait, _ := parse(resp.Header, ask.header, ask.unit, now); wait > 0 {
			return wait
		}
	}
	if resp.StatusCode == http.StatusTooManyRequests { // every other response has the header, too
		if clock, err := time.Parse(time.TimeOnly, strings.TrimSpace(resp.Header.Get("x-ms-user-quota-resets-after"))); err == nil {
			return clock.Sub(clock.Truncate(24 * time.Hour))
		}
	}
	return 0
}

// parse returns how long a header asks to wait, and whether it can be read. A
// date counts from the Date of the response: the service's clock may differ from
// the one here.
func parse(header http.Header, name string, unit time.Duration, now time.Time) (wait time.Duration, ok bool) {
	value := strings.TrimSpace(header.Get(name))
	if value == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		if n >= uint64(longest/unit) { // also what Bound writes for the longest
			return longest, true
		}
		return time.Duration(n) * unit, true
	}
	date, err := http.ParseTime(value)
	if err != nil || unit != time.Second {
		return 0, false
	}
	if sent, err := http.ParseTime(header.Get("Date")); err == nil {
		now = sent
	}
	return max(date.Sub(now), 0), true
}

// Bound rewrites what a response asks to wait where azcore would wait for
// another time: azcore counts a date from the clock here, and a number that
// overflows is no wait to it.
//   - bound: the longest wait that the response may ask for
func Bound(resp *http.Response, bound time.Duration) {
	now := time.Now()
	for _, ask := range asks {
		wait, ok := parse(resp.Header, ask.header, ask.unit, now)
		if !ok {
			continue
		}
		n := min(wait, bound) / ask.unit
		if wait%ask.unit != 0 && wait < bound { // never earlier than a date
			n++
		}
		if value := strconv.FormatInt(int64(n), 10); value != resp.Header.Get(ask.header) {
			resp.Header.Set(ask.header, value)
		}
	}
}
