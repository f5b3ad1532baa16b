package nextlink

import (
	"net/url"
	"strings"
)

// repairQuery escapes what the service forgot to escape, keeps what it escaped,
// and makes sure that there is exactly one api-version.
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
			// A token without escapes, or with a character that needs one, was
			// never escaped: its plus signs aren't spaces.
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

// isEscaped reports whether an escaping function wrote the text: it has escapes,
// and no character that needs one.
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

// repairEscapes escapes every byte that a query must not hold; raw: plus signs as well.
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

// isQueryByte reports whether the value of a parameter may hold the byte
// unescaped. A semicolon may, but some servers split parameters at it.
func isQueryByte(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("-._~!$'()*+,=:@/?", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
