package armsecops

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime/datetime"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Models are read in two steps, which takes less time than one.
// The decoder of package jsontext finds the end of a value and vouches for its
// syntax; a scanner then goes through the value without a doubt about it, and by
// the tags of the model. A page is never whole in memory as text: what leads to
// an array is read token by token, and only its elements are values.

// decode reads a model.
func decode(d *jsontext.Decoder, model any) (err error) {
	v := reflect.ValueOf(model).Elem()
	s := scanners.Get().(*scanner)
	defer s.release()
	options := d.Options()
	if m, _ := json.GetOption(options, json.WithMarshalers); m == marshalers {
		return modelOf(v.Type()).stream(d, s, v)
	}
	// The decoder is somebody else's, and may be more or less strict than ours.
	var value jsontext.Value
	if lax, _ := json.GetOption(options, jsontext.AllowDuplicateNames); lax {
		var read jsontext.Value
		if read, err = d.ReadValue(); err == nil {
			err = json.Unmarshal(read, &value, modelOptions)
		}
		defer func() {
			if err != nil {
				err = fmt.Errorf("%w", err) // or else encoding/json puts it in words that leave out where
			}
		}()
	} else {
		err = json.UnmarshalDecode(d, &value, modelOptions)
	}
	if err != nil {
		return err
	}
	s.begin(value)
	return modelOf(v.Type()).scan(s, v)
}

// model is what the tags of a struct say.
type model struct {
	of         reflect.Type
	fields     []field
	additional int  // the index of AdditionalProperties
	leads      bool // to an array of models
}

// field is how a member is read.
type field struct {
	name  string
	key   []byte // the name as it stands in a value, with quotes and the colon
	index int
	scan  func(*scanner, reflect.Value) error
	model *model // of a struct, or of the elements of an array
	array bool
}

var models sync.Map // from reflect.Type to *model

func modelOf(t reflect.Type) *model {
	if m, ok := models.Load(t); ok {
		return m.(*model)
	}
	m := &model{}
	m.build(t, map[reflect.Type]*model{t: m})
	kept, _ := models.LoadOrStore(t, m)
	return kept.(*model)
}

// build fills in the model; known are those under way, a model may have itself for an element.
func (m *model) build(t reflect.Type, known map[reflect.Type]*model) {
	m.of = t
	below := func(t reflect.Type) *model {
		if known[t] == nil {
			known[t] = &model{}
			known[t].build(t, known)
		}
		return known[t]
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if options == "embed" {
			m.additional = i
			continue
		}
		read := field{name: name, key: []byte(`"` + name + `":`), index: i}
		switch f.Type {
		case reflect.TypeFor[time.Time]():
			read.scan = scanTime
		case reflect.TypeFor[map[string]string]():
			read.scan = scanStrings
		case reflect.TypeFor[map[string]any]():
			read.scan = scanObject
		case reflect.TypeFor[stdjson.RawMessage]():
			read.scan = scanRaw
		default:
			switch f.Type.Kind() {
			case reflect.String:
				read.scan = scanString
			case reflect.Struct:
				read.model = below(f.Type)
				read.scan = read.model.scan
				m.leads = m.leads || read.model.leads
			case reflect.Slice:
				read.model, read.array, m.leads = below(wholeType(reflect.New(f.Type).Elem()).Elem()), true, true
				read.scan = read.model.scanArray
			default:
				panic("no way to read a " + f.Type.String())
			}
		}
		m.fields = append(m.fields, read)
	}
}

// field returns the field for a member, or nil.
func (m *model) field(name []byte) *field {
	for i := range m.fields {
		if m.fields[i].name == string(name) {
			return &m.fields[i]
		}
	}
	return nil
}

