package faults

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
)

// What the transport of net/http makes of the faults, the same on every version of Go.
func TestHTTP2Faults(t *testing.T) {
	t.Parallel()
	internalError, refused := resetStream(http2.ErrCodeInternal), resetStream(http2.ErrCodeRefusedStream)
	ok := func(requests int) Outcome { return Outcome{Result: "ok", Requests: requests} }
	lost := Outcome{Result: "connection lost", Requests: 1}
	tooOften := Outcome{Result: "400 SentTooOften", Requests: 10, Harm: "sent 10 times in one attempt"}
	retried := Outcome{Result: "ok", Requests: 2, Harm: "a graceful GOAWAY cost an attempt"}
	resent := Outcome{Result: "ok", Requests: 5, Harm: "sent 5 times in one attempt"}
	tests := map[string]struct {
		fault    Fault
		attempts int
		want     Outcome
	}{
		"none":                   {Fault{}, 5, ok(5)},
		"reset":                  {Fault{respond: internalError}, 1, lost},
		"reset once":             {Fault{respond: internalError, times: 1}, 2, ok(2)},
		"refused":                {Fault{respond: refused, times: 1}, 1, ok(2)},
		"GOAWAY before":          {Fault{respond: goAwayBefore, times: 1, graceful: true}, 1, ok(2)},
		"GOAWAY and a retry":     {Fault{graceful: true}, 2, retried},
		"GOAWAY before, 3 times": {Fault{respond: goAwayBefore, times: 3}, 1, ok(4)},
		"GOAWAY before, 4 times": {Fault{respond: goAwayBefore, times: 4}, 1, resent},
		"GOAWAY before, forever": {Fault{respond: goAwayBefore}, 1, tooOften},
		"GOAWAY after":           {Fault{respond: goAwayAfter}, 1, lost},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault := test.fault
			fault.Name, fault.http2 = name, true
			client := Client{Call: func(ctx context.Context, s *Server, _ testkit.Call) (models []any, err error) {
				for range test.attempts {
					body, getErr := get(ctx, s, "https://example.com/?api-version=1")
					models, err = []any{json.RawMessage(body)}, getErr
				}
				return models, err
			}}
			outcomes, err := fault.Try(t.Context(), client, []*routes.Route{routes.Assignments.Get})
			require.NoError(t, err)
			assert.Equal(t, test.want, outcomes[routes.Assignments.Get])
		})
	}
}
