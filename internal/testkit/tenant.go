package testkit

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Tenant is a service with a listing in each subscription, whose items are named by number.
type Tenant struct {
	Sizes func(subscription string) []int                   // of the pages
	Delay time.Duration                                     // of a page
	Fault func(subscription string, page int) TransportFunc // returns nil if the page is sent

	mu       sync.Mutex
	Requests map[string]int // by subscription
	running  int
	Most     int          // requests that ran at a time
	Open     atomic.Int32 // bodies
}

// NewTenant returns a tenant whose listings have pages of these sizes.
func NewTenant(sizes ...int) *Tenant {
	none := func(string, int) TransportFunc { return nil }
	return &Tenant{Sizes: func(string) []int { return sizes }, Fault: none, Requests: map[string]int{}}
}

// Do responds to the request for a page, unless its context ends before.
func (s *Tenant) Do(req *http.Request) (*http.Response, error) {
	subscription := strings.Split(req.URL.Path, "/")[2]
	page, first := 0, 0
	_, _ = fmt.Sscanf(req.URL.Query().Get("$skipToken"), "page %d, item %d", &page, &first)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Requests[subscription]++
	s.running++
	s.Most = max(s.Most, s.running)
	defer func() { s.running-- }()
	if s.Delay > 0 {
		s.mu.Unlock()
		select {
		case <-time.After(s.Delay):
		case <-req.Context().Done():
		}
		s.mu.Lock()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if fail := s.Fault(subscription, page); fail != nil {
		return fail(req)
	}
	sizes, link := s.Sizes(subscription), ""
	last := first + sizes[page]
	if page+1 < len(sizes) {
		link = fmt.Sprintf(`,"nextLink":"https://%s%s?$skipToken=page %d, item %d"`, req.URL.Host, req.URL.Path, page+1, last)
	}
	var items []string
	for _, name := range Numbers(last)[first:] {
		items = append(items, fmt.Sprintf(`{"id":"/subscriptions/%s/a/b","name":%q}`, subscription, name))
	}
	resp, err := Respond(200, `{"value":[`+strings.Join(items, ",")+`]`+link+`}`)(req)
	s.Open.Add(1)
	resp.Body = Closing{resp.Body, func() { s.Open.Add(-1) }}
	return resp, err
}
