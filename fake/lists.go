package fake

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// listing is the resources of a list, and how they are sorted and paged.
type listing struct {
	entries    []entry
	descending bool
	pageSize   int // 0 if all items are on one page
}

// entry is one resource of a listing.
type entry struct {
	sortKey string // the property that $orderby names; empty without $orderby
	key     string // of the resource, unique
	document
}

// list responds to a list: of what is below the last resource that its path names.
func (s *Server) list(r *request, row *row) *response {
	l := listing{pageSize: s.options.PageSize}
	sortKey := func(document) string { return "" }
	if row.orderBy != nil {
		property, descending, err := row.parseOrderBy(r.query.Get("$orderby"))
		if err != nil {
			return newErrorResponse(http.StatusBadRequest, "InvalidOrderBy", err.Error())
		}
		top, err := parseTop(r.query.Get("$top"))
		if err != nil {
			return newErrorResponse(http.StatusBadRequest, "InvalidTop", err.Error())
		}
		if top > 0 && (top < l.pageSize || l.pageSize == 0) {
			l.pageSize = top
		}
		l.descending = descending
		sortKey = func(doc document) string { return sortableText(doc, property) }
	}
	scope := r.listScope()
	if id := routes.SubscriptionOf(scope); id != "" {
		s.parents[key("/subscriptions/"+id)] = true // for queries
	}
	short := s.options.ShortLists && row.resource == routes.StandardAssignments
	selected := func(k string, _ *storedResource) bool {
		return routes.IsBelow(k, scope) && !(short && routes.ScopeOf(k) != scope)
	}
	if row.selects != nil {
		var refused *response
		if selected, refused = row.selects(s, r); refused != nil {
			return refused
		}
	}
	for k, res := range s.resources {
		if res.of == row.resource && selected(k, res) {
			s.followClock(res)
			l.entries = append(l.entries, entry{sortKey(res.document), k, res.document})
		}
	}
	return l.page(r)
}

// listScope returns the key of the last resource that the path of a list names.
func (r *request) listScope() string {
	if n := len(r.ancestors); n > 0 {
		return key(r.ancestors[n-1].ID)
	}
	return ""
}

// page returns the requested page. A skip token holds the last item of the page
// before it, not a number of items: so a resource that is added or deleted
// between two pages moves no other one, and listings share no state.
func (l listing) page(r *request) *response {
	if token := r.query.Get("$skiptoken"); token != "" {
		sortKey, key, err := parseSkipToken(token)
		if err != nil {
			return newErrorResponse(http.StatusBadRequest, "InvalidSkipToken", err.Error())
		}
		after := entry{sortKey: sortKey, key: key}
		l.entries = slices.DeleteFunc(l.entries, func(e entry) bool { return l.compare(e, after) <= 0 })
	}
	slices.SortFunc(l.entries, l.compare)

	n := len(l.entries)
	if l.pageSize > 0 {
		n = min(n, l.pageSize)
	}
	page := armsecops.Page[document]{Value: make([]document, n)}
	for i := range page.Value {
		page.Value[i] = l.entries[i].document
	}
	if n < len(l.entries) || r.nextLink != "" && nextLinks[r.nextLink] {
		var last entry // zero, the start of the list, if the page is empty
		if n > 0 {
			last = l.entries[n-1]
		}
		page.NextLink = r.changeLink(r.newLink(newSkipToken(last.sortKey, last.key)))
	}
	return newModelResponse(http.StatusOK, page)
}

func (l listing) compare(a, b entry) int {
	order := cmp.Compare(a.sortKey, b.sortKey)
	if l.descending {
		order = -order
	}
	return cmp.Or(order, cmp.Compare(a.key, b.key))
}

// parseOrderBy parses a $orderby such as "properties/startTime desc".
func (row *row) parseOrderBy(text string) (property string, descending bool, err error) {
	if text == "" {
		return "", false, nil
	}
	fields := append(strings.Fields(text), "asc")
	for _, property := range row.orderBy {
		if direction := strings.ToLower(fields[1]); strings.EqualFold(property, fields[0]) && len(fields) <= 3 && (direction == "asc" || direction == "desc") {
			return property, direction == "desc", nil
		}
	}
	return "", false, fmt.Errorf("$orderby '%s' is not valid: it must be %s, with asc or desc", text, strings.Join(row.orderBy, " or "))
}

// sortableText returns a property as text that sorts like its value; empty if there is none.
//   - property: as in "properties/startTime"; empty for none
func sortableText(doc document, property string) string {
	name, ok := strings.CutPrefix(property, "properties/")
	if !ok {
		return map[string]string{"name": doc.Name}[property]
	}
	text := strings.Join(textsAt(doc.Properties, name), "")
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC().Format("2006-01-02T15:04:05.000000000")
	}
	return text
}

