// Package errorbody reads what the body of an error says, in all the shapes that
// services and the gateways in front of them are seen to send.
package errorbody

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops/internal/printable"
)

// Error is an error, or a detail of one.
type Error struct {
	Code, Message, Target string
	Details               []Error
	AdditionalInfo        []Info
	AdditionalProperties  map[string]json.RawMessage // the unknown members
}

// Info is further information on an error, its form given by its type.
type Info struct {
	Type                 string
	Info                 json.RawMessage
	AdditionalProperties map[string]json.RawMessage // the unknown members
}

// The bounds of what is read of a body, which no real error comes near.
const (
	maxDepth    = 16        // of errors inside errors: as a member, as a detail, as the JSON of a message
	maxParts    = 512       // details, additional infos and unknown members, together
	maxMessages = 512 << 10 // bytes of messages that are JSON, together
	maxText     = 16 << 10  // bytes of a body that isn't JSON
	maxKept     = 32 << 10  // bytes of what is returned, which an error keeps in memory
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// Read returns what the body of an error says. Best effort: it keeps what can be
// decoded of a body that is cut or malformed, up to the bounds.
func Read(body []byte) Error {
	body = bytes.TrimPrefix(body, byteOrderMark)
	if !isObject(body) {
		return Error{Message: PlainText(body)}
	}
	r := reader{maxParts, maxMessages}
	e := r.readObject(body, 0)
	left := maxKept
	e.bound(&left)
	return e
}

// bound reduces an error to what is left of a bound, in bytes: texts are cut,
// other values dropped.
func (e *Error) bound(left *int) {
	for _, text := range []*string{&e.Code, &e.Message, &e.Target} {
		if !take(left, len(*text)) {
			*text = strings.ToValidUTF8(strings.Clone((*text)[:*left]), "")
			*left = 0
		}
	}
	dropLong(e.AdditionalProperties, left)
	for i := range e.Details {
		e.Details[i].bound(left)
	}
	e.Details = slices.DeleteFunc(e.Details, isZero)
	for i := range e.AdditionalInfo {
		info := &e.AdditionalInfo[i]
		if !take(left, len(info.Type)+len(info.Info)) {
			*info = Info{}
		}
		dropLong(info.AdditionalProperties, left)
	}
	e.AdditionalInfo = slices.DeleteFunc(e.AdditionalInfo, isZero)
}

// dropLong drops the members that exceed what is left of a bound.
func dropLong(members map[string]json.RawMessage, left *int) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !take(left, len(name)+len(members[name])) {
			delete(members, name)
		}
	}
}

// reader reads one body. It holds what is left of the bounds.
type reader struct{ parts, messages int }

// take reduces a bound by n, if so much of it is left.
func take(left *int, n int) bool {
	if *left < n {
		return false
	}
	*left -= n
	return true
}

// readObject reads the JSON object of an error.
func (r *reader) readObject(text []byte, depth int) Error {
	var e Error
	d := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	_ = r.readError(d, &e, depth) // if it fails, what comes before is kept
	r.unwrapMessage(&e, depth)
	return e
}

// readError reads an error up to the end of its object, or up to where the text is
// cut or malformed.
func (r *reader) readError(d *jsontext.Decoder, e *Error, depth int) error {
	return eachMember(d, func(name string) error {
		var field *string
		kind := d.PeekKind()
		switch strings.ToLower(name) {
		case "error", "odata.error":
			if kind == '{' && depth < maxDepth {
				return r.readError(d, e, depth+1)
			}
			field = &e.Code // as in OAuth
		case "code", "errorcode":
			field = &e.Code
		case "message", "error_description":
			field = &e.Message
		case "target":
			field = &e.Target
		case "details":
			if kind == '[' && depth < maxDepth {
				return r.eachObject(d, func() error {
					var detail Error
					err := r.readError(d, &detail, depth+1)
					r.unwrapMessage(&detail, depth+1)
					e.Details = appendNonzero(e.Details, detail)
					return err
				})
			}
		case "additionalinfo":
			if kind == '[' {
				return r.eachObject(d, func() error {
					var info Info
					err := r.readInfo(d, &info)
					e.AdditionalInfo = appendNonzero(e.AdditionalInfo, info)
					return err
				})
			}
		}
		return r.readMember(d, name, field, &e.AdditionalProperties)
	})
}

