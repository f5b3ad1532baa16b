package armsecops

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	linkSubscription = "20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	linkPath         = "/subscriptions/" + linkSubscription + "/resourceGroups/my%28Rg%29/providers/Microsoft.Security/assignments"
	linkVersion      = "2021-08-01-preview"
)

// linkTests are the shapes of links, and what becomes of each.
var linkTests = map[string]struct {
	link  string
	query string // sent; empty: the link is not followed
	token string // the $skipToken that arrives; empty: none
	host  string // empty: the endpoint's
}{
	"absolute":              {link: "https://management.azure.com" + linkPath + "?api-version=2021-08-01-preview&$skipToken=a", query: "api-version=2021-08-01-preview&$skipToken=a", token: "a"},
	"default port":          {link: "https://management.azure.com:443" + linkPath + "?api-version=2021-08-01-preview&$skipToken=a", query: "api-version=2021-08-01-preview&$skipToken=a", token: "a"},
	"casing":                {link: "HTTPS://Management.AZURE.com" + strings.ToUpper(linkPath) + "?API-Version=2021-08-01-preview&$SkipToken=a", query: "API-Version=2021-08-01-preview&$SkipToken=a", token: "a"},
	"subdomain":             {link: "https://westeurope.management.azure.com" + linkPath + "?api-version=2021-08-01-preview&$skipToken=a", query: "api-version=2021-08-01-preview&$skipToken=a", token: "a", host: "westeurope.management.azure.com"},
	"without api-version":   {link: "https://management.azure.com" + linkPath + "?$skipToken=a", query: "$skipToken=a&api-version=2021-08-01-preview", token: "a"},
	"another api-version":   {link: "https://management.azure.com" + linkPath + "?api-version=2030-01-01&$skipToken=a", query: "api-version=2030-01-01&$skipToken=a", token: "a"},
	"two api-versions":      {link: "https://management.azure.com" + linkPath + "?api-version=2030-01-01&api-version=1&$skipToken=a", query: "api-version=2030-01-01&$skipToken=a", token: "a"},
	"relative, from root":   {link: linkPath + "?$skipToken=a", query: "$skipToken=a&api-version=2021-08-01-preview", token: "a"},
	"relative, query":       {link: "?$skipToken=a", query: "$skipToken=a&api-version=2021-08-01-preview", token: "a"},
	"relative, last part":   {link: "assignments?$skipToken=a", query: "$skipToken=a&api-version=2021-08-01-preview", token: "a"},
	"relative, host":        {link: "//management.azure.com" + linkPath + "?$skipToken=a", query: "$skipToken=a&api-version=2021-08-01-preview", token: "a"},
	"path escaped less":     {link: "https://management.azure.com" + strings.NewReplacer("%28", "(", "%29", ")").Replace(linkPath) + "?$skipToken=a", query: "$skipToken=a&api-version=2021-08-01-preview", token: "a"},
	"without skip token":    {link: "https://management.azure.com" + linkPath + "?page=2", query: "page=2&api-version=2021-08-01-preview"},
	"empty parameters":      {link: "https://management.azure.com" + linkPath + "?&&$skipToken=a&", query: "$skipToken=a&api-version=2021-08-01-preview", token: "a"},
	"unescaped JSON":        {link: "https://management.azure.com" + linkPath + `?$skipToken=[{"token":"+RID:~a==#RT:1#TRC:100","range":{"min":"","max":"FF"}}]`, query: `$skipToken=%5B%7B%22token%22:%22%2BRID:~a==%23RT:1%23TRC:100%22,%22range%22:%7B%22min%22:%22%22,%22max%22:%22FF%22%7D%7D%5D&api-version=2021-08-01-preview`, token: `[{"token":"+RID:~a==#RT:1#TRC:100","range":{"min":"","max":"FF"}}]`},
	"unescaped spaces":      {link: "https://management.azure.com" + linkPath + "?$skipToken=a b c", query: "$skipToken=a%20b%20c&api-version=2021-08-01-preview", token: "a b c"},
	"unescaped base64":      {link: "https://management.azure.com" + linkPath + "?$skipToken=a+b/c==", query: "$skipToken=a%2Bb/c==&api-version=2021-08-01-preview", token: "a+b/c=="},
	"escaped":               {link: "https://management.azure.com" + linkPath + "?%24skipToken=a%2Bb%2Fc%3D%3D%20d+e", query: "%24skipToken=a%2Bb%2Fc%3D%3D%20d+e&api-version=2021-08-01-preview", token: "a+b/c== d e"},
	"half escaped":          {link: "https://management.azure.com" + linkPath + `?$skipToken=%7B"a":"50%25+"}`, query: "$skipToken=%7B%22a%22:%2250%25%2B%22%7D&api-version=2021-08-01-preview", token: `{"a":"50%+"}`},
	"lone percent":          {link: "https://management.azure.com" + linkPath + "?$skipToken=100%&$top=1", query: "$skipToken=100%25&$top=1&api-version=2021-08-01-preview", token: "100%"},
	"semicolon":             {link: "https://management.azure.com" + linkPath + "?$skipToken=a;b", query: "$skipToken=a%3Bb&api-version=2021-08-01-preview", token: "a;b"},
	"other scripts":         {link: "https://management.azure.com" + linkPath + "?$skipToken=größe", query: "$skipToken=gr%C3%B6%C3%9Fe&api-version=2021-08-01-preview", token: "größe"},
	"plus in another one":   {link: "https://management.azure.com" + linkPath + "?$orderby=name+desc&$skipToken=a", query: "$orderby=name+desc&$skipToken=a&api-version=2021-08-01-preview", token: "a"},
	"another host":          {link: "https://evil.example" + linkPath + "?$skipToken=a"},
	"another host, no path": {link: "https://evil.example"},
	"host, relative":        {link: "//evil.example" + linkPath},
	"host with a prefix":    {link: "https://evilmanagement.azure.com" + linkPath},
	"host with a suffix":    {link: "https://management.azure.com.evil.example" + linkPath},
	"parent of the host":    {link: "https://azure.com" + linkPath},
	"host with a dot last":  {link: "https://management.azure.com." + linkPath},
	"user as the host":      {link: "https://management.azure.com@evil.example" + linkPath},
	"user":                  {link: "https://user:password@management.azure.com" + linkPath},
	"empty user":            {link: "https://@management.azure.com" + linkPath},
	"another port":          {link: "https://management.azure.com:8443" + linkPath},
	"http":                  {link: "http://management.azure.com" + linkPath},
	"http, port of https":   {link: "http://management.azure.com:443" + linkPath},
	"another scheme":        {link: "file:///etc/passwd"},
	"opaque":                {link: "https:management.azure.com" + linkPath},
	"another path":          {link: "https://management.azure.com/subscriptions?api-version=2020-01-01"},
	"another group":         {link: "https://management.azure.com" + strings.Replace(linkPath, "my%28Rg%29", "other", 1)},
	"another subscription":  {link: "https://management.azure.com" + strings.Replace(linkPath, "20ff", "30ff", 1)},
	"path goes on":          {link: "https://management.azure.com" + linkPath + "/a?$skipToken=a"},
	"path with dots":        {link: "https://management.azure.com" + linkPath + "/../../x"},
	"path, escaped slash":   {link: "https://management.azure.com" + strings.Replace(linkPath, "/providers", "%2Fproviders", 1)},
	"backslashes":           {link: `https:\\evil.example` + linkPath},
	"backslash in the host": {link: `https://management.azure.com\@evil.example` + linkPath},
	"control character":     {link: "https://management.azure.com\n.evil.example" + linkPath},
	"fragment":              {link: "https://management.azure.com" + linkPath + "#?$skipToken=a"},
	"not a URL":             {link: "https://[::1"},
	"white space":           {link: " "},
}

