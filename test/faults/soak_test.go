package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"
	"golang.org/x/net/http2"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

var (
	soakCalls = flag.Int("soak", 300, "number of Creates of TestSoak")
	soakSeed  = flag.Uint64("seed", 1, "seed of TestSoak")
)

// Whatever happens to Creates on a network, none is sent again if the service may
// have acted on it, each whose reply was lost is ErrOutcomeUnknown, no other one
// is, and no goroutine is left. Each Create has an assignment name of its own, by
// which the server notes the requests that arrive.
func TestSoak(t *testing.T) {
	t.Parallel()
	start, s := time.Now(), &soak{calls: make([]soakCall, *soakCalls)}
	networks := newSoakNetworks(t, s)
	workers := slices.Concat(networks, slices.Repeat(networks[len(networks)-1:], 3)) // the last network has four
	var running sync.WaitGroup
	for i, network := range workers {
		running.Go(func() {
			pprof.Do(t.Context(), pprof.Labels(label, network.name), func(ctx context.Context) { // as in Try
				for n := i; n < len(s.calls); n += len(workers) {
					network.create(ctx, s, n)
				}
			})
		})
	}
	running.Wait()
	for _, network := range networks {
		assert.Zero(t, network.server.goroutines(network.name), "goroutines left")
		network.server.cancel = func() {}
		network.server.close()
		assert.Empty(t, network.server.elsewhere)
	}
	outcomes := map[string]int{}
	for n := range s.calls {
		call := &s.calls[n]
		for _, wrong := range call.wrong(soakName(n)) {
			t.Errorf("seed %d, %s, %s, requests %q: %s: %v", *soakSeed, soakName(n), call.habit.name, call.arrived, wrong, call.err)
		}
		outcomes[call.last()+": "+call.outcome()]++
		outcomes["~ "+call.habit.name+": "+call.outcome()]++
	}
	t.Logf("seed %d: %d Creates, %d requests in %v", *soakSeed, len(s.calls), s.requests.Load(), time.Since(start).Round(time.Second/10))
	for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
		t.Logf("%s: %d", outcome, outcomes[outcome])
	}
}

// soakFault is what happens to a request that has arrived.
type soakFault struct {
	name    string
	http1   handler // nil: not over this protocol
	http2   handler
	effect  effect
	stalls  bool // the call needs a deadline
	closing bool // the next request on the connection may be lost, although its headers are written
}

// effect is what the service may have done, as the client is told.
type effect int

const (
	unknown effect = iota // it may have acted
	started               // it has acted, and said so
	refused               // it has not acted, and said so
	again                 // the same, and the request may be sent again
)

// soakFaults are equally likely.
var soakFaults = func() []soakFault {
	both := func(name string, effect effect, h handler) soakFault {
		return soakFault{name: name, http1: h, http2: h, effect: effect}
	}
	faults := []soakFault{
		both("none", started, respondStarted),
		both("none", started, respondStarted),
		{name: "success, then the connection is closed", http1: respondAndClose, http2: respondAndCloseHTTP2, effect: started, closing: true},

		{name: "connection reset before the header", http1: reset, http2: resetConnection},
		{name: "body cut", http1: sendHalf, http2: sendHalfHTTP2},
		{name: "connection reset in the body", http1: resetInBody},
		{name: "no response", http1: noResponse, http2: ignore, stalls: true},
		{name: "body stalls", http1: stall, http2: stallHTTP2, stalls: true},

		both("200 without a body", unknown, send(200, "")),
		both("200, not JSON", unknown, send(200, "<html>")),
		both("200, half of the JSON", unknown, send(200, `{"name":"a"`)),
		both("202", unknown, send(202, "{body}")),
		both("204", unknown, send(204, "")),
		both("408", unknown, send(408, "")),
		both("500", unknown, send(500, `{"error":{"code":"InternalServerError"}}`)),
		both("502", unknown, send(502, "<html>")),
		both("503, Retry-After", unknown, withHeader("Retry-After-Ms", "1", send(503, ""))),
		both("504", unknown, send(504, "")),

		both("301 to itself", refused, redirect(301, sameURI)),
		both("302 to another host", unknown, redirect(302, otherHost)),
		both("307 to itself", refused, redirect(307, sameURI)),
		both("308 to another host", refused, redirect(308, otherHost)),
		both("400", refused, send(400, "")),
		both("409", refused, send(409, `{"error":{"code":"Conflict"}}`)),
		both("429", again, withHeader("Retry-After-Ms", "1", send(429, ""))),
		both("429, no Retry-After", again, send(429, "")),
		both("401 with a challenge", again, challenge),

		{name: "GOAWAY before the request", http2: goAwayAndClose},
		{name: "GOAWAY after the request", http2: goAwayAfter},
	}
	for _, code := range []http2.ErrCode{
		http2.ErrCodeNo, http2.ErrCodeProtocol, http2.ErrCodeInternal,
		http2.ErrCodeRefusedStream, http2.ErrCodeCancel, http2.ErrCodeEnhanceYourCalm,
	} {
		faults = append(faults, soakFault{name: "stream reset, " + code.String(), http2: resetStream(code)})
	}
	return faults
}()

