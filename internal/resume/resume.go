// Package resume makes and reads the tokens by which another process resumes a
// listing or the wait for a job. A token holds what the request does, and no
// secret. It is bound to what it resumes, and has a checksum, which is no signature.
package resume

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// Listing is what the continuation tokens of a listing are bound to.
type Listing struct {
	Endpoint *url.URL
	Path     string // escaped, below the endpoint
	Options  string // those of the caller that all pages must share, as a query; empty for none
}

// continuation is the content of a continuation token: a page, and the listing
// that it belongs to.
type continuation struct {
	Version int    `json:"v"`
	Listing string `json:"listing"` // the endpoint's origin and the listing's path
	Link    string `json:"link"`    // empty for the first page
	Query   string `json:"query,omitempty"`
	Options string `json:"options,omitempty"`
}

const (
	tokenVersion  = 1
	maxTokenBytes = 1 << 20
	checksumBytes = 8

	// maxLinkBytes bounds the link in a token, which has to stay below its own
	// bound. No link that is longer may be followed.
	maxLinkBytes = 64<<10 + 1
)

// AlteredPageToken is the rule that a continuation token breaks which no pager made.
const AlteredPageToken = "must be a token that a pager returned: it was altered"

// Token returns the continuation token of a page.
//   - link: the link that leads to the page; empty for the first page
//   - query: that of the first page, escaped; not used with a link
func (l Listing) Token(link, query string) string {
	if link != "" {
		query = ""
		link = link[:min(len(link), maxLinkBytes)]
	}
	text, _ := json.Marshal(continuation{tokenVersion, l.identity(), link, query, l.Options})
	return base64.RawURLEncoding.EncodeToString(append(checksum(text), text...))
}

// ReadToken returns the link or else the query that the token was made of, or the
// rule that the token breaks. Neither is trusted: a token has a checksum, not a
// signature. A listing without options takes those of the token.
func (l *Listing) ReadToken(token string) (link, query, reason string) {
	if len(token) > maxTokenBytes {
		return "", "", "must be a token that a pager returned: it is too long"
	}
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(data) < checksumBytes || !bytes.Equal(checksum(data[checksumBytes:]), data[:checksumBytes]) ||
		base64.RawURLEncoding.EncodeToString(data) != token { // decoding skips line ends and spare bits
		return "", "", AlteredPageToken
	}
	var c continuation
	switch err := json.Unmarshal(data[checksumBytes:], &c); {
	case err != nil:
		return "", "", AlteredPageToken
	case c.Version != tokenVersion:
		return "", "", "must be a token of this version of the library"
	case !strings.EqualFold(c.Listing, l.identity()):
		return "", "", "must be a token of this listing: it belongs to another listing, filter, time, subscription or endpoint"
	case l.Options != "" && l.Options != c.Options:
		return "", "", "must be a token of this listing: it belongs to one with another Filter or OrderBy"
	}
	l.Options = c.Options
	return c.Link, c.Query, ""
}

// identity returns the URL that only this listing has: its origin and its path.
func (l Listing) identity() string {
	port := cmp.Or(l.Endpoint.Port(), map[string]string{"http": "80", "https": "443"}[l.Endpoint.Scheme])
	origin := url.URL{Scheme: l.Endpoint.Scheme, Host: l.Endpoint.Hostname() + ":" + port}
	return origin.String() + strings.TrimSuffix(l.Endpoint.EscapedPath(), "/") + l.Path
}

func checksum(text []byte) []byte {
	sum := sha256.Sum256(text)
	return sum[:checksumBytes]
}
