package wire_test

import (
	"cmp"
	stdjson "encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime/datetime"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/internal/wire"
)

// document is a model as the root package has them: with methods on the whole, and without any on its parts.
type document struct {
	Name    string                        `json:"name,omitzero"`
	At      time.Time                     `json:"at,omitzero"`
	Parts   []part                        `json:"parts,omitzero"`
	Open    stdjson.RawMessage            `json:"open,omitzero"`
	Count   int32                         `json:"count,omitzero"`
	On      bool                          `json:"on,omitzero"`
	Unknown map[string]stdjson.RawMessage `json:",embed"`
}

type part struct {
	At time.Time `json:"at,omitzero"`
}

type plain document

func (d document) MarshalJSON() ([]byte, error)            { return wire.Marshal((*plain)(&d)) }
func (d *document) UnmarshalJSON(data []byte) error        { return wire.Unmarshal(data, (*plain)(d)) }
func (d document) MarshalJSONTo(e *jsontext.Encoder) error { return wire.Encode(e, (*plain)(&d)) }
func (d *document) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return wire.Decode(dec, (*plain)(d))
}

var at = time.Date(2022, 6, 14, 4, 52, 52, 500, time.UTC)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text, want string // want: "" for text
	}{
		"everything known":             {text: `{"name":"a","at":"2022-06-14T04:52:52.0000005Z","parts":[{}],"open":{"a":[1.10]}}`},
		"unknown members are sorted":   {`{"z":1,"a":[{"b":null}],"name":"n"}`, `{"name":"n","a":[{"b":null}],"z":1}`},
		"a lenient time anywhere":      {`{"at":"2022-06-14 04:52:52.0000005"}`, `{"at":"2022-06-14T04:52:52.0000005Z"}`},
		"a lenient time in a part":     {`{"parts":[{"at":"2022-06-14T04:52:52"}]}`, `{"parts":[{"at":"2022-06-14T04:52:52Z"}]}`},
		"an empty time":                {`{"at":"","parts":[{"at":null}]}`, `{"parts":[{}]}`},
		"a name in another casing":     {text: `{"Name":"a"}`},
		"invalid UTF-8":                {"{\"name\":\"a\xff\",\"b\":\"\xff\"}", "{\"name\":\"a\ufffd\",\"b\":\"\ufffd\"}"},
		"a byte-order mark before it":  {"\xef\xbb\xbf{}", "{}"},
		"a byte-order mark inside":     {text: "{\"name\":\"\ufeff\"}"},
		"an escaped quote, backslash":  {`{"name":"\"\\","open":"\\\\"}`, ""},
		"white space in an open value": {`{"open": [ 1 , 2 ] }`, `{"open":[1,2]}`},
	} {
		var d document
		require.NoError(t, wire.Unmarshal([]byte(test.text), &d), name)
		data, err := wire.Marshal(d)
		require.NoError(t, err, name)
		assert.Equal(t, cmp.Or(test.want, test.text), string(data), name)
	}
}

func TestUnmarshalErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"a wrong time":         {`{"at":"TOMORROW"}`, `/at: "TOMORROW" is not a time`},
		"a time that is none":  {`{"parts":[{},{"at":7}]}`, "/parts/1/at: a number is not a time"},
		"a time with +24:00":   {`{"at":"2022-06-14T04:52:52+24:00"}`, `/at: "2022-06-14T04:52:52+24:00" is not a time`},
		"a number":             {`{"name":7}`, "/name: a number is not a string"},
		"an object":            {`{"parts":{}}`, "/parts: an object is not an array"},
		"a boolean":            {`{"parts":[true]}`, "/parts/0: a boolean is not an object"},
		"an array":             {`[]`, "an array is not an object"},
		"no number":            {`{"count":"1"}`, "/count: a string is not a number"},
		"no whole number":      {`{"count":4.5}`, "/count: 4.5 is not a whole number"},
		"beyond an int32":      {`{"count":-2147483649}`, "/count: -2147483649 is out of range"},
		"neither on nor off":   {`{"on":"true"}`, "/on: a string is not a boolean"},
		"a duplicate name":     {`{"open":{"a":1,"a":2}}`, `duplicate object member name "a" within "/open"`},
		"a duplicate, unknown": {`{"b":1,"b":2}`, `duplicate object member name "b"`},
		"nothing":              {"", "unexpected EOF"},
		"half":                 {`{"name":"a`, "unexpected EOF"},
		"more than one":        {"{} {}", "invalid character '{' after top-level value"},
	} {
		text := []byte(test.text)
		assert.Error(t, json.Unmarshal(text, new(document)), name)
		assert.Error(t, stdjson.Unmarshal(text, new(document)), name)
		err := wire.Unmarshal(text, new(document))
		require.ErrorContains(t, err, test.want, name)
		assert.True(t, strings.HasPrefix(err.Error(), test.want) || !strings.HasPrefix(test.want, "/"), "%s: %v", name, err)
	}
}

