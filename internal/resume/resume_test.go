package resume

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
)

const (
	testHost = "management.azure.com"
	testPath = "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/my%28Rg%29/providers/Microsoft.Security/assignments"
)

// testListing returns the listing of testPath below an endpoint.
func testListing(t testing.TB, endpoint string) Listing {
	u := testkit.Must(url.Parse(endpoint))
	return Listing{Endpoint: u, Path: testPath}
}

// encode returns a token with the right checksum.
func encode(text string) string {
	return base64.RawURLEncoding.EncodeToString(append(checksum([]byte(text)), text...))
}

// read is what a token says: its page, or why it is refused.
type read struct{ link, query, reason string }

func (l Listing) read(token string) (r read) {
	r.link, r.query, r.reason = l.ReadToken(token)
	return r
}

const (
	tooLong        = "must be a token that a pager returned: it is too long"
	ofAnother      = "must be a token of this listing: it belongs to another listing, filter, time, subscription or endpoint"
	ofOtherVersion = "must be a token of this version of the library"
	testOrigin     = "https://management.azure.com:443"
	testContent    = `"listing":"` + testOrigin + testPath + `"`
)

func TestTokenNamesItsPage(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("&", maxLinkBytes)
	l := testListing(t, "https://"+testHost)
	for name, test := range map[string]struct {
		link, query string
		want        read
	}{
		"first page":            {"", "", read{}},
		"first page with query": {"", "$top=5&$skipToken=a%26b", read{query: "$top=5&$skipToken=a%26b"}},
		"next page":             {`https://a.example/?a=1&b=<">`, "", read{link: `https://a.example/?a=1&b=<">`}},
		"query beside a link":   {"?a", "$top=5", read{link: "?a"}},
		"longest link":          {longest, "", read{link: longest}},
		"link that is too long": {strings.Repeat("&", 9*maxLinkBytes), "", read{link: longest}},
	} {
		token := l.Token(test.link, test.query)
		assert.Equal(t, test.want, l.read(token), name)
		assert.Equal(t, url.QueryEscape(token), token, "needs no escapes")
	}
}

// Tokens are kept by callers while the library changes.
func TestTokenContent(t *testing.T) {
	t.Parallel()
	l := testListing(t, "https://"+testHost)
	assert.Equal(t, encode(`{"v":1,`+testContent+`,"link":"?a"}`), l.Token("?a", ""))
	assert.Equal(t, encode(`{"v":1,`+testContent+`,"link":""}`), l.Token("", ""))
	assert.Equal(t, encode(`{"v":1,`+testContent+`,"link":"","query":"$top=1"}`), l.Token("", "$top=1"))
	for text, want := range map[string]read{
		`{"v":1,` + testContent + `,"link":"?a"}`:                {link: "?a"},
		`{"v":1,` + testContent + `,"link":"","query":"$top=1"}`: {query: "$top=1"},
		`{"v":1,` + testContent + `,"link":"?a","unknown":{}}`:   {link: "?a"},
		`{"v":2,` + testContent + `,"link":"?a"}`:                {reason: ofOtherVersion},
		`{` + testContent + `,"link":"?a"}`:                      {reason: ofOtherVersion},
		`{"v":1,"link":"?a"}`:                                    {reason: ofAnother},
		`{"v":1`:                                                 {reason: AlteredPageToken},
		``:                                                       {reason: AlteredPageToken},
	} {
		assert.Equal(t, want, l.read(encode(text)), text)
	}
}

func TestReadTokenRefusesAlteredTokens(t *testing.T) {
	t.Parallel()
	l := testListing(t, "https://"+testHost)
	token := l.Token("?$skipToken=ab", "")
	require.NotZero(t, len(token)%4, "the last character has spare bits")
	data := testkit.Must(base64.RawURLEncoding.DecodeString(token))
	tests := map[string]string{
		"no checksum":     base64.RawURLEncoding.EncodeToString(data[checksumBytes:]),
		"only a checksum": base64.RawURLEncoding.EncodeToString(data[:checksumBytes]),
		"part of one":     base64.RawURLEncoding.EncodeToString(data[:checksumBytes-1]),
		"cut":             token[:len(token)-4],
		"longer":          token + "AAAA",
		"not base64":      "!" + token[1:],
		"line end":        token + "\n",
		"line end inside": token[:9] + "\r\n" + token[9:],
		"spare bits":      token[:len(token)-1] + string(token[len(token)-1]+1),
		"padding":         token + "=",
		"empty":           "",
		"long":            strings.Repeat("A", maxTokenBytes),
	}
	for i := range data {
		flipped := slices.Clone(data)
		flipped[i] ^= 1
		tests[fmt.Sprintf("byte %d", i)] = base64.RawURLEncoding.EncodeToString(flipped)
	}
	for name, token := range tests {
		assert.Equal(t, read{reason: AlteredPageToken}, l.read(token), name)
	}
	assert.Equal(t, read{reason: tooLong}, l.read(strings.Repeat("A", maxTokenBytes+1)))
}