// member reads the name of a member, and returns its field, or nil and the name.
// Members mostly come in the order of the fields: the search starts at next, and
// leaves it after the field that it found.
func (m *model) member(s *scanner, next *int) (*field, []byte) {
	at := *next
	for range m.fields {
		if at >= len(m.fields) {
			at = 0
		}
		f := &m.fields[at]
		at++
		if bytes.HasPrefix(s.data[s.at:], f.key) {
			*next = at
			s.at += len(f.key)
			s.space()
			return f, nil
		}
	}
	name := s.text()
	s.at++ // the colon
	s.space()
	return m.field(name), name
}

// stream reads a model token by token, down to the elements of its arrays.
func (m *model) stream(d *jsontext.Decoder, s *scanner, v reflect.Value) error {
	if !m.leads || d.PeekKind() != '{' {
		return s.value(d, v, m.scan)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	filled := false
	for d.PeekKind() != '}' {
		text, err := d.ReadValue()
		if err != nil {
			return err
		}
		s.begin(text)
		name := s.text()
		f := m.field(name)
		switch {
		case f == nil:
			err = s.addition(d, v.Field(m.additional), string(name))
		case f.array && d.PeekKind() == '[':
			err = f.model.streamArray(d, s, v.Field(f.index))
		case f.model != nil && f.model.leads && !f.array:
			err = f.model.stream(d, s, v.Field(f.index))
		default:
			err = s.value(d, v.Field(f.index), f.scan)
		}
		if err != nil {
			return err
		}
		filled = filled || f != nil && !v.Field(f.index).IsZero()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	m.keepEmpty(v, filled)
	return nil
}

// inPieces is an array that stays in the pieces that it is read in. The open
// objects in them are left to be read when a piece is needed.
type inPieces interface {
	set(pieces []reflect.Value, left []unread)
}

// wholeType returns the type of what is read: that which the caller will get,
// where the value stands for it until then.
func wholeType(v reflect.Value) reflect.Type {
	if partial, ok := reflect.TypeAssert[interface{ whole() reflect.Type }](v.Addr()); ok {
		return partial.whole()
	}
	return v.Type()
}

// streamArray reads the elements one by one. They are collected in pieces and
// put together once their number is known, which takes the memory of two arrays
// where growing one takes that of three.
func (m *model) streamArray(d *jsontext.Decoder, s *scanner, v reflect.Value) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	const smallest, largest = 4, 256
	slice := reflect.SliceOf(m.of)
	apart, stays := reflect.TypeAssert[inPieces](v.Addr())
	var pieces []reflect.Value
	var left []unread // of the pieces
	n, total := 0, 0
	for d.PeekKind() != ']' {
		if len(pieces) == 0 || n == pieces[len(pieces)-1].Len() {
			size := min(max(smallest, total), largest)
			pieces = append(pieces, reflect.MakeSlice(slice, size, size))
			if stays {
				left = append(left, unread{})
				s.unread = &left[len(left)-1]
			}
			n = 0
		}
		if err := s.value(d, pieces[len(pieces)-1].Index(n), m.scan); err != nil {
			return err
		}
		n++
		total++
		if err := m.checkGrowth(total, d.InputOffset()); err != nil {
			return under(d.StackPointer(), err)
		}
	}
	s.unread = nil
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if len(pieces) > 0 {
		pieces[len(pieces)-1] = pieces[len(pieces)-1].Slice3(0, n, n)
	}
	switch {
	case stays:
		apart.set(pieces, left)
	case len(pieces) == 1:
		v.Set(pieces[0])
	default:
		v.Set(reflect.MakeSlice(slice, 0, total))
		for _, piece := range pieces {
			v.Set(reflect.AppendSlice(v, piece))
		}
	}
	return nil
}

// checkGrowth refuses elements that take far more memory than their text: a
// bound on bytes bounds nothing where {} becomes a model.
func (m *model) checkGrowth(elements int, read int64) error {
	const always, times = 1 << 20, 16
	if size := int64(elements) * int64(m.of.Size()); size > always+times*read {
		return &json.SemanticError{GoType: m.of, Err: fmt.Errorf("%w: %d elements in %d bytes", ErrResponseTooLarge, elements, read)}
	}
	return nil
}

// scan reads a model from a value.
func (m *model) scan(s *scanner, v reflect.Value) error {
	if done, err := s.open('{', v); done {
		return err
	}
	filled, next := false, 0
	for s.more('}') {
		f, name := m.member(s, &next)
		if f == nil {
			s.add(v.Field(m.additional), string(name), s.raw())
			continue
		}
		if err := f.scan(s, v.Field(f.index)); err != nil {
			return within(f.name, err)
		}
		filled = filled || !v.Field(f.index).IsZero()
	}
	m.keepEmpty(v, filled)
	return nil
}

// keepEmpty makes an object without a value that this version knows differ from
// an absent one, so that it is written as {} again.
func (m *model) keepEmpty(v reflect.Value, filled bool) {
	if additional := v.Field(m.additional); !filled && additional.IsNil() {
		additional.Set(reflect.ValueOf(map[string]stdjson.RawMessage{}))
	}
}

// scanArray reads the elements of an array.
func (m *model) scanArray(s *scanner, v reflect.Value) error {
	if done, err := s.open('[', v); done {
		return err
	}
	v.SetZero()
	unread := s.unread
	s.unread = nil // elements move as the slice grows, and nothing in them can be left
	for s.more(']') {
		n := v.Len()
		v.Grow(1)
		v.SetLen(n + 1)
		err := m.scan(s, v.Index(n))
		if err == nil {
			err = m.checkGrowth(n+1, int64(s.at))
		}
		if err != nil {
			return within(strconv.Itoa(n), err)
		}
	}
	s.unread = unread
	if v.IsNil() {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	return nil
}

func scanString(s *scanner, v reflect.Value) error {
	switch s.data[s.at] {
	case '"':
		v.SetString(s.string())
	case 'n':
		s.raw()
		v.SetString("")
	default:
		return s.mismatch(v, nil)
	}
	return nil
}

// scanTime reads a time as Azure writes it: in UTC nearly always, else in RFC
// 3339 or one of the forms that azcore knows.
func scanTime(s *scanner, v reflect.Value) error {
	t, _ := reflect.TypeAssert[*time.Time](v.Addr())
	switch s.data[s.at] {
	case '"':
		text := s.text()
		if len(text) == 0 {
			*t = time.Time{}
			return nil
		}
		if utc, ok := parseUTC(text); ok {
			*t = utc
			return nil
		}
		if t.UnmarshalText(text) == nil {
			return nil
		}
		if err := (*datetime.RFC3339)(t).UnmarshalText(text); err != nil {
			return s.mismatch(v, err)
		}
	case 'n':
		s.raw()
		*t = time.Time{}
	default:
		return s.mismatch(v, errors.New("a time must be a JSON string"))
	}
	return nil
}

// parseUTC reads a time as in 2006-01-02T15:04:05.0000000Z, with up to nine
// digits after the point or without it, and leaves every other form to package
// time. It takes a quarter less time than that, which is 4 % of a job's.
func parseUTC(text []byte) (t time.Time, ok bool) {
	const form = "0000-00-00T00:00:00"
	if len(text) <= len(form) || text[len(text)-1] != 'Z' {
		return t, false
	}
	for i := range len(form) {
		if form[i] == '0' && text[i]-'0' > 9 || form[i] != '0' && text[i] != form[i] {
			return t, false
		}
	}
	two := func(at int) int { return 10*int(text[at]-'0') + int(text[at+1]-'0') }
	year, month, day, hour, minute, second := 100*two(0)+two(2), two(5), two(8), two(11), two(14), two(17)

	fraction, nanoseconds := text[len(form):len(text)-1], 0
	if len(fraction) > 0 {
		if fraction[0] != '.' || len(fraction) < len(".0") || len(fraction) > len(".000000000") {
			return t, false
		}
		for i := 1; i < len(".000000000"); i++ {
			nanoseconds *= 10
			if i < len(fraction) {
				digit := fraction[i] - '0'
				if digit > 9 {
					return t, false
				}
				nanoseconds += int(digit)
			}
		}
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, nanoseconds, time.UTC)
	// Of a day that the month doesn't have, Date makes one of the next.
	return t, 1 <= month && month <= 12 && 1 <= day && (day <= 28 || day == t.Day()) && hour < 24 && minute < 60 && second < 60
}

func scanStrings(s *scanner, v reflect.Value) error {
	if done, err := s.open('{', v); done {
		return err
	}
	values := map[string]string{}
	for s.more('}') {
		name := s.string()
		s.at++ // the colon
		s.space()
		value := ""
		if err := scanString(s, reflect.ValueOf(&value).Elem()); err != nil {
			return within(name, err)
		}
		values[name] = value
	}
	v.Set(reflect.ValueOf(values))
	return nil
}

// scanObject reads an open object.
func scanObject(s *scanner, v reflect.Value) error {
	switch s.data[s.at] {
	case '{':
		if s.unread != nil {
			s.unread.add(v, s.raw())
			return nil
		}
		v.Set(reflect.ValueOf(s.anything()))
	case 'n':
		s.raw()
		v.SetZero()
	default:
		return s.mismatch(v, nil)
	}
	return nil
}

func scanRaw(s *scanner, v reflect.Value) error {
	v.SetBytes(bytes.Clone(s.raw()))
	return nil
}

// scanner goes through one JSON value that is known to be valid.
type scanner struct {
	data  []byte
	at    int
	plain bool // no string of it has an escape or invalid UTF-8

	unread *unread         // what the open objects are left to; nil: they are read at once
	block  strings.Builder // of strings, until it is full
	known  [128]struct {   // strings that came more than once, by their hash
		texts [2]string // so that two common ones don't drive each other out
		other uint64    // the hash of the last one that is neither
	}
}

var (
	scanners = sync.Pool{New: func() any { return new(scanner) }}
	textSeed = maphash.MakeSeed()
)

func (s *scanner) release() {
	s.data, s.unread = nil, nil
	scanners.Put(s)
}

// begin puts the scanner at the start of a value.
func (s *scanner) begin(value []byte) {
	s.data, s.at = value, 0
	s.plain = bytes.IndexByte(value, '\\') < 0 && utf8.Valid(value)
	s.space()
}

// value takes the next value from the decoder and reads it.
func (s *scanner) value(d *jsontext.Decoder, v reflect.Value, scan func(*scanner, reflect.Value) error) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	s.begin(value)
	if err := scan(s, v); err != nil {
		return under(d.StackPointer(), err)
	}
	return nil
}

// addition keeps the next value as a member that no field is for.
func (s *scanner) addition(d *jsontext.Decoder, v reflect.Value, name string) error {
	value, err := d.ReadValue()
	if err == nil {
		s.add(v, name, value)
	}
	return err
}

func (s *scanner) add(v reflect.Value, name string, value []byte) {
	members := v.Addr().Interface().(*map[string]stdjson.RawMessage)
	if *members == nil {
		*members = map[string]stdjson.RawMessage{}
	}
	(*members)[name] = bytes.Clone(value)
}

// open enters an object or an array. It is done where there is none: a null is zero.
func (s *scanner) open(bracket byte, v reflect.Value) (done bool, err error) {
	switch s.data[s.at] {
	case bracket:
		s.at++
		return false, nil
	case 'n':
		s.raw()
		v.SetZero()
		return true, nil
	}
	return true, s.mismatch(v, nil)
}

// more goes to the next member or element, or leaves the object or array.
func (s *scanner) more(bracket byte) bool {
	s.space()
	switch s.data[s.at] {
	case bracket:
		s.at++
		return false
	case ',':
		s.at++
		s.space()
	}
	return true
}

func (s *scanner) space() {
	for s.at < len(s.data) && s.data[s.at] <= ' ' {
		s.at++
	}
}

// raw passes over a value, and returns it.
func (s *scanner) raw() []byte {
	from := s.at
	depth := 0
	for {
		switch s.data[s.at] {
		case '"':
			s.quoted()
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		case ',', ':', ' ', '\t', '\r', '\n':
			s.at++
			continue
		default: // a number or a literal
			for s.at < len(s.data) && !ends(s.data[s.at]) {
				s.at++
			}
		}
		if depth == 0 {
			return s.data[from:s.at]
		}
	}
}

// ends reports whether a number or a literal has ended before the byte.
func ends(c byte) bool { return c <= ' ' || c == ',' || c == ']' || c == '}' }

// quoted passes over a string, and returns it with its quotes.
func (s *scanner) quoted() []byte {
	from := s.at
	s.at++
	for {
		s.at += bytes.IndexByte(s.data[s.at:], '"') + 1
		if s.plain {
			return s.data[from:s.at]
		}
		escapes := 0
		for s.data[s.at-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return s.data[from:s.at]
		}
	}
}

// text reads a string, and the space after it. It is valid until the next read.
func (s *scanner) text() []byte {
	quoted := s.quoted()
	s.space()
	text := quoted[1 : len(quoted)-1]
	if s.plain || bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		return text
	}
	text, _ = jsontext.AppendUnquote(nil, quoted) // the error is that of invalid UTF-8, which is replaced
	return text
}

