package armsecops

import (
	"context"
	"errors"
	"hash/maphash"
	"iter"
)

// Pager reads a listing page by page. It is not safe for concurrent use, except
// that different pagers never disturb each other.
//
// A page that fails ends the listing with a [*PageError], whose
// ContinuationToken names the page that failed: a new pager with that token in
// its [PageOptions], in another process if need be, goes on there. In its chain
// are the service's error, [ErrUntrustedNextLink] for a link that leads away
// from the endpoint or the listing, [ErrPagingLoop] for one that leads back, or
// a [*ParameterError] for a parameter or a token that breaks its rule.
type Pager[T any] struct {
	client   client
	listing  call
	token    string // to begin with
	prefetch int
	maxPages int

	place place // of the next page
	err   error
}

// place is where a listing is. It is a value: a fetch ahead works on its own copy.
type place struct {
	link  string // of the next page; empty: the first one
	end   bool
	pages int // read so far
	seen  seenLinks
}

func newPager[T any](c client, listing call, options PageOptions) *Pager[T] {
	p := &Pager[T]{client: c, listing: listing, token: options.ContinuationToken, prefetch: options.Prefetch, maxPages: options.MaxPages}
	switch {
	case options.MaxPages < 0:
		p.fail(&ParameterError{Name: "MaxPages", Reason: "must not be negative"})
	case options.Prefetch < 0:
		p.fail(&ParameterError{Name: "Prefetch", Reason: "must not be negative"})
	}
	return p
}

// fail ends the listing with an error at the place where it is.
func (p *Pager[T]) fail(err error) {
	p.err = &PageError{ContinuationToken: p.ContinuationToken(), Err: err}
}

// More reports whether there is another page to ask for. It is false after an error.
func (p *Pager[T]) More() bool {
	return p.err == nil && !p.atEnd(p.place)
}

// atEnd reports whether the listing, or the part of it that was asked for, ends at the place.
func (p *Pager[T]) atEnd(at place) bool {
	return at.end || p.maxPages > 0 && at.pages >= p.maxPages
}

// ContinuationToken returns the token of the next page; it is empty at the end
// of the listing. While All goes through the items of a page, the next page is
// still that one, until its last item is yielded: to go on from the token then
// repeats items of that page rather than losing any.
func (p *Pager[T]) ContinuationToken() string {
	switch {
	case p.place.end:
		return ""
	case p.place.pages == 0 && p.token != "":
		return p.token
	}
	return p.newToken(p.place.link)
}

// NextPage returns the next page. After an error it returns the same error
// again; to ask for a page where [Pager.More] is false is an error, too.
func (p *Pager[T]) NextPage(ctx context.Context) (Page[T], error) {
	switch {
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
	return page.read(), nil
}

// fetch returns the page at a place, and the place after it.
func (p *Pager[T]) fetch(ctx context.Context, at place) (page unreadPage[T], next place, err error) {
	if at.pages == 0 && p.token != "" {
		if at.link, err = p.readToken(p.token); err != nil {
			return page, at, err
		}
	}
	call := p.listing
	call.link, call.seen = at.link, &at.seen
	if page, err = run[unreadPage[T]](ctx, p.client, call); err != nil {
		return page, at, err
	}
	next = place{link: page.NextLink, end: page.NextLink == "", pages: at.pages + 1, seen: at.seen}
	return page, next, nil
}

// Pages yields the pages from where the pager is. An error is yielded once, and
// last. Started again after a break, it goes on with the page after the last one
// yielded; after the end or an error it yields nothing, or the error.
func (p *Pager[T]) Pages(ctx context.Context) iter.Seq2[Page[T], error] {
	return func(yield func(Page[T], error) bool) {
		for page, err := range p.each(ctx) {
			if err != nil {
				yield(Page[T]{}, err)
				return
			}
			p.place = page.next
			if !yield(page.read(), nil) {
				return
			}
		}
	}
}

// All yields the items from where the pager is, page after page. An error is
// yielded once, and last. Started again after a break, it goes on with the page
// after the last one it finished: items of a page that was broken off come again.
// It takes less memory than Pages, and lets go of the items that it yielded.
func (p *Pager[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for page, err := range p.each(ctx) {
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for i := range page.Value {
				items := page.Value.take(i)
				for j := range items {
					if i == len(page.Value)-1 && j == len(items)-1 {
						p.place = page.next
					}
					if !yield(items[j], nil) {
						return
					}
				}
			}
			p.place = page.next
		}
	}
}

var errNoMorePages = errors.New("no more pages")

// fetched is a page, or the error in its place, on its way to the caller.
type fetched[T any] struct {
	unreadPage[T]
	next place
	err  error
}

// each yields pages without moving the pager; the caller does.
func (p *Pager[T]) each(ctx context.Context) iter.Seq2[fetched[T], error] {
	return func(yield func(fetched[T], error) bool) {
		if p.err != nil {
			yield(fetched[T]{}, p.err)
			return
		}
		source := p.fetchAll(ctx)
		if p.prefetch > 0 {
			source = prefetch(ctx, p.prefetch, p.fetchAll)
		}
		for page := range source {
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
	return func(yield func(fetched[T]) bool) {
		for !p.atEnd(at) {
			var f fetched[T]
			f.unreadPage, f.next, f.err = p.fetch(ctx, at)
			if !yield(f) || f.err != nil {
				return
			}
			at = f.next
		}
	}
}

// prefetch runs a sequence in a goroutine that is up to n values ahead of the
// caller. The goroutine has ended when the loop over the result has.
func prefetch[T any](ctx context.Context, n int, sequence func(context.Context) iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		ctx, cancel := context.WithCancel(ctx)
		left := make(chan struct{})
		values := make(chan T, n-1) // one more waits in the goroutine's hands
		defer func() {
			close(left)
			cancel()
			for range values {
			}
		}()
		go func() {
			defer close(values)
			for v := range sequence(ctx) {
				select {
				case values <- v:
				case <-left:
					return
				}
			}
		}()
		for v := range values {
			if !yield(v) {
				return
			}
		}
	}
}

// seenLinks finds a link that was there before, in constant memory: at once
// where the way back is short, else once the listing has gone around (Brent's
// algorithm: a mark that moves on to the current page in ever longer steps).
type seenLinks struct {
	recent [64]uint64 // by number of the page, round and round
	mark   uint64
	count  int
	steps  int // until the mark moves
	stride int
}

var seed = maphash.MakeSeed()

// add notes a link, and reports whether it was there before.
func (s *seenLinks) add(link string) (again bool) {
	hash := maphash.String(seed, link) | 1 // never the zero of an empty slot
	for _, h := range s.recent {
		again = again || h == hash
	}
	again = again || s.mark == hash
	s.recent[s.count%len(s.recent)] = hash
	s.count++
	if s.steps == 0 {
		s.mark = hash
		s.stride = max(1, 2*s.stride)
		s.steps = s.stride
	}
	s.steps--
	return again
}
