// Armsecops-fake serves the server of package fake over HTTPS, for programs in
// any language. See docs/fake.md.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/armsecops/armsecops/fake"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// The exit codes.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

const usage = `Armsecops-fake stands in for Azure Resource Manager: the workspace manager of Microsoft
Sentinel, the exemptions and standards of Microsoft Defender for Cloud, and the exemptions
of Azure Policy, in memory.
It accepts any bearer token. When it is ready, it prints one line of JSON:

  {"endpoint":"https://localhost:8443","control":"http://127.0.0.1:8444","ca":"ca.pem"}

Usage: armsecops-fake [flags]

`

// run serves until the context ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("armsecops-fake", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
		fmt.Fprint(flags.Output(), "\nExit codes: 0 ended by a signal, 1 an error, 2 wrong usage.\n")
	}
	addr := flags.String("addr", "127.0.0.1:8443", "`address` of the service, over HTTPS; port 0 picks a free one")
	control := flags.String("control", "127.0.0.1:8444", "`address` of the control endpoint, over HTTP; it needs no token, so keep it on the loopback address")
	ca := flags.String("ca", "", "`file` to write the certificate to that clients must trust, in PEM; each start makes a new one")
	var hosts []string
	flags.Func("host", "`name` of another host under which both are reached, for the certificate; can be repeated", func(name string) error {
		if name == "" || net.ParseIP(name) == nil && strings.ContainsAny(name, "/:* ") {
			return errors.New("must be the name of a host, without port")
		}
		hosts = append(hosts, name)
		return nil
	})
	var options fake.ServerOptions
	flags.BoolVar(&options.Samples, "samples", false, "start with the resources of the services' documentation")
	flags.IntVar(&options.PageSize, "page-size", 0, "`number` of items on a page of a list; 0 means all of them")
	flags.DurationVar(&options.JobDuration, "job-duration", 0, "`time` for which a started job is InProgress, such as 5s; 0 means until it is read")
	flags.BoolVar(&options.Strict, "strict", false, "subscriptions, resource groups, workspaces and workspace manager assignments exist\n"+
		"only if something was put there by the control endpoint or is a sample; otherwise 404")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "unexpected argument %q\n", flags.Arg(0))
		flags.Usage()
		return exitUsage
	case options.PageSize < 0 || options.JobDuration < 0:
		fmt.Fprintln(stderr, "-page-size and -job-duration must not be negative")
		return exitUsage
	}
	if err := serve(ctx, &options, hosts, *addr, *control, *ca, stdout, log.New(stderr, "", log.LstdFlags)); err != nil {
		fmt.Fprintln(stderr, "armsecops-fake:", err)
		return exitError
	}
	return exitOK
}

// serve listens on both addresses, says so in one line of JSON, and serves.
func serve(ctx context.Context, options *fake.ServerOptions, hosts []string, addr, control, ca string, stdout io.Writer, logger *log.Logger) error {
	certificate, authority, err := newCertificate(time.Now(), hosts)
	if err != nil {
		return err
	}
	service, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer service.Close()
	controls, err := net.Listen("tcp", control)
	if err != nil {
		return err
	}
	defer controls.Close()
	if ca != "" { // not before: a command that has the addresses may have written it
		if err := os.WriteFile(ca, authority, 0o644); err != nil {
			return err
		}
	}

	server := fake.NewServer(options)
	const timeout = 10 * time.Second
	servers := []*http.Server{
		{
			Handler: withHealth(server), TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
			ReadHeaderTimeout: timeout, ErrorLog: logger,
		},
		{Handler: newControl(server, hosts), ReadHeaderTimeout: timeout, ErrorLog: logger},
	}
	failed := make(chan error, len(servers))
	go func() { failed <- servers[0].ServeTLS(service, "", "") }()
	go func() { failed <- servers[1].Serve(controls) }()

	err = json.NewEncoder(stdout).Encode(ready{"https://localhost:" + port(service), "http://" + controls.Addr().String(), ca})
	if err == nil {
		select {
		case err = <-failed:
		case <-ctx.Done():
		}
	}
	// Requests in progress have some seconds to get their responses.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(end) != nil {
			_ = s.Close()
		}
	}
	return err
}

// ready is the line of JSON that says that the command serves.
type ready struct {
	Endpoint string `json:"endpoint"`
	Control  string `json:"control"`
	CA       string `json:"ca"` // the file; empty if there is none
}

func port(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String()) // a listener's address has one
	return port
}

// withHealth responds to /healthz, which no service has, without a token.
func withHealth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			health(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func health(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }
