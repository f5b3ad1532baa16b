package armsecops

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/armsecops/armsecops/internal/exchange"
	"github.com/armsecops/armsecops/internal/fanout"
	"github.com/armsecops/armsecops/internal/nextlink"
	"github.com/armsecops/armsecops/internal/resume"
	"github.com/armsecops/armsecops/internal/routes"
)

// Pager reads a listing page by page. A pager is not safe for concurrent use, and in a
// loop over All or Pages it has no other loop and no NextPage, which are an error;
// different pagers never disturb each other.
//
// A page that fails ends the listing with a [*PageError], whose
// ContinuationToken names the page that failed: a new pager with that token in
// its [PageOptions], in another process if need be, resumes there. Its chain
// holds the service's error, [ErrUntrustedNextLink] for a link that leads away
// from the endpoint or the listing, [ErrPagingLoop] for one that leads back and
// for 1,000 pages in a row without an item, [ErrIncompleteResult] for what Azure
// Resource Graph says it left out, or a
// [*ParameterError] for an invalid parameter or token.
type Pager[T any] struct {
	source   source[T]
	token    string // to begin with
	prefetch int
	maxPages int
	top      int   // items at most; 0 for no bound
	refused  error // of an invalid option: what the first page is instead; nil for none

	place   place // of the next page
	looping bool  // over All or Pages
	err     error
}

// source is what the pages of a listing come from.
type source[T any] interface {
	// fetch returns the page at a place, and where the next one is.
	fetch(ctx context.Context, at place) (Page[T], place, error)

	// operation returns the client's method.
	operation() string

	// startSpan starts the span of a page. The returned function ends it.
	startSpan(ctx context.Context) (context.Context, func(error))

	// listing returns what a continuation token is bound to.
	listing() (resume.Listing, error)
}

// place is where a listing is.
type place struct {
	link  string // to the next page, as its source understands it; empty for the first one
	query string // of the first page
	read  bool   // query is that of a token, which may hold any
	of    string // the options of the listing that the token is of; empty without a token
	end   bool
	err   error         // in the place of the next page
	pages int           // read so far
	items int           // read so far
	empty int           // pages without an item since the last one that had some
	seen  nextlink.Seen // the URLs of the pages so far

	from *http.Response // that has the link, without its body; nil if a token has it
}

const (
	// maxPrefetch bounds the pages that a pager may hold in memory.
	maxPrefetch = 64

	// maxEmptyPages bounds the pages without an item in a row: All yields nothing
	// there that its caller could break from.
	maxEmptyPages = 1000
)

// newListPager returns a pager whose pages are linked.
func newListPager[T any](c client, listing call, options PageOptions) *Pager[T] {
	return newPager[T](links[T]{c, listing}, place{query: listing.query}, options)
}

func newPager[T any](from source[T], first place, options PageOptions) *Pager[T] {
	first.seen = nextlink.Seen{}
	p := &Pager[T]{
		source:   from,
		token:    options.ContinuationToken,
		prefetch: options.Prefetch,
		maxPages: options.MaxPages,
		place:    first,
	}
	switch {
	case options.MaxPages < 0:
		p.refuse(invalid("MaxPages", strconv.Itoa(options.MaxPages), "must not be negative"))
	case options.Prefetch < 0 || options.Prefetch > maxPrefetch:
		p.refuse(invalid("Prefetch", strconv.Itoa(options.Prefetch), "must be between 0 and "+strconv.Itoa(maxPrefetch)))
	}
	return p
}

// Format implements [fmt.Formatter]: every verb formats the type, since a pager
// holds its tokens.
func (p *Pager[T]) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%T", p) }

// fail ends the listing with an error at the place where it is.
func (p *Pager[T]) fail(err error) {
	p.err = &PageError{ContinuationToken: p.ContinuationToken(), Err: err}
}

// refuse makes the first page the error of an invalid option.
func (p *Pager[T]) refuse(err error) { p.refused = withOperation(p.source.operation(), err) }

// More reports whether there is another page to read. It is false after an error.
func (p *Pager[T]) More() bool {
	return p.err == nil && !p.atEnd(p.place)
}

// atEnd reports whether the listing, or the part of it that the caller wants, ends at the place.
func (p *Pager[T]) atEnd(at place) bool {
	if p.refused != nil || at.err != nil {
		return false // it must be seen, whatever the caller wants
	}
	return at.end || p.maxPages > 0 && at.pages >= p.maxPages || p.top > 0 && at.items >= p.top
}

// ContinuationToken returns the token of the next page; it is empty at the end
// of the listing, and where [ErrIncompleteResult] is next. While All yields the
// items of a page, the next page is still that one, until its last item is
// yielded: resuming from the token then repeats items of that page rather than
// losing any.
func (p *Pager[T]) ContinuationToken() string {
	switch {
	case p.place.end || p.place.err != nil:
		return ""
	case p.place.pages == 0 && p.token != "":
		return p.token
	}
	listing, err := p.source.listing()
	if err != nil {
		return "" // a listing with invalid parameters has no pages
	}
	listing.Options = cmp.Or(listing.Options, p.place.of)
	return listing.Token(p.place.link, p.place.query)
}

