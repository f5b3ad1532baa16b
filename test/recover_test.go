package test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// pipeListener accepts connections that are pipes, which synctest's clock can wait for.
type pipeListener struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.connections:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv6loopback, Port: 443} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.connections <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// servePipes serves a handler over TLS and pipes, and returns the client that reaches it.
func servePipes(t *testing.T, handler http.Handler, http2 bool) *http.Client {
	t.Helper()
	l := &pipeListener{connections: make(chan net.Conn), closed: make(chan struct{})}
	srv := httptest.NewUnstartedServer(handler)
	_ = srv.Listener.Close()
	srv.Listener, srv.EnableHTTP2 = l, http2
	srv.StartTLS()
	client := srv.Client()
	transport := client.Transport.(*http.Transport)
	transport.DialContext, transport.TLSClientConfig.ServerName = l.dial, "example.com"
	t.Cleanup(func() {
		client.CloseIdleConnections()
		srv.Close()
	})
	return client
}

var recovering = &armsecops.WorkspaceManagerJobsClientBeginCreateOptions{Recover: true}

// A lost response doesn't lose the job, and never starts a second one.
func TestRecover(t *testing.T) {
	t.Parallel()
	const create, list = "WorkspaceManagerJobsClient.Create", "WorkspaceManagerJobsClient.NewListPager"
	lost := fake.Fault{Operation: create, Disconnect: true}
	started := fake.Fault{Operation: create, Disconnect: true, CarriedOut: true}
	another := func(t *testing.T, c *armsecops.WorkspaceManagerJobsClient) {
		assert.NoError(t, errorOf(c.Create(t.Context(), "rg", "workspace", "assignment", nil)))
	}
	tests := map[string]struct {
		faults   []fake.Fault
		others   int           // jobs that others start
		after    time.Duration // the request
		err      string        // empty if the job is recovered
		requests int           // that start jobs, the others' too
	}{
		"the job has started":          {[]fake.Fault{started}, 0, 0, "", 1},
		"it hasn't":                    {[]fake.Fault{lost}, 0, 0, "no job is new", 1},
		"it hasn't, another has":       {[]fake.Fault{lost}, 1, time.Second, "", 2},
		"another has, too":             {[]fake.Fault{started}, 1, time.Second, "2 jobs are new", 2},
		"two others have":              {[]fake.Fault{lost}, 2, time.Second, "2 jobs are new", 3},
		"the listing before fails":     {[]fake.Fault{{Operation: list, StatusCode: 403}}, 0, 0, "403", 0},
		"the listings after fail":      {[]fake.Fault{started, {Operation: list, StatusCode: 403, Skip: 1, Times: 100}}, 0, 0, "listing the jobs failed", 1},
		"the first one after fails":    {[]fake.Fault{started, {Operation: list, StatusCode: 403, Skip: 1}}, 0, 0, "", 1},
		"the request is refused":       {[]fake.Fault{{Operation: create, StatusCode: 409}}, 0, 0, "409", 1},
		"the response isn't readable":  {[]fake.Fault{{Operation: create, Body: "<html>", StatusCode: 200, CarriedOut: true}}, 0, 0, "", 1},
		"the response isn't a success": {[]fake.Fault{{Operation: create, StatusCode: 502, CarriedOut: true}}, 0, 0, "", 1},
	}
	for name, test := range tests {
		for _, http2 := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", HTTP/2", false: ", HTTP/1.1"}[http2], func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := fake.NewServer(&fake.ServerOptions{JobSteps: 1, Now: time.Now})
					o := options(servePipes(t, srv, http2))
					client := newJobsClient(t, o)
					another(t, client) // which has nothing to do with it
					for _, fault := range test.faults {
						srv.Inject(fault)
					}
					if test.others > 0 {
						direct := newJobsClient(t, options(srv))
						time.AfterFunc(test.after, func() {
							for range test.others {
								another(t, direct)
							}
						})
					}
					poller, err := client.BeginCreate(t.Context(), "rg", "workspace", "assignment", recovering)
					requests := slices.DeleteFunc(srv.Requests(), func(r fake.Request) bool { return r.Operation != create })
					assert.Len(t, requests, 1+test.requests)
					if test.err != "" {
						require.ErrorContains(t, err, test.err)
						assert.Equal(t, test.err != "403" && test.err != "409", errors.Is(err, armsecops.ErrOutcomeUnknown))
						return
					}
					require.NoError(t, err)
					job, err := poller.PollUntilDone(t.Context(), nil)
					require.NoError(t, err)
					assert.Equal(t, armsecops.ProvisioningStateSucceeded, job.Properties.ProvisioningState)
				})
			})
		}
	}
}

// A context that ends while the job is looked for leaves the outcome unknown;
// listings that don't end take no longer than a minute.
func TestRecoverIsBounded(t *testing.T) {
	t.Parallel()
	endless := fake.Fault{Operation: "WorkspaceManagerJobsClient.NewListPager", Delay: time.Hour, Skip: 1, Times: 100}
	for name, test := range map[string]struct {
		listings      []fake.Fault
		context, want time.Duration
	}{
		"by its context": {nil, 12 * time.Second, 12 * time.Second},
		"by a minute":    {[]fake.Fault{endless}, time.Hour, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := fake.NewServer(nil)
				srv.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Create", Disconnect: true, CarriedOut: test.listings != nil})
				for _, fault := range test.listings {
					srv.Inject(fault)
				}
				ctx, cancel := context.WithTimeout(t.Context(), test.context)
				defer cancel()
				start := time.Now()
				_, err := newJobsClient(t, options(srv)).BeginCreate(ctx, "rg", "workspace", "assignment", recovering)
				require.ErrorIs(t, err, armsecops.ErrOutcomeUnknown)
				assert.Equal(t, test.want, time.Since(start))
			})
		})
	}
}
