package errorbody

import (
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// costlyBytes is the length of the bodies that are measured.
const costlyBytes = 900_000

// fill repeats a part between two ends, up to costlyBytes in all.
func fill(start, part, end string) string {
	return start + strings.Repeat(part, (costlyBytes-len(start+end))/len(part)) + end
}

// fillNumbered is fill with the number of each part in the place of its #.
func fillNumbered(start, part, end string) string {
	before, after, _ := strings.Cut(part, "#")
	b := []byte(start)
	for n := 0; len(b) < costlyBytes-len(part)-len(end)-len("900000"); n++ {
		b = append(b, before...)
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, after...)
	}
	return string(b) + end
}

// inMessages makes the body the message of another one, as often as costlyBytes allow.
func inMessages(body string) string {
	for {
		around := `{"message":"` + escape.Replace(body) + `"}`
		if len(around) > costlyBytes {
			return body
		}
		body = around
	}
}

// costlyBodies are the bodies that could take the most time and memory.
func costlyBodies() map[string]string {
	const half = costlyBytes / 2
	return map[string]string{
		"errors":                      fill(`{`, `"error":{},`, `"code":"c"}`),
		"errors beside a message":     fill(`{"message":"{`+strings.Repeat(" ", half)+`}",`, `"error":{},`, `"code":"c"}`),
		"errors in errors":            fill(`{"details":[`, nest(`{"error":`, `1`, `}`, 9_000)+",", `{}]}`),
		"details":                     fill(`{"details":[`, `{},`, `{}]}`),
		"details with codes":          fillNumbered(`{"details":[`, `{"code":"#"},`, `{}]}`),
		"details in details":          fill(`{"details":[`, nest(`{"details":[`, `{"code":"c"}`, `]}`, maxDepth-2)+",", `{}]}`),
		"details in details, deep":    fill(`{"details":[`, nest(`{"details":[`, ``, `]}`, 4_900)+",", `{}]}`),
		"details with empty messages": fill(`{"details":[`, `{"message":"{}"},`, `{}]}`),
		"details with messages":       fill(`{"details":[`, `{"code":"c","message":"{\"code\":\"d\",\"message\":\"m\"}"},`, `{}]}`),
		"messages in messages":        inMessages(`{"message":"m"}`),
		"details in messages":         inMessages(`{"message":"m","details":[` + strings.Repeat(`{},`, half/6) + `{}]}`),
		"invalid UTF-8 in messages":   inMessages(`{"message":"` + strings.Repeat("\xff", half/3) + `"}`),
		"invalid UTF-8":               fill(`{"message":"`, "\xff", `"}`),
		"escapes":                     fill(`{"message":"`, `\u0041`, `"}`),
		"codes":                       fillNumbered(`{`, `"code":"#",`, `"code":"c"}`),
		"message of JSON, repeated":   fill(`{`, `"message":"{}",`, `"code":"c"}`),
		"unknown members":             fillNumbered(`{`, `"#":1,`, `"code":"c"}`),
		"unknown members in capitals": fillNumbered(`{`, `"A#":1,`, `"code":"c"}`),
		"one unknown member":          fill(`{`, `"a":1,`, `"code":"c"}`),
		"long unknown members":        fillNumbered(`{`, `"#":"`+strings.Repeat("\xff", 400)+`",`, `"code":"c"}`),
		"unknown members of details":  fillNumbered(`{"details":[`, `{"#":1},`, `{}]}`),
		"infos":                       fill(`{"additionalInfo":[`, `{},`, `{}]}`),
		"unknown members of infos":    fillNumbered(`{"additionalInfo":[`, `{"#":1},`, `{}]}`),
		"info, repeated":              fill(`{"additionalInfo":[{`, `"info":1,`, `"type":"t"}]}`),
		"arrays in arrays":            fill(`{"a":[`, nest(`[`, ``, `]`, 9_000)+",", `0]}`),
		"numbers":                     fill(`{"a":[`, `0,`, `0]}`),
		"objects":                     fill(`{"a":[`, `{},`, `{}]}`),
		"white space":                 fill(`{`, " ", `}`),
		"text":                        fill(``, " a", ``),
		"less-than signs":             fill(``, `< `, ``),
		"styles without end":          fill(``, `<style>`, ``),
	}
}

// Not parallel: it counts what the whole process allocates.
func TestReadCostIsBounded(t *testing.T) {
	for name, text := range costlyBodies() {
		body := []byte(text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		Read(body)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(40*costlyBytes), "bytes, %s", name)
		assert.Less(t, after.Mallocs-before.Mallocs, uint64(costlyBytes/4), "allocations, %s", name)
	}
}
