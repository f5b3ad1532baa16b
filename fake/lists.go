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

	"github.com/armsecops/armsecops"
)

// listing is the resources of a list, and how they are sorted and paged.
type listing[T any] struct {
	entries    []entry[T]
	descending bool
	pageSize   int // 0 if all items are on one page
}

// entry is one resource of a listing.
type entry[T any] struct {
	sortKey string // the property that $orderby names; empty without $orderby
	key     string // of the resource, unique
	model   T
}

// page returns the requested page. A skip token holds the last item of the page
// before it, not a number of items: so a resource that is added or deleted
// between two pages moves no other one, and listings share no state.
func (l listing[T]) page(r *request) *response {
	if token := r.query.Get("$skiptoken"); token != "" {
		sortKey, key, err := parseSkipToken(token)
		if err != nil {
			return newErrorResponse(http.StatusBadRequest, "InvalidSkipToken", err.Error())
		}
		after := entry[T]{sortKey: sortKey, key: key}
		l.entries = slices.DeleteFunc(l.entries, func(e entry[T]) bool { return l.compare(e, after) <= 0 })
	}
	slices.SortFunc(l.entries, l.compare)

	n := len(l.entries)
	if l.pageSize > 0 {
		n = min(n, l.pageSize)
	}
	page := armsecops.Page[T]{Value: make([]T, n)}
	for i := range page.Value {
		page.Value[i] = l.entries[i].model
	}
	if n < len(l.entries) || r.nextLink != "" {
		var last entry[T] // zero, the start of the list, if the page is empty
		if n > 0 {
			last = l.entries[n-1]
		}
		page.NextLink = r.linkTo(newSkipToken(last.sortKey, last.key))
	}
	return newModelResponse(http.StatusOK, page)
}

func (l listing[T]) compare(a, b entry[T]) int {
	order := cmp.Compare(a.sortKey, b.sortKey)
	if l.descending {
		order = -order
	}
	return cmp.Or(order, cmp.Compare(a.key, b.key))
}

// jobSortKeys has the properties that $orderby accepts, as text that sorts like their values.
var jobSortKeys = map[string]func(armsecops.Job) string{
	"name":                         func(j armsecops.Job) string { return j.Name },
	"properties/starttime":         func(j armsecops.Job) string { return sortableTime(j.Properties.StartTime) },
	"properties/endtime":           func(j armsecops.Job) string { return sortableTime(j.Properties.EndTime) },
	"properties/provisioningstate": func(j armsecops.Job) string { return string(j.Properties.ProvisioningState) },
}

func sortableTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") }

// parseOrderBy parses a $orderby such as "properties/startTime desc".
func parseOrderBy(text string) (sortKey func(armsecops.Job) string, descending bool, err error) {
	if text == "" {
		return func(armsecops.Job) string { return "" }, false, nil
	}
	fields := append(strings.Fields(strings.ToLower(text)), "asc")
	sortKey, ok := jobSortKeys[fields[0]]
	if !ok || len(fields) > 3 || fields[1] != "asc" && fields[1] != "desc" {
		return nil, false, fmt.Errorf("$orderby '%s' is not valid: it must be name, properties/startTime, properties/endTime "+
			"or properties/provisioningState, with asc or desc", text)
	}
	return sortKey, fields[1] == "desc", nil
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

// linkTo returns the link to the page of the token, changed by the fault.
func (r *request) linkTo(token string) string {
	if r.nextLink == NextLinkLoop {
		return r.url.String()
	}
	link := *r.url
	query := []string{"api-version=" + escape(r.query.Get("api-version"))}
	if r.nextLink == NextLinkWithoutAPIVersion {
		query = nil
	}
	for _, name := range []string{"$orderby", "$top"} {
		if value := r.query.Get(name); value != "" {
			query = append(query, name+"="+escape(value))
		}
	}
	switch r.nextLink {
	case NextLinkUnescaped:
		query = append(query, "$skipToken="+token)
	default:
		query = append(query, "$skipToken="+escape(token))
	}
	switch r.nextLink {
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
	}
	link.RawQuery = strings.Join(query, "&")
	return link.String()
}

// escape escapes a value of a query, a space as %20.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
