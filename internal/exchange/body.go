package exchange

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// withOwnBody returns the request with a body of its own. azcore has one body for
// all attempts, but net/http may still read that of an attempt that has ended, and
// so from the body of the next one.
func withOwnBody(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	text, err := readBody(req)
	if err != nil {
		return nil, err
	}
	own := req.WithContext(req.Context())
	own.Body = newOwnBody(text)
	own.GetBody = func() (io.ReadCloser, error) { return newOwnBody(text), nil }
	return own, nil
}

// readBody reads the body of an attempt. If an attempt that overlaps has read from
// it, it does so again from the start.
func readBody(req *http.Request) ([]byte, error) {
	if a, ok := req.Context().Value(attemptsKey{}).(*attempts); ok {
		a.bodies.Lock()
		defer a.bodies.Unlock()
	}
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

// ownBody is the body of one attempt.
type ownBody struct{ bytes.Reader }

func newOwnBody(text []byte) *ownBody {
	b := new(ownBody)
	b.Reset(text)
	return b
}

// Close does nothing.
func (*ownBody) Close() error { return nil }
