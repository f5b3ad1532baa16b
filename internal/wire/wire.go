// Package wire reads and writes the JSON of the services. Struct tags say
// what a model looks like, and package json (encoding/json/v2) does the work.
// What departs from that package's defaults, and why, is all here.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime/datetime"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrTooLarge is a body beyond its bound, or a document whose Go value would take
// far more memory than its text.
var ErrTooLarge error = tooLargeError{}

type tooLargeError struct{}

func (tooLargeError) Error() string { return "response too large" }

// NonRetriable tells azcore's retry policy that the next response would be as large.
func (tooLargeError) NonRetriable() {}

// ours marks the encoders and decoders of this package, whose options a
// document can rely on. Marshalers without functions change nothing.
var ours = json.MarshalFunc(func(mark) ([]byte, error) { return nil, errors.ErrUnsupported })

type mark struct{ _ int }

var (
	// writing undoes the options of a caller's encoder, so that a document has
	// one wire form. Azure's own clients replace invalid UTF-8, too.
	writing = json.JoinOptions(json.DefaultOptionsV2(), json.Deterministic(true), jsontext.AllowInvalidUTF8(true))

	// strict reads times in RFC 3339 only: a function for times would slow
	// down all of a document.
	strict = json.JoinOptions(json.DefaultOptionsV2(), jsontext.AllowInvalidUTF8(true), json.WithMarshalers(ours))

	// lax reads any JSON.
	lax = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

	// lenient reads the other forms of times as well.
	lenient = json.JoinOptions(strict, json.WithUnmarshalers(json.UnmarshalFromFunc(readTime)))
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// IsObject reports whether a document is an object, from its first character.
func IsObject(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(data, byteOrderMark), " \t\r\n"), []byte("{"))
}

// IsPage reports whether a body is a page of HTML or XML, as that of a proxy is, from its first character.
func IsPage(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// Marshal writes a model.
func Marshal(model any) ([]byte, error) { return json.Marshal(model, writing) }

// Encode is the MarshalJSONTo of a document; the model is the document without its methods.
func Encode(e *jsontext.Encoder, model any) error { return json.MarshalEncode(e, model, writing) }

// Unmarshal reads a model; a byte-order mark before it is ignored. An error names
// the place and what is wrong there.
func Unmarshal(data []byte, model any) error {
	data = bytes.TrimPrefix(data, byteOrderMark)
	if err := checkGrowth(data); err != nil {
		return err
	}
	err := json.Unmarshal(data, model, strict)
	if _, ok := errors.AsType[*json.SemanticError](err); ok {
		err = json.Unmarshal(data, model, lenient)
	}
	return explain(err)
}

// IsCut reports whether the data is the beginning of a document.
func IsCut(data []byte) bool {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	return errors.Is(jsontext.NewDecoder(bytes.NewBuffer(data), lax).SkipValue(), io.ErrUnexpectedEOF)
}

// Decode is the UnmarshalJSONFrom of a document; the model points to the document
// without its methods. The decoder of a caller may be more or less strict than
// this package, and knows no lenient times: of it, only the text is taken.
func Decode(d *jsontext.Decoder, model any) error {
	if m, _ := json.GetOption(d.Options(), json.WithMarshalers); m == ours {
		return json.UnmarshalDecode(d, model)
	}
	var text jsontext.Value
	if err := json.UnmarshalDecode(d, &text, jsontext.AllowInvalidUTF8(true)); err != nil {
		return explain(err)
	}
	return Unmarshal(text, model)
}

// checkGrowth refuses a document whose Go value would take far more memory than
// its text: a bound on bytes bounds nothing where {} or null becomes a struct, and
// "a":0 an entry of a map. The costs are rough. ClientOptions.MaxResponseBytes
// states what they come to, and TestMemoryIsBounded measures it.
func checkGrowth(data []byte) error {
	const always, times, object, member = 1 << 20, 16, 512, 32
	left := always + times*len(data)
	if object*(1+len(data)) <= left {
		return nil // whatever is in it
	}
	most := object*bytes.Count(data, []byte("{")) + member*bytes.Count(data, []byte(":"))
	// There are at most as many nulls as commas, nearly, or u's. These are counted ten times as fast.
	for _, text := range []string{",", "u", "null"} {
		if most+object*(1+bytes.Count(data, []byte(text))) <= left {
			return nil
		}
	}
	// Braces and colons in strings cost nothing, nor does a null that is no element.
	for d := jsontext.NewDecoder(bytes.NewBuffer(data), lax); left >= 0; {
		token, err := d.ReadToken()
		if err != nil {
			return nil // at the end of the document, or where Unmarshal will find it broken
		}
		switch parent, n := d.StackIndex(d.StackDepth()); {
		case token.Kind() == '{', token.Kind() == 'n' && parent == '[':
			left -= object
		case parent == '{' && n%2 == 1: // a name
			left -= member
		}
	}
	return fmt.Errorf("%w: too many objects and members in %d bytes", ErrTooLarge, len(data))
}

// readTime reads the forms of times that Azure writes beside RFC 3339: without a
// zone, with a space, empty.
func readTime(d *jsontext.Decoder, t *time.Time) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	*t = time.Time{}
	if value.Kind() == 'n' || string(value) == `""` {
		return nil
	}
	if value.Kind() != '"' {
		return mismatch(value.Kind(), "a time")
	}
	text, _ := jsontext.AppendUnquote(nil, value) // the error is that of invalid UTF-8, which is replaced
	err = (*datetime.RFC3339)(t).UnmarshalText(text)
	if err == nil {
		_, err = t.MarshalText() // a time that is read can be written
	}
	if err != nil {
		return fmt.Errorf("%.64q is not a time", text)
	}
	return nil
}

