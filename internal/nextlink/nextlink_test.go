package nextlink

import (
	"net/url"
	"regexp"
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
	first := testkit.Must(url.Parse(strings.TrimSuffix(endpoint, "/") + testPath))
	return Listing{First: *first, Endpoint: u, APIVersion: "2021-08-01-preview"}
}

// expand replaces the placeholders of a table.
func expand(link string) string {
	return strings.NewReplacer("{listing}", "https://"+testHost+testPath, "{path}", testPath).Replace(link)
}

const (
	version = "&api-version=2021-08-01-preview" // what a link without one gets
	pageA   = "$skipToken=a" + version
)

// followed are links that are trusted, with the query that is sent and the $skipToken that the service reads in it.
var followed = map[string]struct{ link, query, skipToken string }{
	"absolute":     {"{listing}?api-version=2021-08-01-preview&$skipToken=a", "api-version=2021-08-01-preview&$skipToken=a", "a"},
	"default port": {"https://management.azure.com:443{path}?$skipToken=a", pageA, "a"},
	"empty port":   {"https://management.azure.com:{path}?$skipToken=a", pageA, "a"},
	"another case": {
		"HTTPS://Management.AZURE.com" + strings.ToUpper(testPath) + "?API-Version=2021-08-01-preview&$SkipToken=a",
		"API-Version=2021-08-01-preview&$SkipToken=a", "a",
	},
	"without api-version":          {"{listing}?$skipToken=a", pageA, "a"},
	"another api-version":          {"{listing}?api-version=2030-01-01&$skipToken=a", "api-version=2030-01-01&$skipToken=a", "a"},
	"two api-versions":             {"{listing}?api-version=2030-01-01&api-version=1&$skipToken=a", "api-version=2030-01-01&$skipToken=a", "a"},
	"escaped api-version":          {"{listing}?%61pi%2Dversion=2030-01-01&$skipToken=a", "%61pi%2Dversion=2030-01-01&$skipToken=a", "a"},
	"relative to the root":         {"{path}?$skipToken=a", pageA, "a"},
	"only a query":                 {"?$skipToken=a", pageA, "a"},
	"relative to the last segment": {"assignments?$skipToken=a", pageA, "a"},
	"relative to the scheme":       {"//management.azure.com{path}?$skipToken=a", pageA, "a"},
	"path with fewer escapes":      {strings.NewReplacer("%28", "(", "%29", ")").Replace(expand("{listing}?$skipToken=a")), pageA, "a"},
	"path with more escapes":       {strings.Replace(expand("{listing}?$skipToken=a"), "assign", "%61ssign", 1), pageA, "a"},
	"path with dots":               {"{listing}/../assignments?$skipToken=a", pageA, "a"},
	"empty":                        {"", "api-version=2021-08-01-preview", ""},
	"without query":                {"{listing}", "api-version=2021-08-01-preview", ""},
	"without skip token":           {"{listing}?page=2", "page=2" + version, ""},
	"empty parameters":             {"{listing}?&&$skipToken=a&", pageA, "a"},
	"parameter without value":      {"{listing}?all&$skipToken=", "all&$skipToken=" + version, ""},
	"unescaped JSON": {
		`{listing}?$skipToken=[{"token":"+RID:~a==#RT:1","range":{"min":"","max":"FF"}}]`,
		"$skipToken=%5B%7B%22token%22:%22%2BRID:~a==%23RT:1%22,%22range%22:%7B%22min%22:%22%22,%22max%22:%22FF%22%7D%7D%5D" + version,
		`[{"token":"+RID:~a==#RT:1","range":{"min":"","max":"FF"}}]`,
	},
	"unescaped spaces":               {"{listing}?$skipToken=a b c", "$skipToken=a%20b%20c" + version, "a b c"},
	"unescaped base64":               {"{listing}?$skipToken=a+b/c==", "$skipToken=a%2Bb/c==" + version, "a+b/c=="},
	"unescaped base64, another case": {"{listing}?$SKIPTOKEN=a+b", "$SKIPTOKEN=a%2Bb" + version, "a+b"},
	"unescaped question mark":        {"{listing}?$skipToken=a?b", "$skipToken=a?b" + version, "a?b"},
	"escaped":                        {"{listing}?%24skipToken=a%2Bb%2fc%3D%3D%20d+e", "%24skipToken=a%2Bb%2fc%3D%3D%20d+e" + version, "a+b/c== d e"},
	"partly escaped":                 {`{listing}?$skipToken=%7B"a":"50%25+"}`, "$skipToken=%7B%22a%22:%2250%25%2B%22%7D" + version, `{"a":"50%+"}`},
	"percent sign":                   {"{listing}?$skipToken=100%&$top=1", "$skipToken=100%25&$top=1" + version, "100%"},
	"percent sign and one digit":     {"{listing}?$skipToken=%4&a=%g0&b=%0g", "$skipToken=%254&a=%25g0&b=%250g" + version, "%4"},
	"semicolon":                      {"{listing}?$skipToken=a;b", "$skipToken=a%3Bb" + version, "a;b"},
	"other scripts":                  {"{listing}?$skipToken=größe", "$skipToken=gr%C3%B6%C3%9Fe" + version, "größe"},
	"control characters": {
		"{listing}?$skipToken=a\r\nHost: evil.example\x00", "$skipToken=a%0D%0AHost:%20evil.example%00" + version, "a\r\nHost: evil.example\x00",
	},
	"plus sign in another parameter": {"{listing}?$orderby=name+desc&$skipToken=a", "$orderby=name+desc&$skipToken=a" + version, "a"},
	"as long as allowed":             {"?$skipToken=" + longest, "$skipToken=" + longest + version, longest},
}

