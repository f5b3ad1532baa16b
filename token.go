package armsecops

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// continuation is what a continuation token says: where a listing goes on, and
// which listing that is. It holds nothing that the request for the page doesn't.
type continuation struct {
	Version int    `json:"v"`
	Listing string `json:"listing"` // the endpoint's origin and the listing's path
	Link    string `json:"link"`    // empty: the first page
}

const (
	continuationVersion = 1
	maxTokenBytes       = 1 << 20
	checksumBytes       = 8
)

// newToken returns the token of the page that the link leads to.
func (p *Pager[T]) newToken(link string) string {
	listing, err := p.identity()
	if err != nil {
		return "" // of a listing whose parameters are wrong there is no page
	}
	text, _ := json.Marshal(continuation{continuationVersion, listing, link})
	return base64.RawURLEncoding.EncodeToString(append(checksum(text), text...))
}

// readToken returns the link to the page that the token names, if it is one of this listing.
func (p *Pager[T]) readToken(token string) (link string, err error) {
	refuse := func(reason string) (string, error) {
		return "", &ParameterError{"ContinuationToken", token, reason}
	}
	if len(token) > maxTokenBytes {
		return refuse("must be a token that a pager returned: it is too long")
	}
	data, err := base64.RawURLEncoding.DecodeString(token)
	switch {
	case err != nil, base64.RawURLEncoding.EncodeToString(data) != token, // white space and spare bits are passed over
		len(data) < checksumBytes, string(checksum(data[checksumBytes:])) != string(data[:checksumBytes]):
		return refuse("must be a token that a pager returned: it was altered")
	}
	var c continuation
	if err := json.Unmarshal(data[checksumBytes:], &c); err != nil {
		return refuse("must be a token that a pager returned: it was altered")
	}
	if c.Version != continuationVersion {
		return refuse("must be a token of this version of the library")
	}
	listing, err := p.identity()
	if err != nil {
		return "", err
	}
	if !strings.EqualFold(c.Listing, listing) {
		return refuse("must be a token of this listing: it belongs to another listing, subscription or endpoint")
	}
	return c.Link, nil
}

// identity returns what tells this listing from every other one.
func (p *Pager[T]) identity() (string, error) {
	path, err := p.client.path(p.listing.route, p.listing.values)
	origin := url.URL{Scheme: p.client.endpoint.Scheme, Host: p.client.endpoint.Hostname() + ":" + port(p.client.endpoint)}
	return origin.String() + strings.TrimSuffix(p.client.endpoint.EscapedPath(), "/") + path, err
}

func checksum(text []byte) []byte {
	sum := sha256.Sum256(text)
	return sum[:checksumBytes]
}
