package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/wire"
)

// maxControlBytes bounds the body of a request to the control endpoint.
const maxControlBytes = 4 << 20

// fault is the JSON of a [fake.Fault]. Durations are text such as "1.5s".
type fault struct {
	Operation    string        `json:"operation"`
	PathContains string        `json:"pathContains"` // ignoring case
	Skip         int           `json:"skip"`
	Times        int           `json:"times"`
	Always       bool          `json:"always"`
	StatusCode   int           `json:"statusCode"`
	RetryAfter   string        `json:"retryAfter"`
	Delay        string        `json:"delay"`
	Body         string        `json:"body"`
	NoBody       bool          `json:"noBody"`
	Header       http.Header   `json:"header"`
	NextLink     fake.NextLink `json:"nextLink"`
	Truncate     bool          `json:"truncate"`
	Disconnect   bool          `json:"disconnect"`
	CarriedOut   bool          `json:"carriedOut"`

	Unknown map[string]json.RawMessage `json:",embed"`
}

// progress is the JSON of what has happened to a fault.
type progress struct {
	Fault   json.RawMessage `json:"fault"` // as it was injected
	Applied int             `json:"applied"`
	Times   int             `json:"times"`
	Skipped int             `json:"skipped"`
}

// injected is a fault and its requests.
type injected struct {
	body        json.RawMessage
	skip, times int
	requests    atomic.Int64 // that the fault skipped or applied to: package fake calls Match once for each
}

func (i *injected) progress() progress {
	n := int(i.requests.Load())
	skipped := min(n, i.skip)
	return progress{i.body, n - skipped, i.times, skipped}
}

func (i *injected) consumed() bool { return i.progress().Applied >= i.times }

// faults are those that the server still has, in the order of injection.
type faults struct {
	mu   sync.Mutex
	list []*injected
}

// add adds a fault, and forgets those that have applied to all of their requests.
func (f *faults) add(i *injected) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(slices.DeleteFunc(f.list, (*injected).consumed), i)
}

func (f *faults) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

// left returns the progress of those that have not applied to all of their requests.
func (f *faults) left() []progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := []progress{}
	for _, i := range f.list {
		if !i.consumed() {
			left = append(left, i.progress())
		}
	}
	return left
}

// received is the JSON of a [fake.Request].
type received struct {
	Method     string      `json:"method"`
	URL        string      `json:"url"`
	Operation  string      `json:"operation"`
	Header     http.Header `json:"header"` // without tokens
	Body       string      `json:"body"`
	BodySize   int64       `json:"bodySize"`
	BodySHA256 string      `json:"bodySHA256,omitempty"`
}

// jobItems is what the control endpoint stores of a workspace manager assignment.
type jobItems struct {
	Items []armsecops.JobItem `json:"items"`

	Unknown map[string]json.RawMessage `json:",embed"`
}