// Every shape of link goes through a real server, whose certificate is that of the endpoint.
func TestLinks(t *testing.T) {
	t.Parallel()
	for name, test := range linkTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests []*http.Request
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests = append(requests, r)
				if len(requests) == 1 {
					_ = json.NewEncoder(w).Encode(map[string]any{"value": []any{}, "nextLink": test.link})
					return
				}
				_, _ = w.Write([]byte(`{"value":[{"name":"last"}]}`))
			}))
			defer server.Close()
			options := &ClientOptions{}
			options.Transport = &http.Client{Transport: &http.Transport{
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
				},
				TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // whatever the host is called
				DisableKeepAlives: true,
			}}
			client, err := NewSecurityAssignmentsClient(linkSubscription, &azfake.TokenCredential{}, options)
			require.NoError(t, err)
			pager := client.NewListPager("my(Rg)", nil)
			_, err = pager.NextPage(t.Context())
			require.NoError(t, err)
			page, err := pager.NextPage(t.Context())
			if test.query == "" {
				require.ErrorIs(t, err, ErrUntrustedNextLink)
				assert.Len(t, requests, 1, "an untrusted link was followed")
				e, ok := errors.AsType[*PageError](err)
				require.True(t, ok)
				assert.NotEmpty(t, e.ContinuationToken)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "last", page.Value[0].Name)
			request := requests[1]
			host := test.host
			if host == "" {
				host = "management.azure.com"
			}
			assert.Equal(t, host, request.Host)
			assert.Equal(t, linkPath, request.URL.EscapedPath())
			assert.Equal(t, test.query, request.URL.RawQuery)
			values := map[string]string{}
			for key, value := range request.URL.Query() {
				values[strings.ToLower(key)] = value[0]
			}
			assert.Equal(t, test.token, values["$skiptoken"])
			assert.Equal(t, "Bearer fake_token", request.Header.Get("Authorization"))
		})
	}
}

