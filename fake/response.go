package fake

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops"
)

// answer is what the server says to a request.
type answer struct {
	status     int
	header     http.Header
	body       []byte
	disconnect bool // in the middle of the body
}

func newAnswer(status int, body []byte) *answer {
	a := &answer{status: status, header: http.Header{}, body: body}
	if len(body) > 0 {
		a.header.Set("Content-Type", "application/json; charset=utf-8")
	}
	return a
}

// reply returns an answer with a model in its body.
func reply(status int, model any) *answer {
	body, err := json.Marshal(model)
	if err != nil {
		return refuse(http.StatusNotImplemented, "InvalidModel", err.Error())
	}
	return newAnswer(status, body)
}

// refuse returns an error in the envelope of Azure Resource Manager.
func refuse(status int, code, message string) *answer {
	return reply(status, struct {
		Error armsecops.ErrorDetail `json:"error"`
	}{armsecops.ErrorDetail{Code: code, Message: message}})
}

// finish sets the headers that every answer has, and compresses the body for a
// client that can read it.
func (a *answer) finish(r *request) {
	correlation := r.Header.Get("x-ms-correlation-request-id")
	if correlation == "" {
		correlation = r.id
	}
	remaining := "x-ms-ratelimit-remaining-subscription-writes"
	switch r.Method {
	case http.MethodGet:
		remaining = "x-ms-ratelimit-remaining-subscription-reads"
	case http.MethodDelete:
		remaining = "x-ms-ratelimit-remaining-subscription-deletes"
	}
	for name, value := range map[string]string{
		"x-ms-request-id":             r.id,
		"x-ms-correlation-request-id": correlation,
		remaining:                     "199",
	} {
		if a.header.Get(name) == "" { // a fault may have set it
			a.header.Set(name, value)
		}
	}
	if len(a.body) > 0 && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		var compressed bytes.Buffer
		w := gzip.NewWriter(&compressed)
		_, _ = w.Write(a.body) // a buffer takes everything
		_ = w.Close()
		a.body = compressed.Bytes()
		a.header.Set("Content-Encoding", "gzip")
	}
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

// sent returns how many bytes of the body reach the client.
func (a *answer) sent() int {
	if a.disconnect {
		return len(a.body) / 2
	}
	return len(a.body)
}
