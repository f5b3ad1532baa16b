package armsecops

import (
	"cmp"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// secrets blanks in a text what the library sent and must not print: the tokens,
// and the query of one call. A transport or a service may repeat either.
type secrets struct{ replacer *strings.Replacer } // nil if there are none

const (
	blanked = "…"

	// minSecretBytes is the length from which a value of a query is blanked
	// without its name, too. A shorter one may be a word.
	minSecretBytes = 8
)

// secrets returns those of a request, which may be nil.
func (c client) secrets(req *http.Request) secrets {
	var texts []string // each before its replacement
	for _, token := range c.tokens.recent() {
		texts = append(texts, token, blanked)
	}
	if req != nil && req.URL != nil {
		texts = append(texts, querySecrets(req.URL.RawQuery)...)
	}
	if texts == nil {
		return secrets{}
	}
	return secrets{strings.NewReplacer(texts...)}
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
				pairs = append(pairs, n+"="+v, n+"="+blanked)
			}
			if len(v) >= minSecretBytes {
				values = append(values, v, blanked)
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

func (s secrets) blank(text string) string {
	if s.replacer == nil {
		return text
	}
	return s.replacer.Replace(text)
}

// blankError returns an error whose text has neither secrets nor the URLs that
// net/http puts there. That of a service's error hasn't, anyway.
func (s secrets) blankError(err error) error {
	switch err.(type) {
	case nil, *ErrorResponse, *CloudError:
		return err
	}
	text := err.Error()
	for err := range tree(err) {
		if e, ok := err.(*url.Error); ok {
			text = strings.ReplaceAll(text, e.Error(), e.Err.Error())
		}
	}
	if text = s.blank(text); text == err.Error() {
		return err
	}
	return &blankedError{err, text}
}

// blankedError is an error in whose text secrets are blanked.
type blankedError struct {
	err  error
	text string
}

func (e *blankedError) Error() string { return e.text }
func (e *blankedError) Unwrap() error { return e.err }

// tokens are the last tokens of a credential.
type tokens struct {
	mu    sync.Mutex
	texts []string
}

// maxTokens bounds the tokens that are known: those of the tenant and of three
// auxiliary ones, now and before they were renewed.
const maxTokens = 8

func (t *tokens) add(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(token) < minSecretBytes || slices.Contains(t.texts, token) {
		return
	}
	t.texts = append(t.texts, token)
	t.texts = t.texts[max(0, len(t.texts)-maxTokens):]
}

func (t *tokens) recent() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.texts)
}