// documentError says where a document is wrong, and how. As an error of its own
// type it keeps its text in the hands of encoding/json.
type documentError struct {
	text string
	err  error // of package json; nil if it holds much of the document
}

func (e *documentError) Error() string { return e.text }
func (e *documentError) Unwrap() error { return e.err }

// explain puts the place before the reason.
func explain(err error) error {
	if err == nil {
		return nil
	}
	cause := err
	if len(err.Error()) > maxCauseBytes {
		cause = nil
	}
	e, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return &documentError{fmt.Sprintf("%.1000s", err.Error()), cause}
	}
	reason := e.Err
	switch {
	case reason == nil:
		reason = mismatch(e.JSONKind, wanted(e.GoType))
	case errors.Is(reason, strconv.ErrSyntax): // of a number, as is the next one
		reason = fmt.Errorf("%.64s is not a whole number", e.JSONValue)
	case errors.Is(reason, strconv.ErrRange):
		reason = fmt.Errorf("%.64s is out of range", e.JSONValue)
	}
	e.JSONValue = nil // it may be most of the document
	text := reason.Error()
	if e.JSONPointer != "" {
		text = fmt.Sprintf("%.200s: %s", string(e.JSONPointer), text)
	}
	return &documentError{fmt.Sprintf("%.1000s", text), cause}
}

// maxCauseBytes bounds the text of an error of package json that is kept: names
// and pointers in it are the document's.
const maxCauseBytes = 4 << 10

// wanted names the JSON that a Go value is made of.
func wanted(t reflect.Type) string {
	if t == nil {
		return "an object"
	}
	switch kind := t.Kind(); {
	case kind == reflect.String:
		return "a string"
	case kind == reflect.Bool:
		return "a boolean"
	case reflect.Int <= kind && kind <= reflect.Float64:
		return "a number"
	case kind == reflect.Slice:
		return "an array"
	}
	return "an object"
}

func mismatch(got jsontext.Kind, wanted string) error {
	return errors.New(kinds[got] + " is not " + wanted)
}

var kinds = map[jsontext.Kind]string{
	'n': "null", 't': "a boolean", 'f': "a boolean", '0': "a number", '"': "a string", '{': "an object", '[': "an array",
}
