package exchange

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// readBody returns the body of a request; nil for none. azcore has one body for all
// attempts, but net/http may still read that of an attempt that has ended, and so
// from the body of the next one: each gets its own. If an attempt that overlaps has
// read from it, readBody does so again from the start. A policy of the caller's may
// have replaced the body; without any, it is the call's.
func (p *attemptPolicy) readBody(a *attempts, attempt *policy.Request) ([]byte, error) {
	if own, ok := attempt.Body().(*Body); ok && !p.policies {
		return own.text, nil
	}
	req := attempt.Raw()
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	a.bodies.Lock()
	defer a.bodies.Unlock()
	text, err := readAll(req.Body, req.ContentLength)
	if err != nil || req.GetBody == nil || req.ContentLength <= 0 || int64(len(text)) == req.ContentLength {
		return text, err
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	return readAll(body, req.ContentLength)
}

// setBody gives the request a body of its own; nil for the one it has.
func setBody(req *http.Request, text []byte) {
	if text == nil {
		return
	}
	req.Body = NewBody(text)
	req.GetBody = func() (io.ReadCloser, error) { return NewBody(text), nil }
}

// readAll reads a body of a length, which is unknown if it isn't positive. One byte
// more, if the body has it, lets net/http refuse it.
func readAll(body io.ReadCloser, length int64) ([]byte, error) {
	defer body.Close()
	if length <= 0 {
		return io.ReadAll(body)
	}
	text := make([]byte, length+1)
	n, err := io.ReadFull(body, text)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return text[:n], err
}

// Body is the body of a request.
type Body struct {
	bytes.Reader
	text []byte
}

// NewBody returns a body that is a text, which must not change.
func NewBody(text []byte) *Body {
	b := &Body{text: text}
	b.Reset(text)
	return b
}

// Close does nothing.
func (*Body) Close() error { return nil }
