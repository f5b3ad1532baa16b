package armsecops

import (
	"fmt"
	"net/url"
	"strings"
)

// followLink returns the URL of the page that a link names, repaired where it
// needs to be. It is the one place that decides which link may be followed with
// a token: one to the endpoint itself or to a host below it, and to the path of
// the listing it came from.
//   - path: the listing's, below the endpoint, escaped
//   - version: the api-version for a link that has none
//   - override: whether the version replaces that of the link
func followLink(endpoint *url.URL, path, link, version string, override bool) (string, error) {
	reference, query, _ := strings.Cut(link, "?")
	listing := &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host}
	base := strings.TrimSuffix(endpoint.EscapedPath(), "/")
	listing, err := listing.Parse(base + path)
	if err != nil {
		return "", err
	}
	target, err := listing.Parse(reference)
	if err != nil {
		return "", fmt.Errorf("%w: not a URL", ErrUntrustedNextLink)
	}
	if target.Scheme != "https" && target.Scheme != endpoint.Scheme {
		return "", fmt.Errorf("%w: scheme %s", ErrUntrustedNextLink, quote(target.Scheme))
	}
	host, trusted := strings.ToLower(target.Hostname()), strings.ToLower(endpoint.Hostname())
	if host != trusted && !strings.HasSuffix(host, "."+trusted) || port(target) != port(endpoint) {
		return "", fmt.Errorf("%w: host %s", ErrUntrustedNextLink, quote(target.Host))
	}
	if target.User != nil || target.Opaque != "" || strings.Contains(reference, "#") {
		return "", fmt.Errorf("%w: a link has neither user nor fragment", ErrUntrustedNextLink)
	}
	if !samePath(target.EscapedPath(), base+path) && !samePath(target.EscapedPath(), path) {
		return "", fmt.Errorf("%w: path %s is not the listing's", ErrUntrustedNextLink, quote(target.Path))
	}
	authority := strings.ToLower(target.Host)
	if target.Scheme == "https" {
		authority = strings.TrimSuffix(authority, ":443")
	}
	return target.Scheme + "://" + authority + base + path + "?" + repairQuery(query, version, override), nil
}

// port returns the URL's port, or the default one of its scheme.
func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

// samePath compares two escaped paths segment by segment, blind to casing and
// to how they are escaped.
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

// repairQuery escapes what a service forgot to escape, leaves what it escaped,
// and sees to it that there is one api-version.
func repairQuery(query, version string, override bool) string {
	var kept []string
	versioned := false
	for parameter := range strings.SplitSeq(query, "&") {
		name, value, hasValue := strings.Cut(parameter, "=")
		decoded, _ := url.QueryUnescape(name)
		switch {
		case parameter == "":
			continue
		case strings.EqualFold(decoded, "api-version"):
			if override || versioned {
				continue
			}
			versioned = true
		}
		repaired := repairEscapes(name, false)
		if hasValue {
			// A token with nothing escaped in it, or with something that should
			// have been, was never escaped: its plus signs are no spaces.
			raw := strings.EqualFold(decoded, "$skipToken") && !isEscaped(value)
			repaired += "=" + repairEscapes(value, raw)
		}
		kept = append(kept, repaired)
	}
	if !versioned {
		kept = append(kept, "api-version="+url.QueryEscape(version))
	}
	return strings.Join(kept, "&")
}

// isEscaped reports whether the text is the work of an escaping function: it has
// escapes, and nothing that ought to be one.
func isEscaped(s string) bool {
	escapes := false
	for i := range len(s) {
		switch {
		case isEscape(s[i:]):
			escapes = true
		case !isQueryByte(s[i]):
			return false
		}
	}
	return escapes
}

// repairEscapes escapes every byte that a query may not hold; raw: plus signs as well.
func repairEscapes(s string, raw bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		if isQueryByte(c) && !(raw && c == '+') || isEscape(s[i:]) {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}

// isEscape reports whether the text begins with a percent sign and two digits.
func isEscape(s string) bool {
	const digits = "0123456789ABCDEFabcdef"
	return len(s) > 2 && s[0] == '%' && strings.IndexByte(digits, s[1]) >= 0 && strings.IndexByte(digits, s[2]) >= 0
}

// isQueryByte reports whether the value of a parameter may hold the byte as it
// is. Semicolons may, but there are servers that part parameters at them.
func isQueryByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-._~!$'()*+,=:@/?", c) >= 0
}