// string reads a string. Those of a listing often come again: from the second
// time on they share one copy.
func (s *scanner) string() string {
	text := s.text()
	const longest = 128
	if len(text) < 2 || len(text) > longest {
		return s.copy(text)
	}
	hash := maphash.Bytes(textSeed, text)
	known := &s.known[hash%uint64(len(s.known))]
	texts := &known.texts
	switch {
	case texts[0] == string(text):
	case texts[1] == string(text):
		texts[0], texts[1] = texts[1], texts[0]
	case known.other == hash:
		texts[0], texts[1] = string(text), texts[0]
	default:
		known.other = hash
		return s.copy(text)
	}
	return texts[0]
}

// copy makes a string in a block of several, which is one allocation for all of
// them. A block stays in memory as long as one of its strings, and is small for that.
func (s *scanner) copy(text []byte) string {
	const block, longest = 2 << 10, 256
	if len(text) < 2 || len(text) > longest { // the shortest need no memory
		return string(text)
	}
	if s.block.Cap()-s.block.Len() < len(text) {
		s.block.Reset()
		s.block.Grow(block)
	}
	before := s.block.String()
	if at := len(before) - len(text); at >= 0 && before[at:] == string(text) {
		return before[at:] // the name of a resource, say, in which its id ends
	}
	s.block.Write(text)
	return s.block.String()[len(before):]
}

// anything reads a value of any kind, with every digit of its numbers.
func (s *scanner) anything() any {
	switch s.data[s.at] {
	case '{':
		s.at++
		members := map[string]any{}
		for s.more('}') {
			name := s.string()
			s.at++ // the colon
			s.space()
			members[name] = s.anything()
		}
		return members
	case '[':
		s.at++
		elements := []any{}
		for s.more(']') {
			elements = append(elements, s.anything())
		}
		return elements
	case '"':
		return s.string()
	case 't', 'f':
		return s.raw()[0] == 't'
	case 'n':
		s.raw()
		return nil
	}
	return stdjson.Number(s.copy(s.raw()))
}

// mismatch is a value that the field has no place for.
func (s *scanner) mismatch(v reflect.Value, err error) error {
	return &json.SemanticError{JSONKind: jsontext.Value(s.data[s.at:]).Kind(), GoType: wholeType(v), Err: err}
}

// within puts a name in front of the pointer to where the error is.
func within(name string, err error) error {
	return under(jsontext.Pointer("").AppendToken(name), err)
}

// under puts a pointer in front of it.
func under(pointer jsontext.Pointer, err error) error {
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		e.JSONPointer = pointer + e.JSONPointer
	}
	return err
}
