package armsecops

import (
	"encoding/json"
	"reflect"

	"github.com/go-json-experiment/json/jsontext"
)

// Page is one page of a listing.
type Page[T any] struct {
	Value    []T    `json:"value"`
	NextLink string `json:"nextLink,omitzero"` // as the service sent it; empty on the last page

	// AdditionalProperties holds the members that this version doesn't know.
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// JobList is one page of jobs.
type JobList = Page[Job]

// AssignmentList is one page of assignments.
type AssignmentList = Page[Assignment]

// unreadPage is a page as a listing holds it until the caller needs its items,
// which takes less memory by a quarter.
type unreadPage[T any] struct {
	Value    pieces[T] `json:"value"`
	NextLink string    `json:"nextLink,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (p *unreadPage[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error { return decode(d, p) }

func (p *unreadPage[T]) whole() reflect.Type { return reflect.TypeFor[Page[T]]() }

// read returns the page as the caller gets it.
func (p *unreadPage[T]) read() Page[T] {
	page := Page[T]{NextLink: p.NextLink, AdditionalProperties: p.AdditionalProperties}
	if p.Value == nil {
		return page
	}
	items := 0
	for _, piece := range p.Value {
		items += len(piece.items)
	}
	page.Value = make([]T, 0, items)
	for i := range p.Value {
		page.Value = append(page.Value, p.Value.take(i)...)
	}
	return page
}

// pieces are the items of a page in the slices that they were read into, with
// what is left to read of each.
type pieces[T any] []struct {
	items []T
	left  unread
}

func (p *pieces[T]) whole() reflect.Type { return reflect.TypeFor[[]T]() }

func (p *pieces[T]) set(read []reflect.Value, left []unread) {
	*p = make(pieces[T], len(read))
	for i := range read {
		(*p)[i].items, _ = reflect.TypeAssert[[]T](read[i])
		(*p)[i].left = left[i]
	}
}

// take returns the items of a piece, and lets go of them.
func (p pieces[T]) take(i int) []T {
	piece := p[i]
	clear(p[i : i+1])
	piece.left.read()
	return piece.items
}

// unread are open objects while they are text, which takes a tenth of the memory
// of a small map.
type unread struct {
	text    []byte // one object after the other
	objects []*map[string]any
}

// notRead is in the place of an object, which would else be taken for absent.
var notRead = map[string]any{}

// add leaves an object for later.
func (u *unread) add(v reflect.Value, text []byte) {
	object, _ := reflect.TypeAssert[*map[string]any](v.Addr())
	*object = notRead
	u.text = append(u.text, text...)
	u.objects = append(u.objects, object)
}

// read reads the objects that were left.
func (u *unread) read() {
	s := scanners.Get().(*scanner)
	defer s.release()
	s.begin(u.text)
	for _, object := range u.objects {
		*object, _ = s.anything().(map[string]any)
	}
}
