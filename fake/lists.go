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

// listing is what a list is made of, and how.
type listing[T any] struct {
	entries    []entry[T]
	descending bool
	top        int // items at most; negative: all
	size       int // items on a page; 0: all
}

// entry is one resource of a listing, and what it is sorted by.
type entry[T any] struct {
	order string // the property of $orderby; empty: there is none
	key   string // of the resource; no two are the same
	model T
}

// page answers with the page that the request asks for. A page begins after an
// item, not at a number: what comes and goes while a list runs moves no other
// item, and lists that run at the same time share nothing.
func (l listing[T]) page(r *request) *answer {
	if token := r.query.Get("$skiptoken"); token != "" {
		place, err := readSkipToken(token)
		if err != nil {
			return refuse(http.StatusBadRequest, "InvalidSkipToken", err.Error())
		}
		after := entry[T]{order: place[0], key: place[1]}
		l.entries = slices.DeleteFunc(l.entries, func(e entry[T]) bool { return l.compare(e, after) <= 0 })
	}
	slices.SortFunc(l.entries, l.compare)

	n := len(l.entries)
	if l.size > 0 {
		n = min(n, l.size)
	}
	if l.top >= 0 {
		n = min(n, l.top)
	}
	page := armsecops.Page[T]{Value: make([]T, n)}
	for i := range page.Value {
		page.Value[i] = l.entries[i].model
	}
	more := n < len(l.entries) && n != l.top
	if more || r.nextLink != "" {
		var last entry[T] // of an empty page: the beginning
		if n > 0 {
			last = l.entries[n-1]
		}
		page.NextLink = r.linkTo(newSkipToken(last.order, last.key), l.top-n)
	}
	return reply(http.StatusOK, page)
}

func (l listing[T]) compare(a, b entry[T]) int {
	order := cmp.Compare(a.order, b.order)
	if l.descending {
		order = -order
	}
	return cmp.Or(order, cmp.Compare(a.key, b.key))
}

// jobOrders are the properties that $orderby takes, as text that sorts as they do.
var jobOrders = map[string]func(armsecops.Job) string{
	"name":                         func(j armsecops.Job) string { return j.Name },
	"properties/starttime":         func(j armsecops.Job) string { return sortableTime(j.Properties.StartTime) },
	"properties/endtime":           func(j armsecops.Job) string { return sortableTime(j.Properties.EndTime) },
	"properties/provisioningstate": func(j armsecops.Job) string { return string(j.Properties.ProvisioningState) },
}

func sortableTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") }

// readOrderBy reads a $orderby such as "properties/startTime desc".
func readOrderBy(text string) (order func(armsecops.Job) string, descending bool, err error) {
	if text == "" {
		return func(armsecops.Job) string { return "" }, false, nil
	}
	fields := append(strings.Fields(strings.ToLower(text)), "asc")
	order, ok := jobOrders[fields[0]]
	if !ok || len(fields) > 3 || fields[1] != "asc" && fields[1] != "desc" {
		return nil, false, fmt.Errorf("$orderby '%s' is not valid: it must be name, properties/startTime, properties/endTime or properties/provisioningState, with asc or desc", text)
	}
	return order, fields[1] == "desc", nil
}

// readTop reads a $top. No $top is -1.
func readTop(text string) (int, error) {
	if text == "" {
		return -1, nil
	}
	top, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("$top '%s' is not valid: it must be a number, 0 or more", text)
	}
	return int(top), nil
}

// newSkipToken returns the token of a place in a list. As with those of Azure,
// there are characters in it that a URL must escape.
func newSkipToken(place ...string) string {
	text, _ := json.Marshal(place)
	return `[{"after": "` + base64.RawURLEncoding.EncodeToString(text) + `"}]`
}

// readSkipToken returns the two parts of a place.
func readSkipToken(token string) (place []string, err error) {
	var wrapped []struct {
		After string `json:"after"`
	}
	if json.Unmarshal([]byte(token), &wrapped) == nil && len(wrapped) == 1 {
		text, _ := base64.RawURLEncoding.DecodeString(wrapped[0].After)
		if json.Unmarshal(text, &place) == nil && len(place) == 2 {
			return place, nil
		}
	}
	return nil, errors.New("the $skipToken is not one of this server's")
}

// NextLink is what a [Fault] makes of a list's link to the next page. A page
// that has no next one gets a link to an empty page then.
type NextLink string

// The links that a fault makes. All have been seen from Azure, except those that
// lead elsewhere, with which a server could ask for a client's token.
const (
	NextLinkForeignHost       NextLink = "foreign host" // leads to another host
	NextLinkHTTP              NextLink = "http"         // leads to the same host without TLS
	NextLinkOtherPath         NextLink = "other path"   // leads out of the list
	NextLinkLoop              NextLink = "loop"         // leads to the page that it is on
	NextLinkRelative          NextLink = "relative"     // path and query only
	NextLinkDefaultPort       NextLink = "default port" // with :443 after a host that has no port
	NextLinkUnescaped         NextLink = "unescaped"    // has spaces, quotes and brackets in its $skipToken
	NextLinkWithoutAPIVersion NextLink = "without api-version"
)

// linkTo returns the link to the page at the token, as the fault wants it.
//   - top: how many items are left of $top; negative: there is none
func (r *request) linkTo(token string, top int) string {
	if r.nextLink == NextLinkLoop {
		return r.url.String()
	}
	link := *r.url
	link.Fragment = ""
	query := []string{"api-version=" + escape(r.query.Get("api-version"))}
	if r.nextLink == NextLinkWithoutAPIVersion {
		query = nil
	}
	if orderBy := r.query.Get("$orderby"); orderBy != "" {
		query = append(query, "$orderby="+escape(orderBy))
	}
	if top >= 0 && r.query.Has("$top") {
		query = append(query, "$top="+strconv.Itoa(top))
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

// escape escapes a value of a query, with %20 for a space.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
