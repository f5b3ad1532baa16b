package printable

import (
	"cmp"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Secrets blanks in a text what the library sent and must not print: the tokens,
// and the query of one call. A transport or a service may repeat either.
type Secrets struct{ replacer *strings.Replacer } // nil if there are none

// minSecretBytes is the length from which a value of a query is blanked without
// its name, too. A shorter one may be a word.
const minSecretBytes = 8

// NewSecrets returns the secrets of a call: its query, and tokens.
func NewSecrets(tokens []string, query string) Secrets {
	var texts []string // each before its replacement
	for _, token := range tokens {
		texts = append(texts, token, ellipsis)
		if escaped := url.QueryEscape(token); escaped != token {
			texts = append(texts, escaped, ellipsis)
		}
	}
	texts = append(texts, querySecrets(query)...)
	if texts == nil {
		return Secrets{}
	}
	return Secrets{strings.NewReplacer(texts...)}
}

// querySecrets returns the parameters of a query but its api-version, and their
// long values, each in the forms it may be printed in and before its replacement.
func querySecrets(query string) []string {
	var pairs, values []string
	for parameter := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		if value == "" || strings.EqualFold(name, "api-version") {
			continue
		}
		for _, v := range printedForms(value) {
			for _, n := range printedForms(name) {
				pairs = append(pairs, n+"="+v, n+"="+ellipsis)
			}
			if len(v) >= minSecretBytes {
				values = append(values, v, ellipsis)
			}
		}
	}
	return append(pairs, values...)
}

// printedForms returns an escaped text as it is, decoded, quoted and escaped in
// other ways, the longest form first.
func printedForms(escaped string) []string {
	forms := []string{escaped}
	if decoded, err := url.QueryUnescape(escaped); err == nil {
		quoted := strconv.Quote(decoded)
		query := url.QueryEscape(decoded)
		forms = append(forms, decoded, quoted[1:len(quoted)-1], html.EscapeString(decoded),
			query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(decoded))
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(forms)
}

// Blank returns the text without the secrets.
func (s Secrets) Blank(text string) string {
	if s.replacer == nil {
		return text
	}
	return s.replacer.Replace(text)
}

// Tokens are the last tokens of a credential.
type Tokens struct {
	mu    sync.Mutex
	texts []string
}

// maxTokens bounds the tokens that are known: those of the tenant and of three
// auxiliary ones, now and before they were renewed.
const maxTokens = 8

// Add adds a token, unless it is known or too short to be one.
func (t *Tokens) Add(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(token) < minSecretBytes || slices.Contains(t.texts, token) {
		return
	}
	t.texts = append(t.texts, token)
	t.texts = t.texts[max(0, len(t.texts)-maxTokens):]
}

// Recent returns the tokens, and those of Authorization headers, which a program may
// set itself.
func (t *Tokens) Recent(authorization ...string) []string {
	t.mu.Lock()
	texts := slices.Clone(t.texts)
	t.mu.Unlock()
	for _, header := range authorization {
		if token := header[strings.LastIndexByte(header, ' ')+1:]; len(token) >= minSecretBytes && !slices.Contains(texts, token) {
			texts = append(texts, token)
		}
	}
	return texts
}
