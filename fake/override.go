package fake

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
)

// Override passes the requests of an operation to a handler, after the server's
// checks. A [Fault] applies to them, too. It panics for an operation that no
// client has or whose requests are another method's, as [Server.Inject] does.
//   - operation: the client's method, as in [Fault]
//   - handler: such as [Respond]; nil ends the override
//
// The request's PathValue has the parameters of the path by the names of the REST
// API, such as "jobName"; a scope has no first slash. The handler can panic with
// [http.ErrAbortHandler] to close the connection. The page of an overridden query
// of Azure Resource Graph can be an [armsecops.Page], whose NextLink is the
// $skipToken of the next one.
func (s *Server) Override(operation string, handler http.Handler) {
	route, err := routes.ByOperation(operation)
	if err != nil {
		panic("fake: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if handler == nil {
		delete(s.overrides, route)
		return
	}
	s.overrides[route] = handler
}

// Respond returns a handler for [Server.Override] that responds to every request alike.
//   - body: a model, page or other value as JSON; an [armsecops.ErrorDetail] is
//     wrapped in {"error": …}; nil for a response without a body. A client refuses a
//     resource that has neither ID nor Name
//
// It panics if the status is not between 200 and 599, or if the body can't be
// encoded as JSON.
func Respond(status int, body any) http.Handler {
	if !isStatus(status) {
		panic(fmt.Sprintf("fake: the status of a response must be between 200 and 599, not %d", status))
	}
	var text []byte
	code := ""
	switch detail := body.(type) {
	case nil:
	case armsecops.ErrorDetail:
		code, text = detail.Code, mustEncode(errorBody{detail})
	case *armsecops.ErrorDetail:
		return Respond(status, *detail)
	default:
		text = mustEncode(body)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if code != "" {
			w.Header().Set("x-ms-error-code", code)
		}
		if text != nil {
			w.Header().Set("Content-Type", jsonType)
		}
		w.WriteHeader(status)
		_, _ = w.Write(text) // to the server's own writer
	})
}

func (s *Server) override(route *routes.Route) http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.overrides[route]
}

// overridden returns the response of an override, changed by a fault of its link.
func (s *Server) overridden(handler http.Handler, r *request) (*response, error) {
	if r.route.Kind == routes.List && r.query.Get("$skiptoken") == endToken {
		return newModelResponse(http.StatusOK, armsecops.Page[document]{Value: []document{}}), nil
	}
	req := r.forHandler(bytes.NewReader(r.body))
	for name, value := range r.route.Values(r.values) {
		req.SetPathValue(name, value)
	}
	resp, err := serve(handler, req)
	if err != nil || resp.status != http.StatusOK {
		return resp, err
	}
	switch r.route.Kind {
	case routes.List:
		return overriddenList(r, resp), nil
	case routes.Query:
		return overriddenQuery(r, resp), nil
	}
	return resp, nil
}

// endToken leads from the last page of an overridden list to an empty one.
var endToken = newSkipToken("overridden", "end")

func overriddenList(r *request, resp *response) *response {
	var page armsecops.Page[jsontext.Value]
	if r.nextLink == "" || !nextLinks[r.nextLink] || json.Unmarshal(resp.body, &page) != nil {
		return resp
	}
	if page.NextLink == "" {
		page.NextLink = r.newLink(endToken)
	}
	page.NextLink = r.changeLink(page.NextLink)
	resp.body = mustEncode(page)
	return resp
}

func overriddenQuery(r *request, resp *response) *response {
	var body struct {
		Value     []jsontext.Value `json:"value"`
		NextLink  string           `json:"nextLink"`
		Data      []jsontext.Value `json:"data"`
		SkipToken string           `json:"$skipToken"`
	}
	if json.Unmarshal(resp.body, &body) != nil || body.Value == nil && (body.Data == nil || r.nextLink == "") {
		return resp
	}
	rows := append(body.Value, body.Data...)
	resp.body = newGraphResponse(r, len(rows), rows, cmp.Or(body.NextLink, body.SkipToken), false).body
	return resp
}

// wholeBody returns the body, also what the server doesn't read.
func (r *request) wholeBody() io.Reader {
	if r.Body == nil {
		return http.NoBody
	}
	return io.MultiReader(bytes.NewReader(r.body), r.Body)
}

// forHandler returns the request for a handler, which can't change the original.
func (r *request) forHandler(body io.Reader) *http.Request {
	req := r.Clone(r.Context())
	u := *r.url
	req.URL, req.Body = &u, io.NopCloser(body)
	return req
}

// serve returns what a handler writes.
func serve(handler http.Handler, req *http.Request) (resp *response, err error) {
	w := &writer{header: http.Header{}}
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler { // as net/http does
				panic(p)
			}
			resp, err = nil, errDisconnected
		}
	}()
	handler.ServeHTTP(w, req)
	w.WriteHeader(http.StatusOK)
	if w.body.Len() > 0 && w.sent.Get("Content-Type") == "" {
		w.sent.Set("Content-Type", contentType(w.body.String()))
	}
	return &response{status: w.status, header: w.sent, body: w.body.Bytes()}, nil
}

// writer is the [http.ResponseWriter] of [serve].
type writer struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // others are informational
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