// soak is the service for many Creates, and what became of them.
type soak struct {
	calls    []soakCall
	requests atomic.Int64
}

// soakCall is one Create.
type soakCall struct {
	faults []*soakFault // for its requests; the last one for all further ones, too
	habit  soakHabit
	vague  bool // the client may have written a request that does not arrive

	mu      sync.Mutex
	arrived []string // the faults of the requests that have arrived
	effects []effect

	job armsecops.Job
	err error
}

func soakName(n int) string { return "create-" + strconv.Itoa(n) }

// respond applies to a request the fault that its Create has for it.
func (s *soak) respond(w http.ResponseWriter, r *http.Request, server *Server) {
	s.requests.Add(1)
	for len(server.received) > 0 { // the matrix makes few requests, and waits for these; see observer
		select {
		case <-server.received:
		default:
		}
	}
	if path.Base(r.URL.Path) == "health" {
		return // of a transport that asks first
	}
	n, err := strconv.Atoi(strings.TrimPrefix(assignmentOf(r), "create-"))
	if err != nil || n >= len(s.calls) {
		panic(r.URL.Path)
	}
	call := &s.calls[n]
	call.mu.Lock()
	fault := call.faults[min(len(call.arrived), len(call.faults)-1)]
	name, effect := fault.name, fault.effect
	if r.Method != http.MethodPost {
		name, effect = r.Method, unknown // a redirect was followed
	}
	call.arrived = append(call.arrived, name)
	call.effects = append(call.effects, effect)
	call.mu.Unlock()
	if server.fault.http2 {
		fault.http2(w, r, server)
	} else {
		fault.http1(w, r, server)
	}
}

// wrong returns what must not be.
func (c *soakCall) wrong(name string) (wrong []string) {
	for i, effect := range c.effects {
		if effect != again && i < len(c.effects)-1 {
			wrong = append(wrong, "sent again")
			break
		}
	}
	last := refused
	if n := len(c.effects); n > 0 {
		last = c.effects[n-1]
	}
	lost := errors.Is(c.err, armsecops.ErrOutcomeUnknown)
	switch {
	case c.err == nil && (last != started || c.job.Name != name):
		wrong = append(wrong, "no error")
	case c.err != nil && !lost && (last == unknown || last == started):
		wrong = append(wrong, "not ErrOutcomeUnknown")
	case lost && !c.vague && last != unknown:
		wrong = append(wrong, "ErrOutcomeUnknown")
	case errors.Is(c.err, errSoakTimeout):
		wrong = append(wrong, "no end")
	}
	return wrong
}

func (c *soakCall) last() string {
	switch {
	case len(c.arrived) > 0:
		return c.arrived[len(c.arrived)-1]
	case errors.Is(c.err, context.DeadlineExceeded):
		return "(never arrived) deadline"
	case errors.Is(c.err, armsecops.ErrOutcomeUnknown):
		return "(never arrived) connection closed by the service"
	}
	return "(never arrived) connection refused"
}

func (c *soakCall) outcome() string {
	switch {
	case c.err == nil:
		return "ok"
	case errors.Is(c.err, armsecops.ErrOutcomeUnknown):
		return "unknown"
	}
	return "error"
}

// soakNetwork is a client and its connections to a server.
type soakNetwork struct {
	name     string
	server   *Server
	clients  []*armsecops.WorkspaceManagerJobsClient // by habit
	shared   bool                                    // one call's faults affect others
	closing  bool                                    // the connection may be lost to a fault of the call before
	slow     atomic.Bool                             // closing connections is
	refusals atomic.Int64                            // connections to refuse
}

// newSoakNetworks returns networks that serve one call at a time over HTTP/1.1
// and HTTP/2, and one where calls share a connection.
func newSoakNetworks(t *testing.T, s *soak) (networks []*soakNetwork) {
	for i, isHTTP2 := range []bool{false, false, false, true, true, true} {
		network := &soakNetwork{name: fmt.Sprint("soak ", i), server: newServer(Fault{http2: isHTTP2, respond: s.respond}, routes.JobsCreate)}
		transport := network.server.client().Transport.(observer).Transport
		transport.DisableKeepAlives = false
		transport.DialContext = network.dial
		for _, habit := range soakHabits {
			options := network.server.Options()
			if habit.transport != nil {
				options.Transport = &http.Client{Transport: habit.transport(options.Transport.(*http.Client).Transport)}
			}
			if habit.perCall != nil {
				options.PerCallPolicies = []policy.Policy{habit.perCall}
			}
			if habit.perRetry != nil {
				options.PerRetryPolicies = []policy.Policy{habit.perRetry}
			}
			network.clients = append(network.clients, driver.NewJobsClient(t, &armsecops.ClientOptions{ClientOptions: options}))
		}
		networks = append(networks, network)
	}
	networks[len(networks)-1].shared = true
	return networks
}

// soakHabit is what a program puts around its requests.
type soakHabit struct {
	name              string
	transport         func(http.RoundTripper) http.RoundTripper
	perCall, perRetry testkit.PolicyFunc
	headers           http.Header
	slow              bool // closing connections is
	http1             bool // over HTTP/1.1 only
}

// soakHabits are equally likely, but the first is that of every other Create.
var soakHabits = []soakHabit{
	{name: "none"},
	{name: "per retry: gives up in flight", perRetry: soon.giveUp()},
	{name: "per call: gives up in flight", perCall: soon.giveUp()},
	{name: "per retry: hedges", perRetry: soon.hedge()},
	{name: "per call: hedges", perCall: soon.hedge()},
	{name: "the transport reports nothing", transport: testkit.Silent, http1: true}, // over HTTP/2 it would also resend
	{name: "the transport retries", transport: testkit.Retrying},
	{name: "the transport retries, closes are slow", transport: testkit.Retrying, slow: true},
	{name: "the transport hedges", transport: testkit.Hedging},
	{name: "the transport asks first", transport: askingFirst},
	{name: "idempotency keys", headers: http.Header{"Idempotency-Key": {"1"}, "X-Idempotency-Key": {"1"}}, slow: true},
}

func askingFirst(next http.RoundTripper) http.RoundTripper { return testkit.Asking("/health", 0, next) }

// soon is the flight of a request that usually takes less than the policies wait.
var soon = flight{func() <-chan struct{} {
	waited := make(chan struct{})
	time.AfterFunc(2*time.Millisecond, func() { close(waited) })
	return waited
}, func() {}}

func (n *soakNetwork) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if n.refusals.Add(-1) >= 0 {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:0") // nothing listens on port 0
	}
	conn, err := n.server.dial(ctx, network, address)
	if err == nil && n.slow.Load() {
		conn = testkit.SlowConn{Conn: conn}
	}
	return conn, err
}