func (r *reader) readInfo(d *jsontext.Decoder, info *Info) error {
	return eachMember(d, func(name string) error {
		switch strings.ToLower(name) {
		case "type":
			return r.readMember(d, name, &info.Type, &info.AdditionalProperties)
		case "info":
			value, err := d.ReadValue()
			if err == nil && value.Kind() != 'n' {
				info.Info = clone(value)
			}
			return err
		}
		return r.readMember(d, name, nil, &info.AdditionalProperties)
	})
}

// readMember reads a string into its field. It keeps any other value, and one
// without a field, with the unknown members; null is the same as no member.
func (r *reader) readMember(d *jsontext.Decoder, name string, field *string, unknown *map[string]json.RawMessage) error {
	if field != nil && d.PeekKind() == '"' {
		text, err := d.ReadToken()
		if err == nil {
			*field = text.String()
		}
		return err
	}
	value, err := d.ReadValue()
	if err != nil || value.Kind() == 'n' || !take(&r.parts, 1) {
		return err
	}
	if *unknown == nil {
		*unknown = map[string]json.RawMessage{}
	}
	(*unknown)[name] = clone(value)
	return nil
}

// unwrapMessage replaces a message that is the JSON of an error by what that error says.
func (r *reader) unwrapMessage(e *Error, depth int) {
	if depth == maxDepth || !isObject([]byte(e.Message)) || !take(&r.messages, len(e.Message)) {
		return
	}
	inner := r.readObject([]byte(e.Message), depth+1)
	if inner.Message == "" {
		return
	}
	e.Message = inner.Message
	if e.Code != "" && inner.Code != "" && !strings.EqualFold(e.Code, inner.Code) {
		e.Details = append(e.Details, inner)
		return
	}
	e.Code = cmp.Or(e.Code, inner.Code)
	e.Target = cmp.Or(e.Target, inner.Target)
	e.Details = append(e.Details, inner.Details...)
	e.AdditionalInfo = append(e.AdditionalInfo, inner.AdditionalInfo...)
	if unknown := inner.AdditionalProperties; unknown != nil {
		maps.Copy(unknown, e.AdditionalProperties)
		e.AdditionalProperties = unknown
	}
}

// eachObject calls read at each object of an array, and skips the other values.
func (r *reader) eachObject(d *jsontext.Decoder, read func() error) error {
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != ']' {
		if d.PeekKind() == '{' && take(&r.parts, 1) {
			err = read()
		} else {
			_, err = d.ReadValue()
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	return err
}

// eachMember calls read at the value of each member of an object.
func eachMember(d *jsontext.Decoder, read func(name string) error) error {
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != '}' {
		var name jsontext.Token
		if name, err = d.ReadToken(); err == nil {
			err = read(name.String())
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	return err
}

func appendNonzero[T any](list []T, element T) []T {
	if isZero(element) {
		return list
	}
	return append(list, element)
}

func isZero[T any](v T) bool { return reflect.ValueOf(&v).Elem().IsZero() }

// clone returns the value, which is the decoder's, with invalid UTF-8 replaced.
func clone(value jsontext.Value) json.RawMessage {
	return bytes.ToValidUTF8(value, []byte("\ufffd"))
}

func isObject(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
}

var (
	scripts = regexp.MustCompile(`(?is)<(style|script)\b.*?</(style|script)\s*>`)
	tags    = regexp.MustCompile(`<[^>]*>`)
)

// isBinary reports whether a body is no text: it is compressed, say. Text has few
// control characters, and few bytes that aren't UTF-8 in another encoding.
func isBinary(body []byte) bool {
	if bytes.HasPrefix(body, []byte("\x1f\x8b")) { // gzip, which may leave the text as it is
		return true
	}
	strange := 0
	for i := 0; i < len(body); {
		r, size := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && size == 1 || r < ' ' && !strings.ContainsRune("\t\n\v\f\r\x1b", r) {
			strange++
		}
		i += size
	}
	return strange > len(body)/4
}

// PlainText returns what a body says that isn't the JSON of an error, such as the page
// of a gateway; nothing of one that isn't text.
func PlainText(body []byte) string {
	body = body[:min(len(body), maxText)]
	if isBinary(body) {
		return ""
	}
	// One after the other, each takes linear time; in one expression they don't.
	text := scripts.ReplaceAll(body, []byte(" "))
	text = tags.ReplaceAll(text, []byte(" "))
	return printable.Line(string(bytes.Join(bytes.Fields(text), []byte(" "))), printable.Max)
}
