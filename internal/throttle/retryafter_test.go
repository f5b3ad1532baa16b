package throttle

import (
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// retryAfterTests are values of headers, and the wait that each asks for.
var retryAfterTests = map[string]struct {
	header, value string
	want          time.Duration
}{
	"seconds":                    {"Retry-After", "17", 17 * time.Second},
	"white space":                {"Retry-After", " 17 ", 17 * time.Second},
	"zero":                       {"Retry-After", "0", 0},
	"empty":                      {"Retry-After", "", 0},
	"negative":                   {"Retry-After", "-1", 0},
	"fraction":                   {"Retry-After", "1.5", 0},
	"word":                       {"Retry-After", "soon", 0},
	"beyond any wait":            {"Retry-After", "99999999999999", math.MaxInt64},
	"beyond 64 bits":             {"Retry-After", "99999999999999999999999", math.MaxInt64},
	"date":                       {"Retry-After", "Fri, 02 Jan 2026 03:05:05 GMT", time.Minute},
	"date in the past":           {"Retry-After", "Fri, 02 Jan 2026 03:03:05 GMT", 0},
	"date far ahead":             {"Retry-After", "Fri, 02 Jan 2226 03:04:05 GMT", 1753152 * time.Hour},
	"date, the year 9999":        {"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT", math.MaxInt64},
	"date, an older form":        {"Retry-After", "Friday, 02-Jan-26 03:05:05 GMT", time.Minute},
	"milliseconds":               {"Retry-After-Ms", "1500", 1500 * time.Millisecond},
	"milliseconds, Azure's name": {"X-Ms-Retry-After-Ms", "1500", 1500 * time.Millisecond},
	"milliseconds, beyond":       {"Retry-After-Ms", "18446744073709551615", math.MaxInt64},
	"milliseconds, but a date":   {"Retry-After-Ms", "Fri, 02 Jan 2026 03:05:05 GMT", 0},
	"a thousand hours":           {"Retry-After", "3600000", 1000 * time.Hour},
	"quota":                      {"X-Ms-User-Quota-Resets-After", "00:00:05", 5 * time.Second},
	"quota, all parts":           {"X-Ms-User-Quota-Resets-After", " 23:59:58 ", 24*time.Hour - 2*time.Second},
	"quota, a fraction":          {"X-Ms-User-Quota-Resets-After", "00:00:01.5000000", 1500 * time.Millisecond},
	"quota, reset":               {"X-Ms-User-Quota-Resets-After", "00:00:00", 0},
	"quota, a day":               {"X-Ms-User-Quota-Resets-After", "24:00:00", 0},
	"quota, seconds":             {"X-Ms-User-Quota-Resets-After", "5", 0},
	"quota, negative":            {"X-Ms-User-Quota-Resets-After", "-00:00:05", 0},
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, test := range retryAfterTests {
		assert.Equal(t, test.want, RetryAfter(throttled(test.header, test.value), now), name)
	}
}

// The first header that asks to wait counts. The quota's is on every response:
// only that of a 429 asks. A date counts from the Date of the response, whatever
// the clock here says.
func TestRetryAfterOfSeveralHeaders(t *testing.T) {
	t.Parallel()
	const quota = "X-Ms-User-Quota-Resets-After"
	for name, test := range map[string]struct {
		status int
		header []string // names and values
		want   time.Duration
	}{
		"none":            {429, nil, 0},
		"garbage":         {429, []string{"Retry-After", "17", "Retry-After-Ms", "soon"}, 17 * time.Second},
		"a zero":          {429, []string{"Retry-After", "17", "Retry-After-Ms", "0"}, 17 * time.Second},
		"both":            {429, []string{"Retry-After", "17", "Retry-After-Ms", "1500"}, 1500 * time.Millisecond},
		"quota beside it": {429, []string{"Retry-After", "17", quota, "00:00:05"}, 17 * time.Second},
		"quota of a 200":  {200, []string{quota, "00:00:05"}, 0},
		"quota of a 503":  {503, []string{quota, "00:00:05"}, 0},
		"a clock ahead":   {503, []string{"Date", "Fri, 02 Jan 2026 03:14:05 GMT", "Retry-After", "Fri, 02 Jan 2026 03:14:10 GMT"}, 5 * time.Second},
		"a clock behind":  {503, []string{"Date", "Fri, 02 Jan 2026 02:54:05 GMT", "Retry-After", "Fri, 02 Jan 2026 02:54:10 GMT"}, 5 * time.Second},
		"an older form":   {503, []string{"Date", "Friday, 02-Jan-26 03:14:05 GMT", "Retry-After", "Fri Jan  2 03:14:10 2026"}, 5 * time.Second},
		"before its Date": {503, []string{"Date", "Fri, 02 Jan 2026 03:14:05 GMT", "Retry-After", "Fri, 02 Jan 2026 03:14:00 GMT"}, 0},
		"no Date":         {503, []string{"Retry-After", "Fri, 02 Jan 2026 03:04:10 GMT"}, 5 * time.Second},
		"garbage as Date": {503, []string{"Date", "today", "Retry-After", "Fri, 02 Jan 2026 03:04:10 GMT"}, 5 * time.Second},
	} {
		resp := throttled(test.header...)
		resp.StatusCode = test.status
		assert.Equal(t, test.want, RetryAfter(resp, now), name)
		if _, err := http.ParseTime(resp.Header.Get("Date")); err == nil { // else Bound counts from the clock here
			Bound(resp, math.MaxInt64)
			assert.Equal(t, strconv.Itoa(int(test.want.Seconds())), resp.Header.Get("Retry-After"), name)
		}
	}
}

// A header stays as it is unless azcore would wait for another time.
func TestBound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header, value string
		bound         time.Duration
		want          string
	}{
		"seconds":                     {"Retry-After", "17", time.Hour, "17"},
		"seconds, beyond the bound":   {"Retry-After", "3601", time.Hour, "3600"},
		"seconds that overflow":       {"Retry-After", "20211507185753197", time.Hour, "3600"},
		"seconds, overflow, no bound": {"Retry-After", "20211507185753197", math.MaxInt64, "9223372036"},
		"beyond 64 bits":              {"Retry-After", "99999999999999999999999", math.MaxInt64, "9223372036"},
		"milliseconds":                {"Retry-After-Ms", "1500", time.Hour, "1500"},
		"milliseconds that overflow":  {"X-Ms-Retry-After-Ms", "20211507185753197", time.Hour, "3600000"},
		"a date, ten years ahead":     {"Retry-After", "Fri, 02 Jan 2036 03:04:05 GMT", time.Hour, "3600"},
		"a date of the past":          {"Retry-After", "Fri, 02 Jan 2015 03:04:05 GMT", time.Hour, "0"},
		"zero":                        {"Retry-After", "0", time.Hour, "0"},
		"garbage":                     {"Retry-After", "soon", time.Hour, "soon"},
	} {
		resp := throttled(test.header, test.value)
		Bound(resp, test.bound)
		assert.Equal(t, http.Header{test.header: {test.want}}, resp.Header, name)
	}
	assert.NotPanics(t, func() { Bound(&http.Response{}, time.Hour) })
}

// Whatever the header says, the wait isn't negative, and a number of seconds is that number.
func FuzzRetryAfter(f *testing.F) {
	for _, test := range retryAfterTests {
		f.Add(test.value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"Retry-After", "Retry-After-Ms", "X-Ms-Retry-After-Ms", "X-Ms-User-Quota-Resets-After"} {
			d := RetryAfter(throttled(name, value), now)
			require.GreaterOrEqual(t, d, time.Duration(0))
			if n, err := strconv.ParseUint(value, 10, 20); err == nil && name == "Retry-After" {
				require.Equal(t, time.Duration(n)*time.Second, d)
			}
		}
	})
}
