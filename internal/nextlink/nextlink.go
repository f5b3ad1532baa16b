// Package nextlink decides which link to a next page may be followed with the
// caller's token, repairs what services get wrong in links, and notices listings
// that loop.
package nextlink

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/armsecops/armsecops/internal/printable"
)

var (
	// ErrUntrusted is a link that leads away from the endpoint or from the listing.
	ErrUntrusted = errors.New("untrusted next link")

	// ErrLoop is a link to a page that the listing has been at before.
	ErrLoop = errors.New("the next link leads back to an earlier page")
)

// Listing is a listing whose links are followed.
type Listing struct {
	First      url.URL  // of the first page
	Endpoint   *url.URL // with which First begins
	APIVersion string   // of a link that has none
	Override   bool     // APIVersion replaces that of the link
}

// maxLinkBytes bounds a link. No service reads a request line that is longer.
const maxLinkBytes = 64 << 10

// Resolve returns the URL of the page that a link leads to, repaired where
// necessary. It is the one place that decides which link is trusted: one to the
// endpoint itself or to a host below it, on the same port, and to the path of
// the listing.
func (l Listing) Resolve(link string) (url.URL, error) {
	if len(link) > maxLinkBytes {
		return url.URL{}, fmt.Errorf("%w: longer than %d bytes", ErrUntrusted, maxLinkBytes)
	}
	reference, query, _ := strings.Cut(link, "?")
	target, err := l.First.Parse(reference)
	if err != nil {
		return url.URL{}, fmt.Errorf("%w: not a URL", ErrUntrusted)
	}
	path := l.First.EscapedPath()
	switch {
	case target.Scheme != "https" && target.Scheme != l.Endpoint.Scheme:
		return url.URL{}, fmt.Errorf("%w: scheme %s", ErrUntrusted, printable.Quote(target.Scheme))
	case !l.trusts(target):
		return url.URL{}, fmt.Errorf("%w: host %s", ErrUntrusted, printable.Quote(target.Host))
	case target.User != nil || strings.Contains(reference, "#"):
		return url.URL{}, fmt.Errorf("%w: it has a user or a fragment", ErrUntrusted)
	case !samePath(target.EscapedPath(), path) && !samePath(target.EscapedPath(), l.belowEndpoint(path)):
		return url.URL{}, fmt.Errorf("%w: path %s is not the listing's", ErrUntrusted, printable.Quote(target.Path))
	}
	host := strings.TrimSuffix(strings.ToLower(target.Host), ":"+target.Port())
	if target.Port() != "" && target.Port() != defaultPorts[target.Scheme] {
		host += ":" + target.Port()
	}
	page := l.First
	page.Scheme, page.Host, page.RawQuery = target.Scheme, host, repairQuery(query, l.APIVersion, l.Override)
	return page, nil
}

// belowEndpoint returns a path without that of the endpoint, which some links lack.
func (l Listing) belowEndpoint(path string) string {
	return strings.TrimPrefix(path, strings.TrimSuffix(l.Endpoint.EscapedPath(), "/"))
}

// trusts reports whether the URL has the endpoint's host and port, or those of a
// host below the endpoint. A proxy may read a name that is no DNS name in its
// own way, and no host is below an IP address.
func (l Listing) trusts(u *url.URL) bool {
	host, endpoint := strings.ToLower(u.Hostname()), strings.ToLower(l.Endpoint.Hostname())
	if port(u) != port(l.Endpoint) {
		return false
	}
	below, ok := strings.CutSuffix(host, "."+endpoint)
	if !ok {
		return host == endpoint
	}
	_, err := netip.ParseAddr(endpoint)
	return err != nil && isDNSName(below)
}

// isDNSName reports whether every label of the name is one of DNS.
func isDNSName(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if len(label) < 1 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isAlphanumeric(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// port returns the URL's port, or else the default one of its scheme.
func port(u *url.URL) string { return cmp.Or(u.Port(), defaultPorts[u.Scheme]) }

// samePath compares two escaped paths segment by segment, ignoring case and how
// they are escaped.
func samePath(a, b string) bool {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	if len(as) != len(bs) {
		return false
	}
	for i := range as {
		x, errX := url.PathUnescape(as[i])
		y, errY := url.PathUnescape(bs[i])
		if errX != nil || errY != nil || !strings.EqualFold(x, y) {
			return false
		}
	}
	return true
}

// Seen maps the links of a listing, by a hash of bounded length, to the number of
// the page that each led to.
type Seen map[[16]byte]int

// Again notes that the link leads to the page of that number, and reports whether
// it led to an earlier page, which makes the listing a loop. A page that is
// fetched again, such as one that was fetched ahead in vain, keeps its number.
func (s Seen) Again(link string, page int) bool {
	hash := sha256.Sum256([]byte(link))
	key := [16]byte(hash[:])
	first, ok := s[key]
	if !ok || page < first {
		s[key] = page
	}
	return ok && first < page
}