func TestReadTokenIsBoundToTheListing(t *testing.T) {
	t.Parallel()
	token := testListing(t, "https://"+testHost+":443/").Token("?a", "")
	for name, test := range map[string]struct {
		endpoint, path string
		want           read
	}{
		"the same":             {"https://management.azure.com", testPath, read{link: "?a"}},
		"another case":         {"https://MANAGEMENT.azure.com", strings.ToUpper(testPath), read{link: "?a"}},
		"another host":         {"https://management.example", testPath, read{reason: ofAnother}},
		"another port":         {"https://management.azure.com:8443", testPath, read{reason: ofAnother}},
		"another scheme":       {"http://management.azure.com:443", testPath, read{reason: ofAnother}},
		"another base path":    {"https://management.azure.com/arm", testPath, read{reason: ofAnother}},
		"another group":        {"https://management.azure.com", strings.Replace(testPath, "my", "your", 1), read{reason: ofAnother}},
		"another subscription": {"https://management.azure.com", strings.Replace(testPath, "20ff", "30ff", 1), read{reason: ofAnother}},
	} {
		l := testListing(t, test.endpoint)
		l.Path = test.path
		assert.Equal(t, test.want, l.read(token), name)
	}
}

// Whatever a token holds, it is refused, or it is one that Token writes.
func FuzzReadToken(f *testing.F) {
	l := testListing(f, "https://"+testHost)
	for _, token := range []string{l.Token("", ""), l.Token("", "$top=5"), l.Token("?$skipToken=a", ""), "", "AAAA"} {
		f.Add(token, false)
	}
	f.Add(`{"v":1,`+testContent+`,"link":"//evil.example"}`, true)
	f.Add(`{"v":1,`+testContent+`,"query":"a#b\n"}`, true)
	f.Fuzz(func(t *testing.T, token string, forged bool) {
		if forged {
			token = encode(token)
		}
		link, query, reason := l.ReadToken(token)
		if reason != "" {
			require.True(t, strings.HasPrefix(reason, "must be a token "), reason)
			require.Empty(t, link+query)
			return
		}
		if len(link) <= maxLinkBytes {
			again := l.Token(link, query)
			link, query, reason = l.ReadToken(again)
			require.Empty(t, reason)
			require.Equal(t, again, l.Token(link, query))
		}
	})
}

// Tokens are kept by callers while the library changes.
func TestJobTokenContent(t *testing.T) {
	t.Parallel()
	text := testkit.Must(json.Marshal(NewJobToken("/subscriptions/s/jobs/j")))
	assert.Equal(t, `{"jobId":"/subscriptions/s/jobs/j","checksum":"dpkfmsU0beQ="}`, string(text))
}

func TestReadJobToken(t *testing.T) {
	t.Parallel()
	const (
		other   = "must be a token of the ResumeToken method of a poller"
		id      = "/subscriptions/s/jobs/j"
		content = `{"jobId":"` + id + `","checksum":"dpkfmsU0beQ="}`
		get     = `{"type":"WorkspaceManagerJobsClientGetResponse"`
	)
	for name, test := range map[string]struct{ token, id, reason string }{
		"of NewJobPoller":       {get + `,"token":` + content + `}`, id, ""},
		"without type":          {`{"token":` + content + `}`, "", other},
		"not JSON":              {`token`, "", other},
		"empty":                 {``, "", other},
		"null":                  {`null`, "", other},
		"without content":       {get + `}`, "", AlteredJobToken},
		"checksum of another":   {get + `,"token":{"jobId":"/a","checksum":"dpkfmsU0beQ="}}`, "", AlteredJobToken},
		"checksum that is cut":  {get + `,"token":{"jobId":"/subscriptions/s/jobs/j","checksum":"AAAA"}}`, "", AlteredJobToken},
		"without checksum":      {get + `,"token":{"jobId":"/subscriptions/s/jobs/j"}}`, "", AlteredJobToken},
		"checksum not a string": {get + `,"token":{"jobId":"/a","checksum":8}}`, "", other},
	} {
		got, reason := ReadJobToken(test.token)
		assert.Equal(t, test.id, got, name)
		assert.Equal(t, test.reason, reason, name)
	}
}