var longest = strings.Repeat("a", maxLinkBytes-len("?$skipToken="))

func TestResolve(t *testing.T) {
	t.Parallel()
	for name, test := range followed {
		got, err := testListing(t, "https://"+testHost).Resolve(expand(test.link))
		require.NoError(t, err, name)
		require.Equal(t, expand("{listing}?")+test.query, got.String(), name)
		query := map[string]string{}
		for name, values := range got.Query() {
			query[strings.ToLower(name)] = values[0]
		}
		assert.Equal(t, test.skipToken, query["$skiptoken"], name)
	}
}

// refused are links that are not trusted, by the end of the error.
var refused = map[string][]string{
	`host "evil.example"`: {
		"https://evil.example{path}?$skipToken=a", "https://evil.example", "//evil.example{path}", "https://management.azure.com@evil.example{path}",
	},
	`host "evilmanagement.azure.com"`:          {"https://evilmanagement.azure.com{path}"},
	`host "management.azure.com.evil.example"`: {"https://management.azure.com.evil.example{path}"},
	`host "azure.com"`:                         {"https://azure.com{path}"},
	`host "management.azure.com."`:             {"https://management.azure.com.{path}"},
	`host "management.аzure.com"`:              {"https://management.аzure.com{path}"}, // a Cyrillic а
	`host "management.azure.com:8443"`:         {"https://management.azure.com:8443{path}"},
	`host "management.azure.com:0443"`:         {"https://management.azure.com:0443{path}"},
	`host ""`:                                  {"https:///subscriptions", "https:management.azure.com{path}", `https:\\evil.example{path}`},
	`scheme "http"`:                            {"http://management.azure.com{path}", "http://management.azure.com:443{path}"},
	`scheme "file"`:                            {"file:///etc/passwd"},
	"it has a user or a fragment": {
		"https://user:password@management.azure.com{path}", "https://@management.azure.com{path}",
		"https://evil.example@westeurope.management.azure.com{path}", "{listing}#?$skipToken=a", "{listing}#",
	},
	"not a URL": {
		`https://management.azure.com\@evil.example{path}`, "https://management.azure.com\n.evil.example{path}", "https://[::1", "{listing}%2",
	},
	`path "/subscriptions" is not the listing's`: {"https://management.azure.com/subscriptions"},
	`path "" is not the listing's`:               {"https://management.azure.com?$skipToken=a"},
	"is not the listing's": {
		strings.Replace(expand("{listing}"), "my%28Rg%29", "other", 1), strings.Replace(expand("{listing}"), "20ff", "30ff", 1),
		strings.Replace(expand("{listing}"), "/providers", "%2Fproviders", 1), "https://management.azure.com/{path}",
		"{listing}/a?$skipToken=a", "{listing}/?$skipToken=a", "{listing}/../../x", "{listing}/%2e%2e/assignments", `\\evil.example{path}`, " ",
	},
	"longer than 65536 bytes": {"?" + strings.Repeat("a", maxLinkBytes)},
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	for reason, links := range refused {
		for _, link := range links {
			got, err := testListing(t, "https://"+testHost).Resolve(expand(link))
			require.ErrorIs(t, err, ErrUntrusted, "%.100q", link)
			assert.Regexp(t, "^untrusted next link: (.* )?"+regexp.QuoteMeta(reason)+"$", err.Error(), "%.100q", link)
			assert.Empty(t, got)
		}
	}
}

func TestResolveErrorIsOneShortLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a\u202e ", 10_000)
	for _, link := range []string{"/" + long, "//" + strings.Repeat("a", 10_000), strings.Repeat("a", 10_000) + ":b"} {
		_, err := testListing(t, "https://"+testHost).Resolve(link)
		require.ErrorIs(t, err, ErrUntrusted)
		assert.Less(t, len(err.Error()), 600)
		assert.NotContains(t, err.Error(), "\u202e")
	}
}

// Of what stands before the endpoint's host, only labels of DNS are trusted.
func TestResolveTrustsHostsBelowTheEndpoint(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	for trusted, hosts := range map[bool][]string{
		true: {"westeurope.", "a.b.c.", "1.", "west--europe-2.", label + "."},
		false: {
			"a" + label + ".", "-a.", "a-.", "good.-.", "(evil.com).", "*.", ".", "a..", "..", "_a.", "größe.", "ａ.", "a%2fb.", "%61.", "%C3%A4.",
			"a b.", "a\tb.", "evil.com,a.", "evil.com'.", "a+b.", "evil.com;.", "evil.com@.", "evil.com#.", "evil.com/.", `evil.com\.`, "[::1].", "evil.com:.",
		},
	} {
		for _, below := range hosts {
			got, err := testListing(t, "https://"+testHost).Resolve("https://" + below + testHost + testPath)
			if !trusted {
				require.ErrorIs(t, err, ErrUntrusted, below)
				continue
			}
			require.NoError(t, err, below)
			assert.Equal(t, "https://"+below+testHost+testPath+"?api-version=2021-08-01-preview", got.String())
		}
	}
}

func TestResolveBelowEndpoint(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ endpoint, link, want string }{ // want: without path and query; empty: refused
		"another port":                     {"https://127.0.0.1:8443", "https://127.0.0.1:8443{path}", "https://127.0.0.1:8443"},
		"default port for another":         {"https://127.0.0.1:8443", "https://127.0.0.1{path}", ""},
		"endpoint with default port":       {"https://a.example:443/", "https://a.example{path}", "https://a.example"},
		"endpoint with a path":             {"https://a.example/arm/", "https://a.example/arm{path}", "https://a.example/arm"},
		"endpoint with a path, link not":   {"https://a.example/arm", "{path}", "https://a.example/arm"},
		"endpoint with a path, another":    {"https://a.example/arm", "/other{path}", ""},
		"endpoint in capitals":             {"https://A.Example", "https://b.a.example{path}", "https://b.a.example"},
		"IPv4":                             {"https://127.0.0.1", "https://127.0.0.1{path}", "https://127.0.0.1"},
		"below IPv4":                       {"https://127.0.0.1", "https://a.127.0.0.1{path}", ""},
		"address that ends in the address": {"https://7.0.0.1", "https://12.7.0.0.1{path}", ""},
		"IPv6":                             {"https://[::1]:8443", "https://[::1]:8443{path}", "https://[::1]:8443"},
		"IPv6, default port":               {"https://[::1]", "https://[::1]:443{path}", "https://[::1]"},
		"another IPv6":                     {"https://[::1]", "https://[::2]{path}", ""},
		"below IPv6":                       {"https://[::1]", "https://a.[::1]{path}", ""},
		"below localhost":                  {"https://localhost:8443", "https://a.localhost:8443{path}", "https://a.localhost:8443"},
		"http":                             {"http://a.example", "http://a.example:80{path}", "http://a.example"},
		"http for https":                   {"http://a.example", "https://a.example{path}", ""},
		"https on the same port":           {"http://a.example:8080", "https://a.example:8080{path}", "https://a.example:8080"},
	} {
		got, err := testListing(t, test.endpoint).Resolve(expand(test.link))
		if test.want == "" {
			require.ErrorIs(t, err, ErrUntrusted, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, test.want+testPath+"?api-version=2021-08-01-preview", got.String(), name)
	}
}