// NextPage returns the next page. After an error it returns the same error
// again; calling it when [Pager.More] is false is an error, too.
func (p *Pager[T]) NextPage(ctx context.Context) (Page[T], error) {
	switch {
	case p.looping:
		return Page[T]{}, errLooping
	case p.err != nil:
		return Page[T]{}, p.err
	case !p.More():
		return Page[T]{}, errNoMorePages
	}
	page, next, err := p.fetch(ctx, p.place)
	if err != nil {
		p.fail(err)
		return Page[T]{}, p.err
	}
	p.place = next
	return page, nil
}

var (
	errNoMorePages = errors.New("no more pages")
	errLooping     = errors.New("a loop over this pager reads its pages: end that, or make another pager")
)

// fetch returns the page at a place, and the place after it.
func (p *Pager[T]) fetch(ctx context.Context, at place) (page Page[T], next place, err error) {
	if ctx == nil {
		return page, at, withOperation(p.source.operation(), errNilContext)
	}
	ctx, endSpan := p.source.startSpan(ctx)
	defer func() { endSpan(err) }()
	if err = cmp.Or(p.refused, at.err); err != nil {
		return page, at, err
	}
	if at.pages == 0 && p.token != "" {
		if err = p.readToken(&at); err != nil {
			return page, at, err
		}
	}
	if page, next, err = p.source.fetch(ctx, at); err != nil {
		return page, at, err
	}
	items := at.items + len(page.Value)
	if p.top > 0 && items > p.top { // the service took $top for something else
		// The next page stays this one: resuming repeats items rather than losing any.
		page.Value, next = page.Value[:p.top-at.items], at
	}
	next.pages, next.items = at.pages+1, items
	if next.empty = at.empty + 1; len(page.Value) > 0 {
		next.empty = 0
	}
	return page, next, nil
}

// emptyPagesError is [ErrPagingLoop] of a listing whose pages have no items.
type emptyPagesError struct{}

func (emptyPagesError) Is(target error) bool { return target == ErrPagingLoop }

func (emptyPagesError) Error() string {
	return "the listing doesn't end: " + strconv.Itoa(maxEmptyPages) + " pages in a row have no items"
}

// readToken moves a place to the page that the caller's token names.
func (p *Pager[T]) readToken(at *place) error {
	listing, err := p.source.listing()
	if err != nil {
		return withOperation(p.source.operation(), err)
	}
	link, query, reason := listing.ReadToken(p.token)
	if reason != "" {
		return withOperation(p.source.operation(), &ParameterError{Name: "ContinuationToken", Reason: reason})
	}
	if at.link, at.of = link, listing.Options; query != "" {
		at.query, at.read = query, true
	}
	return nil
}

// Pages yields the pages, beginning with the next one. An error is yielded once,
// and last. Started again after a break, it continues with the page after the
// last one yielded; after the end it yields nothing, after an error the error.
func (p *Pager[T]) Pages(ctx context.Context) iter.Seq2[Page[T], error] {
	return func(yield func(Page[T], error) bool) {
		for page, err := range p.each(ctx) {
			if err != nil {
				yield(Page[T]{}, err)
				return
			}
			p.place = page.next
			if !yield(page.Page, nil) {
				return
			}
		}
	}
}

// All yields the items, page after page, beginning with the next page. An error
// is yielded once, and last. Started again after a break, it continues with the
// page after the last one that was finished: items of a page that was broken off
// are repeated.
func (p *Pager[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for page, err := range p.each(ctx) {
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for i := range page.Value {
				if i == len(page.Value)-1 {
					p.place = page.next
				}
				if !yield(page.Value[i], nil) {
					return
				}
			}
			p.place = page.next
		}
	}
}

// fetched is a page, or the error in its place, on its way to the caller.
type fetched[T any] struct {
	Page[T]
	next place
	err  error
}