// The options of a caller's encoder or decoder change nothing about a document.
func TestCallersOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]json.Options{
		"none":                   json.JoinOptions(),
		"duplicates allowed":     jsontext.AllowDuplicateNames(true),
		"ignoring case":          json.MatchCaseInsensitiveNames(true),
		"unknown members refuse": json.RejectUnknownMembers(true),
		"zero fields left out":   json.OmitZeroStructFields(true),
		"numbers as strings":     json.StringifyNumbers(true),
	} {
		const text = `{"name":"a","at":"2022-06-14T04:52:52.0000005Z","NAME":1,"b":2}`
		var d document
		require.NoError(t, json.Unmarshal([]byte(text), &d, o), name)
		assert.Equal(t, "a", d.Name, name)
		assert.True(t, at.Equal(d.At), name)
		data, err := json.Marshal(d, o)
		require.NoError(t, err, name)
		assert.Equal(t, text, string(data), name)
		assert.ErrorContains(t, json.Unmarshal([]byte(`{"name":"a","name":"b"}`), &d, o), "duplicate")
	}
}

// A document whose objects would take far more memory than its text is refused; braces in strings are no objects.
func TestGrowthIsBounded(t *testing.T) {
	t.Parallel()
	many := func(element string) string { return strings.TrimSuffix(strings.Repeat(element+",", 100_000), ",") }
	const id = "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg"
	names := strings.TrimSuffix(strings.Repeat(`"a":0,`, 5), ",")
	colons := strings.Repeat(":", 61)
	type test struct {
		text string
		err  error
	}
	testkit.EachCase(t, map[string]test{
		"empty parts":             {`{"parts":[` + many("{}") + `]}`, wire.ErrTooLarge},
		"parts with little in it": {`{"parts":[` + many(`{"a":0}`) + `]}`, wire.ErrTooLarge},
		"empty unknown objects":   {`{"a":[` + many("{}") + `]}`, wire.ErrTooLarge},
		"null for parts":          {`{"parts":[` + many("null") + `]}`, wire.ErrTooLarge},
		"short names":             {`{"open":[` + many("{"+names+"}") + `]}`, wire.ErrTooLarge},
		"parts with an id":        {`{"parts":[` + many(`{"at":"2022-06-14T04:52:52Z","id":"`+id+`"}`) + `]}`, nil},
		"null for members":        {`{"parts":[` + many(`{"at":null,"a":null,"id":"`+id+`"}`) + `]}`, nil},
		"members and colons":      {`{"parts":[` + many(`{"a":"`+colons+`"}`) + `]}`, nil},
		"braces in a string":      {`{"name":"` + many("{") + `"}`, nil},
		"as many parts as may be": {`{"parts":[` + many("{}")[:3*2259-1] + `]}`, nil},
		"one part more":           {`{"parts":[` + many("{}")[:3*2260-1] + `]}`, wire.ErrTooLarge},
		"as many nulls as may be": {`{"parts":[` + many("null")[:5*2426-1] + `]}`, nil},
		"one null more":           {`{"parts":[` + many("null")[:5*2427-1] + `]}`, wire.ErrTooLarge},
	}, func(t *testing.T, test test) {
		assert.ErrorIs(t, wire.Unmarshal([]byte(test.text), new(document)), test.err)
	})
}

// A time is read as package time reads it, or else as azcore does, if it can be written again.
func FuzzTime(f *testing.F) {
	for _, text := range []string{
		"2022-06-14T04:52:52Z", "2022-06-14T04:52:52.1234567Z", "2022-06-14T04:52:52.1234567891Z", "9999-12-31T23:59:59.999999999Z", "2023-02-29T00:00:00Z",
		"2022-13-14T04:52:52Z", "2022-06-14T24:00:00Z", "2022-06-14T23:59:60Z", "2022-06-14T04:52:52,5Z", "2022-06-14t04:52:52z", "2022-06-14 04:52:52Z",
		"2022-06-14T04:52:52", "2022-06-14T4:52:52Z", "2022-06-14T04:52:52.5+02:00", "2022-06-14T04:52:52+24:00", "2022-06-14T04:52:52-23:59", "Z", "2022-06-14",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		data, err := stdjson.Marshal(map[string]string{"at": text})
		if err != nil || text == "" || stdjson.Unmarshal(data, &map[string]string{}) != nil {
			return
		}
		var want time.Time
		if err = want.UnmarshalText([]byte(text)); err != nil {
			err = (*datetime.RFC3339)(&want).UnmarshalText([]byte(text))
		}
		if err == nil {
			_, err = want.MarshalText()
		}
		var d document
		gotErr := wire.Unmarshal(data, &d)
		require.Equal(t, err != nil, gotErr != nil, gotErr)
		if err != nil {
			return
		}
		require.True(t, want.Equal(d.At), "%q was read as %v", text, d.At)
		data = testkit.Must(wire.Marshal(d))
		var again document
		require.NoError(t, wire.Unmarshal(data, &again))
		require.True(t, d.At.Equal(again.At))
	})
}