func TestResolveOverridesAPIVersion(t *testing.T) {
	t.Parallel()
	l := testListing(t, "https://"+testHost)
	l.APIVersion, l.Override = "a b", true
	got := testkit.Must(l.Resolve("?api-version=7&$skipToken=a&API-VERSION=8"))
	assert.Equal(t, expand("{listing}?$skipToken=a&api-version=a+b"), got.String())
}

// Whatever the link, it is refused, or leads to the endpoint or a host below it, by https, to the path of the listing, with one api-version.
func FuzzResolve(f *testing.F) {
	for _, test := range followed {
		f.Add(expand(test.link))
	}
	for _, links := range refused {
		for _, link := range links {
			f.Add(expand(link))
		}
	}
	for _, below := range []string{"westeurope.", "(evil.com).", "*.", "..", "a_b.", "-."} {
		f.Add("https://" + below + testHost + testPath)
	}
	l := testListing(f, "https://"+testHost)
	address := testListing(f, "https://127.0.0.1:8443")
	f.Fuzz(func(t *testing.T, link string) {
		if got, err := address.Resolve(link); err == nil {
			require.True(t, strings.HasPrefix(got.String(), "https://127.0.0.1:8443"+testPath+"?"), got)
		}
		got, err := l.Resolve(link)
		if err != nil {
			require.ErrorIs(t, err, ErrUntrusted)
			return
		}
		u, err := url.Parse(got.String())
		require.NoError(t, err, "%q", got)
		require.Equal(t, []string{u.Host, u.Path, u.EscapedPath(), u.RawQuery}, []string{got.Host, got.Path, got.EscapedPath(), got.RawQuery})
		require.Equal(t, "https", u.Scheme)
		below, ok := strings.CutSuffix("."+u.Host, "."+testHost)
		require.True(t, ok, u.Host)
		require.Regexp(t, `^(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`, below)
		require.Nil(t, u.User)
		require.Equal(t, testPath, u.EscapedPath())
		require.Empty(t, u.Fragment)
		query, versions := testkit.Must(url.ParseQuery(u.RawQuery)), 0
		for name, values := range query {
			if strings.EqualFold(name, "api-version") {
				versions += len(values)
			}
		}
		require.Equal(t, 1, versions, got)
		if len(got.String()) <= maxLinkBytes {
			again := testkit.Must(l.Resolve(got.String()))
			require.Equal(t, got, again, "a link that was repaired needs no repair")
		}
	})
}

func TestSeenLetsPagesBeFetchedAgain(t *testing.T) {
	t.Parallel()
	seen := Seen{}
	for page, link := range []string{"a", "b", "c", "d"} {
		require.False(t, seen.Again(link, page))
	}
	for page, link := range []string{"b", "d"} { // the caller left while c and d were fetched ahead, and then c was gone
		require.False(t, seen.Again(link, page+1))
	}
	assert.True(t, seen.Again("d", 3), "it led to page 2 since")
	assert.True(t, seen.Again("a", 4))
}
