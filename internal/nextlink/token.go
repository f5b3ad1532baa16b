package nextlink

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// continuation is the content of a continuation token: a page, and the listing
// that it belongs to. It holds nothing that the request for the page doesn't.
type continuation struct {
	Version int    `json:"v"`
	Listing string `json:"listing"` // the endpoint's origin and the listing's path
	Link    string `json:"link"`    // empty: the first page
	Query   string `json:"query,omitempty"`
}

const (
	tokenVersion  = 1
	maxTokenBytes = 1 << 20
	checksumBytes = 8
)

// Token returns the continuation token of a page.
//   - link: the link that leads to the page; empty: the first page
//   - query: that of the first page, escaped; not used with a link
func (l Listing) Token(link, query string) string {
	if link != "" {
		query = ""
		link = link[:min(len(link), maxLinkBytes+1)] // too long for Resolve, whatever follows
	}
	text, _ := json.Marshal(continuation{tokenVersion, l.identity(), link, query})
	return base64.RawURLEncoding.EncodeToString(append(checksum(text), text...))
}

// ReadToken returns the link or else the query that the token was made of, or the
// rule that the token breaks. Both are the word of whoever made the token, which
// has a checksum but no signature: only Resolve tells whether the link, or "?"
// and the query, may be followed.
func (l Listing) ReadToken(token string) (link, query, reason string) {
	if len(token) > maxTokenBytes {
		return "", "", "must be a token that a pager returned: it is too long"
	}
	const altered = "must be a token that a pager returned: it was altered"
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(data) < checksumBytes || !bytes.Equal(checksum(data[checksumBytes:]), data[:checksumBytes]) ||
		base64.RawURLEncoding.EncodeToString(data) != token { // decoding skips line ends and spare bits
		return "", "", altered
	}
	var c continuation
	switch err := json.Unmarshal(data[checksumBytes:], &c); {
	case err != nil:
		return "", "", altered
	case c.Version != tokenVersion:
		return "", "", "must be a token of this version of the library"
	case !strings.EqualFold(c.Listing, l.identity()):
		return "", "", "must be a token of this listing: it belongs to another listing, subscription or endpoint"
	}
	return c.Link, c.Query, ""
}

// identity returns the URL that only this listing has: its origin and its path.
func (l Listing) identity() string {
	origin := url.URL{Scheme: l.Endpoint.Scheme, Host: l.Endpoint.Hostname() + ":" + port(l.Endpoint)}
	return origin.String() + l.path()
}

func checksum(text []byte) []byte {
	sum := sha256.Sum256(text)
	return sum[:checksumBytes]
}