// newControl returns the control endpoint of a server.
//   - hosts: names under which it is reached, besides IP addresses and localhost
func newControl(server *fake.Server, hosts []string) http.Handler {
	var pending faults
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no "+r.Method+" "+r.URL.Path+" here: there are GET /faults, GET /healthz, GET /requests, POST /inject, POST /reset and PUT /put/{resource id}", http.StatusNotFound)
	})
	mux.HandleFunc("GET /healthz", health)
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		list := []received{}
		for _, r := range server.Requests() {
			r.Header.Del("Authorization")
			r.Header.Del("x-ms-authorization-auxiliary") // the tokens of other tenants
			list = append(list, received{r.Method, r.URL.String(), r.Operation, r.Header, string(r.Body), r.BodySize, r.BodySHA256})
		}
		respond(w, list)
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { respond(w, pending.left()) })
	mux.HandleFunc("POST /inject", accept(func(_ *http.Request, body []byte) error { return inject(server, &pending, body) }))
	mux.HandleFunc("POST /reset", accept(func(*http.Request, []byte) error {
		server.Reset()
		pending.reset()
		return nil
	}))
	putResource := accept(func(r *http.Request, body []byte) error {
		return put(server, strings.TrimPrefix(r.URL.Path, "/put/"), body)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isCrossSite(r, hosts):
			http.Error(w, "requests of web pages, and for hosts not named with -host, are refused", http.StatusForbidden)
		case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/put/"): // a mux would redirect /put//subscriptions
			putResource(w, r)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// isCrossSite reports whether a request may be that of a web page of another
// site, which can reach the loopback address, also by a name of its own.
//   - hosts: the names under which the endpoint is reached
func isCrossSite(r *http.Request, hosts []string) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site != "" && site != "same-origin" && site != "none" || origin != "" && origin != "http://"+r.Host {
		return true
	}
	host := (&url.URL{Host: r.Host}).Hostname()
	isHost := func(name string) bool { return strings.EqualFold(name, host) }
	return net.ParseIP(host) == nil && !isHost("localhost") && !slices.ContainsFunc(hosts, isHost)
}

// respond responds with a list as JSON.
func respond(w http.ResponseWriter, list any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(list) // fails only if the client is gone
}

// accept responds with 204, or with 400 and the error.
func accept(do func(*http.Request, []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBytes))
		if err == nil {
			err = recovered(func() error { return do(r, body) })
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// recovered returns what do returns, or the reason for which package fake panics,
// which knows what a server can store and which faults an operation can have.
func recovered(do func() error) (err error) {
	defer func() {
		reason := recover()
		if text, ok := reason.(string); ok && strings.HasPrefix(text, "fake: ") {
			err = errors.New(inJSON.Replace(strings.TrimPrefix(text, "fake: ")))
		} else if reason != nil {
			panic(reason)
		}
	}()
	return do()
}

// inJSON replaces the fields of a fault, as package fake names them, by its members.
var inJSON = func() *strings.Replacer {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[fake.Fault]()) {
		names = append(names, field.Name, strings.ToLower(field.Name[:1])+field.Name[1:])
	}
	return strings.NewReplacer(names...)
}()

func inject(server *fake.Server, pending *faults, body []byte) error {
	var f fault
	if err := decode(body, &f, "a fault"); err != nil {
		return err
	}
	if len(f.Unknown) > 0 {
		return fmt.Errorf("a fault has no member %q", slices.Sorted(maps.Keys(f.Unknown))[0])
	}
	var members map[string]jsontext.Value
	if err := wire.Unmarshal(body, &members); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if members[name].Kind() == 'n' {
			return fmt.Errorf("the %s of a fault must not be null", name)
		}
	}
	retryAfter, err := duration("retryAfter", f.RetryAfter)
	if err != nil {
		return err
	}
	delay, err := duration("delay", f.Delay)
	if err != nil {
		return err
	}
	i := &injected{body: body, skip: f.Skip, times: max(f.Times, 1)}
	path := strings.ToLower(f.PathContains)
	server.Inject(fake.Fault{
		Operation: f.Operation, Skip: f.Skip, Times: f.Times, Always: f.Always, StatusCode: f.StatusCode, RetryAfter: retryAfter, Delay: delay, Body: f.Body,
		NoBody: f.NoBody, Header: f.Header, NextLink: f.NextLink, Truncate: f.Truncate, Disconnect: f.Disconnect, CarriedOut: f.CarriedOut,
		Match: func(r fake.Request) bool {
			matches := strings.Contains(strings.ToLower(r.URL.Path), path)
			if matches {
				i.requests.Add(1)
			}
			return matches
		},
	})
	pending.add(i)
	return nil
}

// decode reads a JSON object.
//   - what: the object, as in "a fault"
func decode(body []byte, model any, what string) error {
	if jsontext.Value(body).Kind() != '{' {
		return errors.New("not " + what + ": it must be a JSON object")
	}
	if err := wire.Unmarshal(body, model); err != nil {
		return fmt.Errorf("not %s: %w", what, err)
	}
	return nil
}