func TestLinkEndpoints(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		endpoint, link, want string
		override             bool
	}{
		"port of its own":          {"https://127.0.0.1:8443", "https://127.0.0.1:8443" + linkPath, "https://127.0.0.1:8443" + linkPath + "?api-version=1", false},
		"not its port":             {"https://127.0.0.1:8443", "https://127.0.0.1" + linkPath, "", false},
		"default port spelled out": {"https://a.example:443/", "https://a.example" + linkPath, "https://a.example" + linkPath + "?api-version=1", false},
		"path of its own":          {"https://a.example/arm/", "https://a.example/arm" + linkPath, "https://a.example/arm" + linkPath + "?api-version=1", false},
		"path of its own, without": {"https://a.example/arm", linkPath, "https://a.example/arm" + linkPath + "?api-version=1", false},
		"IPv6":                     {"https://[::1]:8443", "https://[::1]:8443" + linkPath, "https://[::1]:8443" + linkPath + "?api-version=1", false},
		"IPv6, another":            {"https://[::1]", "https://[::2]" + linkPath, "", false},
		"http by choice":           {"http://a.example", "http://a.example" + linkPath, "http://a.example" + linkPath + "?api-version=1", false},
		"api-version by choice":    {"https://a.example", "https://a.example" + linkPath + "?api-version=7&API-VERSION=8&$skipToken=a", "https://a.example" + linkPath + "?$skipToken=a&api-version=1", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, err := url.Parse(test.endpoint)
			require.NoError(t, err)
			got, err := followLink(endpoint, linkPath, test.link, "1", test.override)
			if test.want == "" {
				assert.ErrorIs(t, err, ErrUntrustedNextLink)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

// Whatever the link, it is refused, or leads to the endpoint or a host below
// it, by https, to the path of the listing, and with one api-version.
func FuzzFollowLink(f *testing.F) {
	for _, test := range linkTests {
		f.Add(test.link)
	}
	endpoint := &url.URL{Scheme: "https", Host: "management.azure.com"}
	f.Fuzz(func(t *testing.T, link string) {
		got, err := followLink(endpoint, linkPath, link, linkVersion, false)
		if err != nil {
			require.ErrorIs(t, err, ErrUntrustedNextLink)
			return
		}
		req, err := http.NewRequest(http.MethodGet, got, nil)
		require.NoError(t, err, "%q", got)
		u := req.URL
		require.Equal(t, "https", u.Scheme)
		require.True(t, u.Host == endpoint.Host || strings.HasSuffix(u.Host, "."+endpoint.Host), u.Host)
		require.Nil(t, u.User)
		require.Equal(t, linkPath, u.EscapedPath())
		require.Empty(t, u.Fragment)
		query, err := url.ParseQuery(u.RawQuery)
		require.NoError(t, err)
		versions := 0
		for key, values := range query {
			if strings.EqualFold(key, "api-version") {
				versions += len(values)
			}
		}
		require.Equal(t, 1, versions, got)
		again, err := followLink(endpoint, linkPath, got, linkVersion, false)
		require.NoError(t, err)
		require.Equal(t, got, again, "repairing twice is repairing once")
	})
}
