package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

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
func newControl(server *fake.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", health)
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		list := []received{}
		for _, r := range server.Requests() {
			r.Header.Del("Authorization")
			r.Header.Del("x-ms-authorization-auxiliary") // the tokens of other tenants
			list = append(list, received{r.Method, r.URL.String(), r.Operation, r.Header, string(r.Body), r.BodySize, r.BodySHA256})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(list) // fails only if the client is gone
	})
	mux.HandleFunc("POST /inject", accept(func(_ *http.Request, body []byte) error { return inject(server, body) }))
	mux.HandleFunc("POST /reset", accept(func(*http.Request, []byte) error { server.Reset(); return nil }))
	mux.HandleFunc("PUT /put/{id...}", accept(func(r *http.Request, body []byte) error { return put(server, r.PathValue("id"), body) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" { // of a web page, which could reach the loopback address
			http.Error(w, "requests of browsers are refused", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// accept responds with 204, or with 400 and the error.
func accept(do func(*http.Request, []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBytes))
		if err == nil {
			err = do(r, body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func inject(server *fake.Server, body []byte) error {
	var f fault
	if err := wire.Unmarshal(body, &f); err != nil {
		return fmt.Errorf("not a fault: %w", err)
	}
	if len(f.Unknown) > 0 {
		return fmt.Errorf("a fault has no member %q", slices.Sorted(maps.Keys(f.Unknown))[0])
	}
	if !isOperation(f.Operation) {
		return fmt.Errorf("no client has the operation %q", f.Operation)
	}
	retryAfter, err := duration("retryAfter", f.RetryAfter)
	if err != nil {
		return err
	}
	delay, err := duration("delay", f.Delay)
	if err != nil {
		return err
	}
	if f.Skip < 0 || f.Times < 0 || f.StatusCode != 0 && (f.StatusCode < 200 || f.StatusCode > 599) {
		return errors.New("skip and times must not be negative, statusCode must be between 200 and 599")
	}
	injected := fake.Fault{
		Operation: f.Operation, Skip: f.Skip, Times: f.Times, StatusCode: f.StatusCode, RetryAfter: retryAfter, Delay: delay, Body: f.Body,
		NoBody: f.NoBody, Header: f.Header, NextLink: f.NextLink, Truncate: f.Truncate, Disconnect: f.Disconnect, CarriedOut: f.CarriedOut,
	}
	if path := strings.ToLower(f.PathContains); path != "" {
		injected.Match = func(r fake.Request) bool { return strings.Contains(strings.ToLower(r.URL.Path), path) }
	}
	server.Inject(injected)
	return nil
}

// isOperation reports whether a fault can name the operation; see [fake.Fault].
func isOperation(name string) bool {
	return name == "" || slices.ContainsFunc(routes.All, func(route *routes.Route) bool {
		list := strings.Replace(strings.TrimSuffix(route.Operation, "Pager"), ".New", ".", 1)
		return name == route.Operation || name == list
	})
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

// put stores a resource unchanged under its id, or makes the id of a parent
// exist: the parsers take the id of a parent with that of a resource below it.
func put(server *fake.Server, id string, body []byte) error {
	const group, assignment, job = "/resourceGroups/any", "/providers/Microsoft.Security/assignments/any", "/jobs/any"
	if id, err := armsecops.ParseJobID(id); err == nil {
		return store(body, func(job armsecops.Job) { server.PutJob(id, job) })
	}
	if id, err := armsecops.ParseAssignmentID(id); err == nil {
		return store(body, func(a armsecops.Assignment) { server.PutAssignment(id, a) })
	}
	if id, err := armsecops.ParseStandardAssignmentID(id); err == nil {
		return store(body, func(a armsecops.StandardAssignment) { server.PutStandardAssignment(id, a) })
	}
	if id, err := armsecops.ParseJobID(id + job); err == nil {
		var jobs jobItems
		if err := store(body, func(j jobItems) { jobs = j }); err != nil {
			return err
		}
		if len(jobs.Unknown) > 0 {
			return fmt.Errorf("a workspace manager assignment has no member %q here", slices.Sorted(maps.Keys(jobs.Unknown))[0])
		}
		server.SetJobItems(id, jobs.Items)
		return nil
	}
	if id, err := armsecops.ParseAssignmentID(id + assignment); err == nil {
		server.AddResourceGroup(id.SubscriptionID, id.ResourceGroupName)
		return nil
	}
	if id, err := armsecops.ParseAssignmentID(id + group + assignment); err == nil {
		server.AddSubscription(id.SubscriptionID)
		return nil
	}
	return errors.New("the path must be /put/ and the id of a job, an assignment, a standard assignment, " +
		"a workspace manager assignment, a resource group or a subscription")
}

func store[T any](body []byte, put func(T)) error {
	var model T
	if err := wire.Unmarshal(body, &model); err != nil {
		return fmt.Errorf("not such a resource: %w", err)
	}
	put(model)
	return nil
}