func duration(name, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s must be a duration such as \"1.5s\", not %q", name, text)
	}
	return d, nil
}

// stores has a function for each type of resource. It reports whether the id is one of the type.
var stores = []func(server *fake.Server, id string, body []byte) (ok bool, err error){
	storeOf[armsecops.Job](armsecops.ParseJobID),
	storeOf[armsecops.Assignment](armsecops.ParseAssignmentID),
	storeOf[armsecops.StandardAssignment](armsecops.ParseStandardAssignmentID),
	storeOf[armsecops.SecurityStandard](armsecops.ParseSecurityStandardID),
	storeOf[armsecops.AssessmentMetadata](armsecops.ParseAssessmentMetadataID),
	storeOf[armsecops.PolicyExemption](armsecops.ParsePolicyExemptionID),
	storeOf[armsecops.WorkspaceManagerConfiguration](armsecops.ParseWorkspaceManagerConfigurationID),
	storeOf[armsecops.WorkspaceManagerMember](armsecops.ParseWorkspaceManagerMemberID),
	storeOf[armsecops.WorkspaceManagerGroup](armsecops.ParseWorkspaceManagerGroupID),
	storeOf[armsecops.WorkspaceManagerAssignment](armsecops.ParseWorkspaceManagerAssignmentID),
}

func storeOf[M any, ID fmt.Stringer](parse func(string) (ID, error)) func(*fake.Server, string, []byte) (bool, error) {
	return func(server *fake.Server, text string, body []byte) (bool, error) {
		id, err := parse(text)
		if err != nil {
			return false, nil
		}
		var model M
		if err := decode(body, &model, "such a resource"); err != nil {
			return true, err
		}
		server.Put(id, model)
		return true, nil
	}
}

// put stores a resource unchanged under its id, or makes the id of a parent exist.
func put(server *fake.Server, id string, body []byte) error {
	for _, route := range routes.All {
		if values, ok := route.MatchID(id); ok && route.Kind == routes.Get {
			if name, value, reason := route.Check(values); reason != "" {
				return fmt.Errorf("the id's %s '%s' %s", name, value, reason)
			}
		}
	}
	if id, err := armsecops.ParseWorkspaceManagerAssignmentID(id); err == nil {
		var jobs jobItems
		if err := decode(body, &jobs, "a workspace manager assignment"); err != nil {
			return err
		}
		if jobs.Unknown["properties"] == nil { // else it is the assignment itself
			if len(jobs.Unknown) > 0 {
				return fmt.Errorf("a workspace manager assignment has no member %q here", slices.Sorted(maps.Keys(jobs.Unknown))[0])
			}
			server.SetJobItems(id, jobs.Items)
			return nil
		}
	}
	for _, store := range stores {
		if ok, err := store(server, id, body); ok {
			return err
		}
	}
	subscription, group := routes.SubscriptionOf(id), routes.ResourceGroupOf(id)
	ancestors := routes.Ancestors(id)
	switch n := len(ancestors); {
	case n == 0 || !strings.HasSuffix(ancestors[n-1].ID, strings.Trim(id, "/")): // not all of it
	case n == 1 && strings.EqualFold(ancestors[0].Type, "Microsoft.Management/managementGroups"):
		server.AddManagementGroup(ancestors[0].Name)
		return nil
	case n == 1 && subscription != "":
		server.AddSubscription(subscription)
		return nil
	case n == 2 && group != "":
		server.AddResourceGroup(subscription, group)
		return nil
	case n == 3 && group != "" && strings.EqualFold(ancestors[2].Type, "Microsoft.OperationalInsights/workspaces"):
		server.AddWorkspace(subscription, group, ancestors[2].Name)
		return nil
	}
	return errors.New("the path must be /put and the id of a resource that the server can store, of a workspace manager assignment, " +
		"a management group, a workspace, a resource group or a subscription")
}