// valueAt returns the value at a path of names, or nil.
func valueAt(value jsontext.Value, names ...string) jsontext.Value {
	for _, name := range names {
		var object map[string]jsontext.Value
		if json.Unmarshal(value, &object) != nil {
			return nil
		}
		value = object[name]
	}
	return value
}

// textsAt returns the texts at a path of names: those of every element of a list.
func textsAt(value jsontext.Value, names ...string) (texts []string) {
	switch kind := value.Kind(); {
	case kind == '[':
		for _, element := range mustParse[[]jsontext.Value](value) {
			texts = append(texts, textsAt(element, names...)...)
		}
	case len(names) > 0:
		return textsAt(valueAt(value, names[0]), names[1:]...)
	case kind == '"':
		return []string{mustParse[string](value)}
	}
	return texts
}

// parseTop parses a $top. It returns 0 for an empty one.
func parseTop(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	top, err := strconv.ParseUint(text, 10, 31)
	if err != nil || top == 0 {
		return 0, fmt.Errorf("$top '%s' is not valid: it must be an integer of at least 1", text)
	}
	return int(top), nil
}

// newSkipToken returns the token of a position in a list. Like Azure's tokens,
// it has characters that must be escaped in a URL.
//   - list, item: the entry's sort key and key, or an overridden listing and the number of its page
func newSkipToken(list, item string) string {
	text, _ := json.Marshal([]string{list, item})
	return `[{"after": "` + base64.RawURLEncoding.EncodeToString(text) + `"}]`
}

// parseSkipToken returns the two parts of a position.
func parseSkipToken(token string) (list, item string, err error) {
	var tokens []struct {
		After string `json:"after"`
	}
	if json.Unmarshal([]byte(token), &tokens) == nil && len(tokens) == 1 {
		var position []string
		text, _ := base64.RawURLEncoding.DecodeString(tokens[0].After)
		if json.Unmarshal(text, &position) == nil && len(position) == 2 {
			return position[0], position[1], nil
		}
	}
	return "", "", errors.New("the $skipToken is not one of this server")
}

// NextLink is how a [Fault] changes the link to a list's next page. If it applies
// to the last page, that page gets a link to an empty one.
type NextLink string

// The links of a fault. Azure sends all of them but the first three, with which
// a server could try to obtain the client's token.
const (
	NextLinkForeignHost       NextLink = "foreign host"        // points to another host
	NextLinkHTTP              NextLink = "http"                // points to the same host without TLS
	NextLinkOtherPath         NextLink = "other path"          // points to a path that is not the list's
	NextLinkLoop              NextLink = "loop"                // points to the page that it is on
	NextLinkRelative          NextLink = "relative"            // has only a path and a query
	NextLinkDefaultPort       NextLink = "default port"        // has :443 after a host without port
	NextLinkUnescaped         NextLink = "unescaped"           // has spaces, quotes and brackets in its $skipToken
	NextLinkWithoutAPIVersion NextLink = "without api-version" // has no api-version in its query
)

// newLink returns the link to the page of the token.
func (r *request) newLink(token string) string {
	link := *r.url
	query := []string{"api-version=" + escape(r.query.Get("api-version"))}
	for _, name := range []string{"$orderby", "$top", "$filter"} {
		if value := r.query.Get(name); value != "" {
			query = append(query, name+"="+escape(value))
		}
	}
	link.RawQuery = strings.Join(append(query, "$skipToken="+escape(token)), "&")
	return link.String()
}

// changeLink returns the link as the fault of the request changes it.
func (r *request) changeLink(text string) string {
	link, err := url.Parse(text)
	if err != nil {
		return text // of an override
	}
	switch r.nextLink {
	case NextLinkLoop:
		return r.url.String()
	case NextLinkForeignHost:
		link.Host = "management.azure.example"
	case NextLinkHTTP:
		link.Scheme = "http"
	case NextLinkOtherPath:
		link.Path, link.RawPath = "/subscriptions", ""
	case NextLinkRelative:
		link.Scheme, link.Host = "", ""
	case NextLinkDefaultPort:
		if link.Port() == "" {
			link.Host = net.JoinHostPort(link.Hostname(), "443")
		}
	case NextLinkUnescaped, NextLinkWithoutAPIVersion:
		var query []string
		for parameter := range strings.SplitSeq(link.RawQuery, "&") {
			name, value, _ := strings.Cut(parameter, "=")
			switch unescaped, err := url.QueryUnescape(value); {
			case r.nextLink == NextLinkUnescaped && strings.EqualFold(name, "$skipToken") && err == nil:
				parameter = name + "=" + unescaped
			case r.nextLink == NextLinkWithoutAPIVersion && strings.EqualFold(name, "api-version"):
				continue
			}
			query = append(query, parameter)
		}
		link.RawQuery = strings.Join(query, "&")
	}
	return link.String()
}

// escape escapes a value of a query, a space as %20.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
