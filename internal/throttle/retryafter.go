package throttle

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter returns how long a response asks to wait: in milliseconds, in
// seconds, or until a date; or else, if it is a 429 of Azure Resource Graph, until
// the quota resets. It is 0 if the response doesn't ask, or can't be read.
func RetryAfter(resp *http.Response, now time.Time) time.Duration {
	const longest = math.MaxInt64
	header := resp.Header
	for _, h := range []struct {
		name string
		unit time.Duration
	}{{"retry-after-ms", time.Millisecond}, {"x-ms-retry-after-ms", time.Millisecond}, {"retry-after", time.Second}} {
		value := strings.TrimSpace(header.Get(h.name))
		if n, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
			if n > uint64(longest/h.unit) {
				return longest
			}
			if n > 0 {
				return time.Duration(n) * h.unit
			}
		} else if date, err := http.ParseTime(value); err == nil && h.unit == time.Second {
			return max(date.Sub(now), 0)
		}
	}
	if resp.StatusCode == http.StatusTooManyRequests { // every other response has the header, too
		if clock, err := time.Parse(time.TimeOnly, strings.TrimSpace(header.Get("x-ms-user-quota-resets-after"))); err == nil {
			return clock.Sub(clock.Truncate(24 * time.Hour))
		}
	}
	return 0
}