var errSoakTimeout = errors.New("the call does not end")

// create makes one Create, with the faults that the seed has for it.
func (n *soakNetwork) create(ctx context.Context, s *soak, number int) {
	random, call := rand.New(rand.NewPCG(*soakSeed, uint64(number))), &s.calls[number]
	call.vague = n.shared || n.closing
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errSoakTimeout)
	defer cancel()
	limit, closing := time.Duration(0), false
	for len(call.faults) < 4 {
		fault := &soakFaults[random.IntN(len(soakFaults))]
		if n.server.fault.http2 && fault.http2 == nil || !n.server.fault.http2 && fault.http1 == nil {
			continue
		}
		call.faults = append(call.faults, fault)
		closing = closing || fault.closing
		if fault.stalls {
			limit = 20 * time.Millisecond
		}
		if fault.effect != again {
			break
		}
	}
	if random.IntN(20) == 0 { // whatever the call is doing then
		limit = time.Duration(random.IntN(int(3 * time.Millisecond)))
	}
	if limit > 0 {
		call.vague = true
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	if !n.shared {
		n.closing = closing || limit > 0
	}
	n.refusals.Store(0)
	if random.IntN(8) == 0 {
		n.refusals.Store(1 + random.Int64N(5)) // more than four attempts, at most
		n.server.client().CloseIdleConnections()
	}
	habit := 0
	if random.IntN(2) == 0 {
		habit = random.IntN(len(soakHabits))
	}
	if soakHabits[habit].http1 && n.server.fault.http2 {
		habit = 0
	}
	call.habit = soakHabits[habit]
	if habit > 0 {
		call.vague = true
		if !n.shared {
			n.closing = true
		}
	}
	n.slow.Store(call.habit.slow)
	if call.habit.headers != nil {
		ctx = policy.WithHTTPHeader(ctx, call.habit.headers)
	}
	resp, err := n.clients[habit].Create(ctx, "rg", "workspace", soakName(number), nil)
	call.job, call.err = resp.Job, err
}

func TestSoakNoticesWhatIsWrong(t *testing.T) {
	t.Parallel()
	lost, other := fmt.Errorf("%w: lost", armsecops.ErrOutcomeUnknown), errors.New("other")
	named := armsecops.Job{Name: "a"}
	for name, test := range map[string]struct {
		call *soakCall
		want []string
	}{
		"started":                     {&soakCall{effects: []effect{started}, job: named}, nil},
		"started after a 429":         {&soakCall{effects: []effect{again, started}, job: named}, nil},
		"another job":                 {&soakCall{effects: []effect{started}}, []string{"no error"}},
		"not started":                 {&soakCall{effects: []effect{refused}, job: named}, []string{"no error"}},
		"sent again":                  {&soakCall{effects: []effect{unknown, started}, job: named}, []string{"sent again"}},
		"sent again after a refusal":  {&soakCall{effects: []effect{refused, refused}, err: other}, []string{"sent again"}},
		"lost":                        {&soakCall{effects: []effect{unknown}, err: lost}, nil},
		"lost, not said":              {&soakCall{effects: []effect{unknown}, err: other}, []string{"not ErrOutcomeUnknown"}},
		"response lost":               {&soakCall{effects: []effect{started}, err: lost, vague: true}, nil},
		"response lost, not said":     {&soakCall{effects: []effect{started}, err: other, vague: true}, []string{"not ErrOutcomeUnknown"}},
		"response not read":           {&soakCall{effects: []effect{started}, err: lost}, []string{"ErrOutcomeUnknown"}},
		"refused, said to be unknown": {&soakCall{effects: []effect{refused}, err: lost}, []string{"ErrOutcomeUnknown"}},
		"not sent":                    {&soakCall{err: other}, nil},
		"written, not arrived":        {&soakCall{err: lost, vague: true}, nil},
		"endless":                     {&soakCall{err: errSoakTimeout}, []string{"no end"}},
	} {
		assert.Equal(t, test.want, test.call.wrong("a"), name)
	}
}