// each yields pages without moving the pager; the caller does.
func (p *Pager[T]) each(ctx context.Context) iter.Seq2[fetched[T], error] {
	return func(yield func(fetched[T], error) bool) {
		if p.looping {
			yield(fetched[T]{}, errLooping)
			return
		}
		p.looping = true
		defer func() { p.looping = false }()
		if ctx == nil && p.err == nil {
			p.fail(withOperation(p.source.operation(), errNilContext))
		}
		if p.err != nil {
			yield(fetched[T]{}, p.err)
			return
		}
		for page := range fanout.Ahead(ctx, p.prefetch, p.fetchAll) {
			if page.err != nil {
				p.fail(page.err)
				yield(fetched[T]{}, p.err)
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// fetchAll fetches page after page from where the pager is, up to the end or an error.
func (p *Pager[T]) fetchAll(ctx context.Context) iter.Seq[fetched[T]] {
	at := p.place
	at.seen = maps.Clone(at.seen) // a page that is fetched ahead may never be yielded
	var ahead *http.Response      // rather than in the variable of the caller's policy.WithCaptureResponse
	if p.prefetch > 0 && ctx != nil {
		ctx = policy.WithCaptureResponse(ctx, &ahead)
	}
	return func(yield func(fetched[T]) bool) {
		for !p.atEnd(at) {
			var f fetched[T]
			f.Page, f.next, f.err = p.fetch(ctx, at)
			ahead = nil
			if !yield(f) || f.err != nil {
				return
			}
			at = f.next
		}
	}
}

// links is the source of pages that have links to the next ones.
type links[T any] struct {
	client client
	call   call
}

func (l links[T]) operation() string { return l.call.route.Operation }

func (l links[T]) startSpan(ctx context.Context) (context.Context, func(error)) {
	return l.client.startSpan(ctx, l.operation(), &l.call)
}

func (l links[T]) listing() (resume.Listing, error) { return l.client.resumable(&l.call) }

func (l links[T]) fetch(ctx context.Context, at place) (page Page[T], next place, err error) {
	op := l.call
	op.link, op.query, op.first = at.link, at.query, at.link == ""
	if op.first && at.read {
		op.link = "?" + at.query
	}
	op.visit = at.visit
	read, resp, err := runResponse[pageBody[T]](ctx, l.client, op)
	if err != nil {
		return page, at, at.linkError(l.client, op.route, err)
	}
	next = at
	next.link, next.query, next.read, next.end = read.NextLink, "", false, read.NextLink == ""
	next.from = withoutBody(resp)
	return read.page(), next, nil
}

// withoutBody returns a response for the error of what comes after it.
func withoutBody(resp *http.Response) *http.Response {
	kept := *resp
	kept.Body = http.NoBody
	return &kept
}

// linkError returns the error of a link that isn't followed as one of the response that
// has it, whose request id Azure support needs.
func (at place) linkError(c client, route *routes.Route, err error) error {
	refused, ok := err.(*operationError)
	if !ok || at.from == nil || !errors.Is(err, ErrUntrustedNextLink) && !errors.Is(err, ErrPagingLoop) {
		return err
	}
	return c.serviceError(route.Operation, route, exchange.Failure{Response: at.from, Reason: refused.err})
}

// visit notes what leads to the page at the place. It is an error if that led to
// an earlier page, or if the listing doesn't seem to end.
func (at place) visit(link string) error {
	switch {
	case at.seen.Again(link, at.pages):
		return ErrPagingLoop
	case at.empty >= maxEmptyPages:
		return emptyPagesError{}
	}
	return nil
}

// newWorkspacePager returns a pager of the items of a workspace.
func newWorkspacePager[T any](c client, route *routes.Route, values pathValues, options *WorkspaceManagerListOptions) *Pager[T] {
	if options == nil {
		options = &WorkspaceManagerListOptions{}
	}
	var query []string
	if options.OrderBy != "" {
		query = append(query, "$orderby="+queryEscape(options.OrderBy))
	}
	if options.Top != 0 {
		query = append(query, "$top="+strconv.Itoa(int(options.Top)))
	}
	if options.SkipToken != "" {
		query = append(query, "$skipToken="+queryEscape(options.SkipToken))
	}
	pager := newListPager[T](c, call{route: route, values: values, query: strings.Join(query, "&")}, options.PageOptions)
	pager.top = int(options.Top)
	if options.Top < 0 {
		pager.refuse(invalid("Top", strconv.Itoa(int(options.Top)), "must not be negative"))
	}
	return pager
}

// queryEscape escapes a value of a query with %20 for a space, which every server reads as one.
func queryEscape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// PageError is the error of a page that failed, with which a [Pager] ends early. It never
// prints its ContinuationToken, neither by package fmt nor as JSON.
type PageError struct {
	// ContinuationToken names the page that failed. A pager made with it resumes there. It
	// is empty with [ErrIncompleteResult]. Resuming doesn't help for
	// [ErrUntrustedNextLink], a [*ParameterError], and [ErrPagingLoop] of a page that was read.
	ContinuationToken string

	// Err is why the page failed.
	Err error
}

// Error returns the text of Err, in one line of bounded length.
func (e *PageError) Error() string { return bounded(fmt.Sprint(e.Err)) }

// Unwrap returns Err.
func (e *PageError) Unwrap() error { return e.Err }

// Format implements [fmt.Formatter]: every verb formats the text.
func (e PageError) Format(f fmt.State, verb rune) {
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), e.Error())
}

// MarshalJSON returns the text as a JSON string.
func (e PageError) MarshalJSON() ([]byte, error) { return json.Marshal(e.Error()) }
