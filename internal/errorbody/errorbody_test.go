package errorbody

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unknown returns unknown members: names and their JSON in turn.
func unknown(members ...string) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	for pair := range slices.Chunk(members, 2) {
		m[pair[0]] = json.RawMessage(pair[1])
	}
	return m
}

// shapes are bodies, and what each of them says.
var shapes = map[string]struct {
	body string
	want Error
}{
	"envelope":               {`{"error":{"code":"NotFound","message":"No such job.","target":"jobName"}}`, Error{Code: "NotFound", Message: "No such job.", Target: "jobName"}},
	"without envelope":       {`{"code":"NotFound","message":"No such job."}`, Error{Code: "NotFound", Message: "No such job."}},
	"OData":                  {`{"odata.error":{"code":"c","message":"m"}}`, Error{Code: "c", Message: "m"}},
	"OData's message object": {`{"odata.error":{"code":"c","message":{"value":"m"}}}`, Error{Code: "c", AdditionalProperties: unknown("message", `{"value":"m"}`)}},
	"legacy": {`{"HttpStatusCode":404,"ErrorCode":"Not Found","Message":"Entity was not found"}`,
		Error{Code: "Not Found", Message: "Entity was not found", AdditionalProperties: unknown("HttpStatusCode", "404")}},
	"OAuth": {`{"error":"invalid_grant","error_description":"AADSTS70008"}`, Error{Code: "invalid_grant", Message: "AADSTS70008"}},
	"names in capitals": {
		`{"ERROR":{"CODE":"c","Message":"m","TARGET":"t","Details":[{"Code":"d"}],"AdditionalInfo":[{"TYPE":"i","Info":1}]}}`,
		Error{Code: "c", Message: "m", Target: "t", Details: []Error{{Code: "d"}}, AdditionalInfo: []Info{{Type: "i", Info: []byte("1")}}},
	},
	"members around the envelope": {`{"status":400,"error":{"code":"c","innererror":{"a":[1, 2]}},"traceId":"t"}`,
		Error{Code: "c", AdditionalProperties: unknown("status", "400", "innererror", `{"a":[1, 2]}`, "traceId", `"t"`)}},
	"several unknown members": {`{"error":{"a":1,"code":"c","b":{"c":2},"A":3}}`,
		Error{Code: "c", AdditionalProperties: unknown("a", "1", "b", `{"c":2}`, "A", "3")}},
	"long numbers":    {`{"code":"c","count":12345678901234567890.10}`, Error{Code: "c", AdditionalProperties: unknown("count", "12345678901234567890.10")}},
	"duplicate names": {`{"error":{"code":"a","code":"b","x":1,"x":2}}`, Error{Code: "b", AdditionalProperties: unknown("x", "2")}},
	"null":            {`{"error":{"code":"c","message":null,"target":null,"details":null,"additionalInfo":null,"x":null}}`, Error{Code: "c"}},
	"null error":      {`{"error":null,"message":"m"}`, Error{Message: "m"}},
	"members of other types": {
		`{"error":{"code":7,"message":["m"],"target":{},"details":{"a":1},"additionalInfo":"i"}}`,
		Error{AdditionalProperties: unknown("code", "7", "message", `["m"]`, "target", "{}", "details", `{"a":1}`, "additionalInfo", `"i"`)},
	},
	"error of another type": {`{"error":[1],"code":"c"}`, Error{Code: "c", AdditionalProperties: unknown("error", "[1]")}},

	"details": {
		`{"error":{"code":"c","details":[{"code":"d","message":"m","target":"t","x":1},{"code":"e"}],"target":"after"}}`,
		Error{Code: "c", Target: "after", Details: []Error{{Code: "d", Message: "m", Target: "t", AdditionalProperties: unknown("x", "1")}, {Code: "e"}}},
	},
	"details in details": {`{"details":[{"code":"a","details":[{"code":"b"}]},{"code":"c"}]}`,
		Error{Details: []Error{{Code: "a", Details: []Error{{Code: "b"}}}, {Code: "c"}}}},
	"details with envelopes": {`{"details":[{"error":{"code":"a"}}]}`, Error{Details: []Error{{Code: "a"}}}},
	"details of other types": {`{"details":[{"code":"a"},1,"x",[{"code":"x"}],null,{"code":"b"}],"code":"c"}`,
		Error{Code: "c", Details: []Error{{Code: "a"}, {Code: "b"}}}},
	"details that are empty": {`{"details":[{},{"code":null},{"code":"a"}]}`, Error{Details: []Error{{Code: "a"}}}},
	"no details":             {`{"code":"c","details":[]}`, Error{Code: "c"}},
	"details twice":          {`{"details":[{"code":"a"}],"details":[{"code":"b"}]}`, Error{Details: []Error{{Code: "a"}, {Code: "b"}}}},

	"additional info": {
		`{"error":{"code":"c","additionalInfo":[{"type":"Policy","info":{"n": 12345678901234567890},"x":1},{},7,{"type":"b"}]}}`,
		Error{Code: "c", AdditionalInfo: []Info{
			{Type: "Policy", Info: []byte(`{"n": 12345678901234567890}`), AdditionalProperties: unknown("x", "1")}, {Type: "b"},
		}},
	},
	"additional info of other types": {`{"additionalInfo":[{"type":7,"info":null}]}`, Error{AdditionalInfo: []Info{{AdditionalProperties: unknown("type", "7")}}}},

	"message of JSON, another code": {
		`{"error":{"code":"a","target":"u","message":"{\"error\":{\"code\":\"b\",\"message\":\"m\",\"target\":\"t\",\"x\":1}}"}}`,
		Error{Code: "a", Message: "m", Target: "u", Details: []Error{{Code: "b", Message: "m", Target: "t", AdditionalProperties: unknown("x", "1")}}},
	},
	"message of JSON, the same code": {
		`{"code":"A","message":"{\"code\":\"a\",\"message\":\"m\",\"target\":\"t\",\"details\":[{\"code\":\"d\"}],` +
			`\"additionalInfo\":[{\"type\":\"i\"}],\"x\":1,\"y\":2}","details":[{"code":"c"}],"additionalInfo":[{"type":"h"}],"y":3}`,
		Error{
			Code: "A", Message: "m", Target: "t", Details: []Error{{Code: "c"}, {Code: "d"}},
			AdditionalInfo: []Info{{Type: "h"}, {Type: "i"}}, AdditionalProperties: unknown("x", "1", "y", "3"),
		},
	},
	"message of JSON, both targets":    {`{"message":"{\"message\":\"m\",\"target\":\"t\"}","target":"u"}`, Error{Message: "m", Target: "u"}},
	"message of JSON, only its code":   {`{"message":" {\"code\":\"a\",\"message\":\"m\"}"}`, Error{Code: "a", Message: "m"}},
	"message of JSON, without a code":  {`{"code":"a","message":"{\"message\":\"m\"}"}`, Error{Code: "a", Message: "m"}},
	"message of JSON, no message":      {`{"code":"a","message":"{\"code\":\"b\"}"}`, Error{Code: "a", Message: `{"code":"b"}`}},
	"message of JSON that is cut":      {`{"code":"a","message":"{\"message\":\"m\",\"code\":\"b"}`, Error{Code: "a", Message: "m"}},
	"message of malformed JSON":        {`{"code":"a","message":"{m}"}`, Error{Code: "a", Message: "{m}"}},
	"message of an array":              {`{"code":"a","message":"[{\"message\":\"m\"}]"}`, Error{Code: "a", Message: `[{"message":"m"}]`}},
	"message in a message":             {`{"message":"{\"message\":\"{\\\"code\\\":\\\"c\\\",\\\"message\\\":\\\"m\\\"}\"}"}`, Error{Code: "c", Message: "m"}},
	"message of JSON in a detail":      {`{"details":[{"message":"{\"code\":\"c\",\"message\":\"m\"}"}]}`, Error{Details: []Error{{Code: "c", Message: "m"}}}},
	"message of JSON before a message": {`{"message":"{\"code\":\"c\",\"message\":\"m\"}","error":{"message":"n"}}`, Error{Message: "n"}},
	"message of JSON, then cut":        {`{"message":"{\"code\":\"c\",\"message\":\"m\"}","x`, Error{Code: "c", Message: "m"}},

	"quotes, then a backslash": {`{"message":"say \"no\" to C:\\","code":"c"}`, Error{Code: "c", Message: `say "no" to C:\`}},
	"escapes":                  {`{"message":"\u00fc\n\ud83d\ude42\ud83d"}`, Error{Message: "ü\n🙂\ufffd"}},
	"invalid UTF-8":            {"{\"message\":\"a\xffb\",\"x\":\"c\xff\"}", Error{Message: "a\ufffdb", AdditionalProperties: unknown("x", "\"c\ufffd\"")}},
	"white space":              {" \r\n\t{ \"code\" : \"c\" } \n", Error{Code: "c"}},
	"text after the object":    {`{"code":"c"} {"code":"d"}`, Error{Code: "c"}},
	"byte-order mark":          {"\xef\xbb\xbf{\"code\":\"c\"}", Error{Code: "c"}},
	"byte-order mark later":    {"{\"code\":\"c\",\"error\":\xef\xbb\xbf{\"code\":\"d\"}}", Error{Code: "c"}},
	"second byte-order mark":   {"\xef\xbb\xbf\xef\xbb\xbf{\"code\":\"c\"}", Error{Message: `{"code":"c"}`}},

	"cut in additional info": {`{"code":"c","additionalInfo":[{"type":"t","info":{`, Error{Code: "c", AdditionalInfo: []Info{{Type: "t"}}}},
	"malformed detail":       {`{"code":"Bt","message":"The id.", "target":"Name","details":[{{"":"","":9}}N`, Error{Code: "Bt", Message: "The id.", Target: "Name"}},
	"malformed value":        {`{"code":"c","message":m,"target":"t"}`, Error{Code: "c"}},
	"empty object":           {`{}`, Error{}},

	"empty":             {"", Error{}},
	"white space alone": {" \r\n", Error{}},
	"text":              {"No healthy\r\n\tupstream\x00\u202e", Error{Message: "No healthy upstream"}},
	"JSON string":       {`"No."`, Error{Message: `"No."`}},
	"JSON array":        {`[{"code":"c"}]`, Error{Message: `[{"code":"c"}]`}},
	"HTML": {
		"<html><head><title>502 Bad Gateway</title><style>p { color: red }</style></head>\n" +
			"<body><h1>502 Bad Gateway</h1><p>Gateway/v2</p></body></html>",
		Error{Message: "502 Bad Gateway 502 Bad Gateway Gateway/v2"},
	},
	"HTML with scripts": {"<SCRIPT src='a'>\nif (a<b) {}\n</Script>a<script>b</script >c<styles>d</styles>e<STYLE\nid=s>f</STYLE>g<br\n/>h",
		Error{Message: "a c d e g h"}},
	"HTML with much white space": {"<p>" + strings.Repeat(" \n", 7000) + "Busy</p>", Error{Message: "Busy"}},
	"HTML that is long":          {strings.Repeat("<p>Busy</p>\n", 2_000), Error{Message: strings.Repeat("Busy ", 102)[:509] + "…"}},
	"HTML behind much of it":     {strings.Repeat("<br>", 5000) + "Busy", Error{}},
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, test := range shapes {
		body := []byte(test.body)
		assert.Equal(t, test.want, Read(body), name)
		assert.Equal(t, test.body, string(body), "the body is left alone")
	}
}

// What is read of a body that is cut anywhere is what the whole body says.
func TestReadOfCutBodies(t *testing.T) {
	t.Parallel()
	const body = `{"error":{"code":"c\u0041","message":"m","details":[{"code":"d","message":"n"},{"code":"e"}],"target":"t","x":[{}]}}`
	steps := []Error{{}}
	for end := range len(body) + 1 {
		if got := Read([]byte(body[:end])); !assert.ObjectsAreEqual(steps[len(steps)-1], got) {
			steps = append(steps, got)
		}
	}
	d, e := Error{Code: "d", Message: "n"}, Error{Code: "e"}
	assert.Equal(t, []Error{
		{},
		{Code: "cA"},
		{Code: "cA", Message: "m"},
		{Code: "cA", Message: "m", Details: []Error{{Code: "d"}}},
		{Code: "cA", Message: "m", Details: []Error{d}},
		{Code: "cA", Message: "m", Details: []Error{d, e}},
		{Code: "cA", Message: "m", Details: []Error{d, e}, Target: "t"},
		{Code: "cA", Message: "m", Details: []Error{d, e}, Target: "t", AdditionalProperties: unknown("x", "[{}]")},
	}, steps)
}

// escape escapes JSON in a string of JSON.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func nest(open, middle, end string, n int) string {
	return strings.Repeat(open, n) + middle + strings.Repeat(end, n)
}

func TestReadBoundsNesting(t *testing.T) {
	t.Parallel()
	envelopes := func(n int) Error { return Read([]byte(nest(`{"error":`, `{"code":"c"}`, `}`, n))) }
	assert.Equal(t, Error{Code: "c"}, envelopes(maxDepth))
	assert.Equal(t, Error{AdditionalProperties: unknown("error", `{"code":"c"}`)}, envelopes(maxDepth+1))
	details := func(n int, innermost string) Error {
		e := Read([]byte(nest(`{"details":[`, innermost, `]}`, n)))
		for len(e.Details) == 1 {
			e = e.Details[0]
		}
		return e
	}
	assert.Equal(t, Error{Code: "c"}, details(maxDepth, `{"code":"c"}`))
	assert.Equal(t, Error{AdditionalProperties: unknown("details", `[{"code":"c"}]`)}, details(maxDepth+1, `{"code":"c"}`))
	assert.Equal(t, Error{Code: "c"}, details(maxDepth-1, `{"error":{"code":"c"}}`))
	assert.Equal(t, Error{AdditionalProperties: unknown("error", `{"code":"c"}`)}, details(maxDepth, `{"error":{"code":"c"}}`))
	const message = `{"message":"{\"message\":\"m\"}"}`
	assert.Equal(t, Error{Message: "m"}, details(maxDepth-1, message))
	assert.Equal(t, Error{Message: `{"message":"m"}`}, details(maxDepth, message))
	const detail = `{"code":"c","message":"{\"message\":\"m\",\"details\":[{\"code\":\"d\"}]}"}`
	assert.Equal(t, Error{Code: "d"}, details(maxDepth-2, detail))
	assert.Equal(t, Error{Code: "c", Message: "m", AdditionalProperties: unknown("details", `[{"code":"d"}]`)}, details(maxDepth-1, detail))
}

func TestReadBoundsTheNumberOfParts(t *testing.T) {
	t.Parallel()
	list := func(n int, part string) string { return strings.TrimSuffix(strings.Repeat(part+",", n), ",") }
	for _, n := range []int{maxParts - 1, maxParts, maxParts + 9} {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"x%d":1`, i))
		}
		for _, parts := range []string{
			`"details":[` + list(n, `{"code":"d"}`) + `]`, `"additionalInfo":[` + list(n, `{"type":"t"}`) + `]`, strings.Join(members, ","),
		} {
			e := Read([]byte(`{` + parts + `,"code":"c"}`))
			assert.Equal(t, min(n, maxParts), len(e.Details)+len(e.AdditionalInfo)+len(e.AdditionalProperties))
			assert.Equal(t, "c", e.Code, "what comes after the last part is read")
		}
	}
	e := Read([]byte(`{"details":[` + list(maxParts-4, `{"code":"d"}`) + `,{"x":1}],"additionalInfo":[{"x":1},{"x":1}],"y":1}`))
	assert.Len(t, e.Details, maxParts-3)
	assert.Equal(t, []Info{{AdditionalProperties: unknown("x", "1")}}, e.AdditionalInfo, "all parts count")
	assert.Empty(t, e.AdditionalProperties)
}

func TestReadBoundsMessagesOfJSON(t *testing.T) {
	t.Parallel()
	body := func(padding int) string {
		message := `{"message":"m"` + strings.Repeat(" ", padding) + `}`
		return `{"code":"c","message":"` + escape.Replace(message) + `","details":[{"message":"{\"message\":\"n\"}"}]}`
	}
	within := maxMessages - len(`{"message":"m"}`) - len(`{"message":"n"}`)
	assert.Equal(t, Error{Code: "c", Message: "m", Details: []Error{{Message: "n"}}}, Read([]byte(body(within))))
	e := Read([]byte(body(within + 1)))
	assert.Len(t, e.Message, maxKept-len("c"), "a message that is too long is no JSON, and is cut")
	assert.True(t, strings.HasPrefix(e.Message, "{"))
}

// Whatever the body holds, what is read is within the bounds and valid.
func FuzzRead(f *testing.F) {
	for _, test := range shapes {
		if len(test.body) < 1000 { // short ones are mutated more often
			f.Add([]byte(test.body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var check func(e Error, depth int) (parts int)
		members := func(m map[string]json.RawMessage) int {
			for name, value := range m {
				require.True(t, json.Valid(value), "%q: %q", name, value)
				require.True(t, utf8.Valid(value), "%q: %q", name, value)
				require.NotEqual(t, "null", string(value), name)
			}
			return len(m)
		}
		check = func(e Error, depth int) int {
			require.LessOrEqual(t, depth, maxDepth)
			require.True(t, utf8.ValidString(e.Code+e.Message+e.Target))
			parts := members(e.AdditionalProperties) + len(e.Details) + len(e.AdditionalInfo)
			for _, detail := range e.Details {
				require.NotZero(t, detail)
				parts += check(detail, depth+1)
			}
			for _, info := range e.AdditionalInfo {
				require.NotZero(t, info)
				require.True(t, info.Info == nil || json.Valid(info.Info))
				parts += members(info.AdditionalProperties)
			}
			return parts
		}
		e := Read(body)
		require.LessOrEqual(t, check(e, 0), maxParts+len(body)/len(`{"message":""}`))
		require.Equal(t, e, Read(body))
	})
}

func TestReadSaysNothingOfBinaryBodies(t *testing.T) {
	t.Parallel()
	var zipped, deflated bytes.Buffer
	z := gzip.NewWriter(&zipped)
	f, _ := flate.NewWriter(&deflated, flate.BestCompression)
	for _, w := range []io.WriteCloser{z, f} {
		_, _ = io.WriteString(w, `{"error":{"code":"NotFound","message":"`+strings.Repeat("There is no such job in this workspace. ", 9)+`"}}`)
		_ = w.Close()
	}
	for _, body := range []string{zipped.String(), deflated.String(), "\x00\x01\x02\x03", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"} {
		assert.Equal(t, Error{}, Read([]byte(body)), "%q", body)
	}
	assert.Equal(t, "Accs refus", Read([]byte("Acc\xe8s refus\xe9")).Message, "Latin-1 is text")
}

func TestReadBoundsWhatIsKept(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxKept)
	e := Read([]byte(`{"code":"c","message":"` + long + `b","x":1,"target":"t"}`))
	assert.Equal(t, Error{Code: "c", Message: long[1:], AdditionalProperties: unknown()}, e)
	e = Read([]byte(`{"code":"c","x":"` + long + `","y":1,"details":[{"code":"d","z":"` + long + `"}],"additionalInfo":[{"type":"t","info":"` + long + `"}]}`))
	assert.Equal(t, Error{
		Code: "c", Details: []Error{{Code: "d", AdditionalProperties: unknown()}}, AdditionalInfo: []Info{}, AdditionalProperties: unknown("y", "1"),
	}, e)
}

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
