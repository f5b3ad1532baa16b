package fake

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"time"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/wire"
)

// response is what the server sends for a request.
type response struct {
	status     int
	header     http.Header
	body       []byte
	disconnect bool // in the middle of the body
}

// newResponse returns a response with a JSON body, or without one if body is empty.
func newResponse(status int, body []byte) *response {
	resp := &response{status: status, header: http.Header{}, body: body}
	if len(body) > 0 {
		resp.header.Set("Content-Type", jsonType)
	}
	return resp
}

func newModelResponse(status int, model any) *response {
	body, err := encode(model)
	if err != nil {
		return newErrorResponse(http.StatusNotImplemented, "InvalidModel", err.Error())
	}
	return newResponse(status, body)
}

// encode returns a model as JSON. It replaces invalid UTF-8, which a URL can have.
func encode(model any) ([]byte, error) {
	return wire.Marshal(model)
}

const jsonType = "application/json; charset=utf-8"

// errorBody is an error in the envelope of Azure Resource Manager.
type errorBody struct {
	Error armsecops.ErrorDetail `json:"error"`
}

func newErrorResponse(status int, code, message string) *response {
	return newModelResponse(status, errorBody{armsecops.ErrorDetail{Code: code, Message: message}})
}

// setCommonHeaders sets the headers that every response has, unless a fault or an
// override has set them.
func (resp *response) setCommonHeaders(r *request) {
	correlation := r.Header.Get("x-ms-correlation-request-id")
	if correlation == "" {
		correlation = r.id
	}
	headers := map[string]string{
		"x-ms-request-id":             r.id,
		"x-ms-correlation-request-id": correlation,
		"x-ms-routing-request-id":     "WESTEUROPE:" + time.Now().UTC().Format("20060102T150405Z") + ":" + r.id,
		"Cache-Control":               "no-cache",
		"Pragma":                      "no-cache",
		"Expires":                     "-1",
		"Strict-Transport-Security":   "max-age=31536000; includeSubDomains",
		"X-Content-Type-Options":      "nosniff",
	}
	if strings.EqualFold(r.Header.Get("x-ms-return-client-request-id"), "true") {
		headers["x-ms-client-request-id"] = r.Header.Get("x-ms-client-request-id")
	}
	switch {
	case r.route != nil && r.route.Kind == routes.Query:
		headers["x-ms-user-quota-remaining"] = "14"
		headers["x-ms-user-quota-resets-after"] = "00:00:05"
	case r.Method == http.MethodGet:
		headers["x-ms-ratelimit-remaining-subscription-reads"] = "199"
	case r.Method == http.MethodDelete:
		headers["x-ms-ratelimit-remaining-subscription-deletes"] = "199"
	default:
		headers["x-ms-ratelimit-remaining-subscription-writes"] = "199"
	}
	for name, value := range headers {
		if _, set := resp.header[http.CanonicalHeaderKey(name)]; !set && value != "" {
			resp.header.Set(name, value)
		}
	}
}

// compress compresses the body if the client accepts gzip. The body of a fault
// can be compressed already.
func (resp *response) compress(r *request) {
	if len(resp.body) == 0 || resp.header.Get("Content-Encoding") != "" || !acceptsGzip(r.Header.Get("Accept-Encoding")) {
		return
	}
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, _ = w.Write(resp.body) // writing to a buffer never fails
	_ = w.Close()
	resp.body = compressed.Bytes()
	resp.header.Set("Content-Encoding", "gzip")
}

func acceptsGzip(header string) bool {
	for encoding := range strings.SplitSeq(header, ",") {
		name, quality, _ := strings.Cut(strings.ReplaceAll(encoding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") && strings.TrimRight(quality, "0.") != "q=" {
			return true
		}
	}
	return false
}

// bytesSent returns how many bytes of the body are sent before the connection is closed.
func (resp *response) bytesSent() int {
	if resp.disconnect {
		return len(resp.body) / 2
	}
	return len(resp.body)
}
