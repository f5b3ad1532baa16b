// Armsecops-fake serves the server of package fake over HTTPS, for programs in
// any language. See docs/fake.md.
package main

import (
	"cmp"
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
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/armsecops/armsecops/fake"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is lost output
	ctx, _ := untilSignal()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignal returns a context that ends with Ctrl-C, a request to terminate or a
// closed terminal, unless the command runs below nohup.
func untilSignal() (ctx context.Context, stop func()) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signal.NotifyContext(context.Background(), signals...)
}

// The exit codes.
const (
	exitOK         = 0
	exitError      = 1
	exitUsage      = 2
	exitLostOutput = 5
)

const (
	about = "Stands in for Azure Resource Manager, in memory: the workspace manager of Microsoft Sentinel, the exemptions and standards " +
		"of Microsoft Defender for Cloud, the exemptions of Azure Policy, and Azure Resource Graph's queries for them. It accepts any bearer token. " +
		"When it is ready, it prints one line of JSON, whose ca is the file of -ca:"
	readyLine = `{"endpoint":"https://localhost:8443","control":"http://127.0.0.1:8444","ca":""}` // 79 columns: not indented
)

var codes = [][2]string{
	{"0", "ended by Ctrl-C, SIGTERM or SIGHUP"},
	{"1", "an error, such as an address that is in use"},
	{"2", "a flag or an argument is invalid"},
	{"5", "the standard output could not be written, for example to a full disk"},
}

// apiVersion is the form of an api-version.
var apiVersion = regexp.MustCompile(`^\d{4}-\d\d-\d\d(-[a-z]+)?$`)

// run serves until the context ends, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &output{Writer: stdout}
	code := command(ctx, args, out, stderr)
	if out.err != nil {
		fmt.Fprintln(stderr, "armsecops-fake: standard output:", out.err)
		return exitLostOutput
	}
	return code
}

// output is the standard output. It keeps the error of a write.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (n int, err error) {
	if o.err == nil {
		n, o.err = o.Writer.Write(p)
	}
	return n, o.err
}

// columns returns the width of the terminal, or 80 without one. The environment
// variable COLUMNS overrides it, as in other programs.
func (o *output) columns() int {
	file, ok := o.Writer.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 80
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if n, _, err := term.GetSize(int(file.Fd())); err == nil && n > 0 {
		return n
	}
	return 80
}

// command is run without the check of the standard output.
func command(ctx context.Context, args []string, stdout *output, stderr io.Writer) int {
	flags := flag.NewFlagSet("armsecops-fake", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
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
	flags.Func("api-version", "`version` to accept beside the documented one of each operation; can be repeated", func(version string) error {
		if !apiVersion.MatchString(version) {
			return errors.New("must be an api-version, as in 2024-08-01 or 2022-07-01-preview")
		}
		options.APIVersions = append(options.APIVersions, version)
		return nil
	})
	flags.BoolVar(&options.Samples, "samples", false, "start with the resources of the services' documentation")
	flags.BoolVar(&options.FlatAssessmentKeys, "flat-assessment-keys", false,
		"rows of Azure Resource Graph have exemptionData.assessmentKey instead of exemptionData.assignedAssessment.assessmentKey")
	flags.IntVar(&options.PageSize, "page-size", 0, "`number` of items on a page of a list; 0 means all of them")
	flags.DurationVar(&options.JobDuration, "job-duration", 0, "`time` for which a started job is InProgress, such as 5s; 0 means until it is read")
	flags.BoolVar(&options.Strict, "strict", false, "subscriptions, resource groups, workspaces and workspace manager assignments exist "+
		"only if something was put there by the control endpoint or is a sample; resources must be complete, and the groups and members that they name must exist")
	showVersion := flags.Bool("version", false, "print the version of the module and of Go, and exit")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp) || slices.Equal(args, []string{"help"}):
		help(stdout, flags, stdout.columns())
		return exitOK
	case err != nil:
		err = inUsersWords(err)
	case *showVersion:
		fmt.Fprintln(stdout, "armsecops-fake", version(), runtime.Version())
		return exitOK
	case *ca == "" && given(flags, "ca"): // as of a variable that isn't set
		err = errors.New("-ca has no name")
	case strings.HasPrefix(*ca, "-") && flags.Lookup(strings.TrimLeft(*ca, "-")) != nil:
		err = fmt.Errorf("-ca has no name: %s follows", *ca)
	case flags.Arg(0) == "true" || flags.Arg(0) == "false":
		err = fmt.Errorf("unexpected argument: %s; a flag takes it after =, as -strict=true", flags.Arg(0))
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument: %s", flags.Arg(0))
	case options.PageSize < 0 || options.JobDuration < 0:
		err = errors.New("-page-size and -job-duration must not be negative")
	default:
		err = cmp.Or(checkAddress("addr", *addr), checkAddress("control", *control))
	}
	if err != nil {
		fmt.Fprintf(stderr, "armsecops-fake: %v\nFor help: armsecops-fake -h\n", err)
		return exitUsage
	}
	err = serve(ctx, &options, hosts, *addr, *control, *ca, stdout, log.New(stderr, "", log.LstdFlags))
	if err != nil && stdout.err == nil {
		fmt.Fprintln(stderr, "armsecops-fake:", err)
		return exitError
	}
	return exitOK
}

// given reports whether the arguments have the flag.
func given(flags *flag.FlagSet, name string) (found bool) {
	flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// inUsersWords returns an error of package flag as other programs word it.
func inUsersWords(err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		return errors.New("unknown flag: " + name)
	}
	invalid, ok := strings.CutSuffix(text, ": parse error")
	switch {
	case !ok:
		return err
	case strings.HasPrefix(invalid, "invalid boolean value"):
		return errors.New(invalid + ": must be true or false")
	case strings.HasSuffix(invalid, "-job-duration"):
		return errors.New(invalid + ": must be a duration, such as 5s")
	}
	return errors.New(invalid + ": must be a whole number")
}

// version returns the version of the module: (devel) if it was built without one.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func checkAddress(flag, value string) error {
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		return fmt.Errorf("-%s: must be host:port or :port: %s", flag, value)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("-%s: the port must be a number of at most 65535: %s", flag, value)
	}
	return nil
}

// help prints all flags with their defaults, and the exit codes.
func help(out io.Writer, flags *flag.FlagSet, width int) {
	ready := readyLine
	if len(ready) > width {
		ready = strings.ReplaceAll(ready, `,"`, ",\n \"")
	}
	fmt.Fprintf(out, "Usage: armsecops-fake [FLAGS]\n\n%s\n\n%s\n\nFlags:\n", wrap("", 0, about, width), ready)
	flags.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" {
			usage += " (default " + f.DefValue + ")"
		}
		fmt.Fprintln(out, wrap("  -"+f.Name+" "+value, 25, usage, width))
	})
	fmt.Fprint(out, "\nExit codes:\n")
	for _, code := range codes {
		fmt.Fprintln(out, wrap("  "+code[0], 5, code[1], width))
	}
	fmt.Fprintln(out, wrap("", 2, "These are of a built program: go run exits with 1 instead of all but 0.", width))
	fmt.Fprint(out, "\nExample:\n  go run ./cmd/armsecops-fake -samples -ca ca.pem\n")
}

// wrap returns a name and its meaning, whose lines begin in the column and end before the width.
func wrap(name string, column int, meaning string, width int) string {
	var wrapped strings.Builder
	line := fmt.Sprintf("%-*s", column, name)
	for word := range strings.FieldsSeq(meaning) {
		if len(line)+len(word) > width && len(line) > column {
			wrapped.WriteString(strings.TrimRight(line, " ") + "\n")
			line = strings.Repeat(" ", column)
		}
		line += word + " "
	}
	return wrapped.String() + strings.TrimRight(line, " ")
}

// serve listens on both addresses, says so in one line of JSON, and serves.
func serve(ctx context.Context, options *fake.ServerOptions, hosts []string, addr, control, ca string, stdout io.Writer, logger *log.Logger) error {
	service, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	defer service.Close()
	controls, err := net.Listen("tcp", control)
	if err != nil {
		return fmt.Errorf("-control: %w", err)
	}
	defer controls.Close()
	endpoint := reachable(service, "localhost", hosts)
	certificate, authority, err := newCertificate(time.Now(), append(hosts, endpoint))
	if err != nil {
		return err
	}
	if ca != "" { // not before: a command that has the addresses may have written it
		if err := os.WriteFile(ca, authority, 0o644); err != nil {
			return fmt.Errorf("-ca: %w", err)
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
	err = json.NewEncoder(stdout).Encode(ready{ // before /healthz says so: connections wait until the servers accept them
		"https://" + net.JoinHostPort(endpoint, port(service)),
		"http://" + net.JoinHostPort(reachable(controls, "", hosts), port(controls)), ca,
	})
	if err != nil {
		return err
	}
	failed := make(chan error, len(servers))
	go func() { failed <- servers[0].ServeTLS(service, "", "") }()
	go func() { failed <- servers[1].Serve(controls) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
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

// reachable returns a name or an IP address under which a listener is reached.
//   - loopback: the name for the loopback address; empty for the address itself
//   - hosts: the names of this machine that the caller knows
func reachable(l net.Listener, loopback string, hosts []string) string {
	host, _, _ := net.SplitHostPort(l.Addr().String())
	switch ip := net.ParseIP(host); {
	case ip.IsUnspecified():
		return append(hosts, "localhost")[0]
	case ip.IsLoopback() && loopback != "":
		return loopback
	}
	return host
}

func port(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String()) // a listener's address has one
	return port
}

// withHealth responds to what needs no token: /healthz, which no service has, and
// the endpoints of the cloud, which az cloud register reads.
func withHealth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			health(w, r)
		case "/metadata/endpoints":
			endpoints(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// endpoints responds with what Azure Resource Manager knows of its cloud, in the
// forms of all api-versions: from 2018 to 2021 it is a list of clouds. What is not
// of Azure Resource Manager is the public cloud's: other services are not faked.
func endpoints(w http.ResponseWriter, r *http.Request) {
	const login, graph, ossrdbms = "https://login.microsoftonline.com", "https://graph.windows.net/", "https://ossrdbms-aad.database.windows.net"
	const aliases = "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json"
	metadata := any(map[string]any{
		"galleryEndpoint": "https://gallery.azure.com/", "graphEndpoint": graph, "portalEndpoint": "https://portal.azure.com",
		"name": "armsecops-fake", "resourceManager": "https://" + r.Host, "portal": "https://portal.azure.com", "graph": graph, "graphAudience": graph,
		"authentication": map[string]any{
			"loginEndpoint": login, "audiences": []string{"https://management.core.windows.net/", "https://management.azure.com/"},
			"tenant": "common", "identityProvider": "AAD",
		},
		"gallery": "https://gallery.azure.com/", "microsoftGraphResourceId": "https://graph.microsoft.com/", "batch": "https://batch.core.windows.net/",
		"sqlManagement": "https://management.core.windows.net:8443/", "media": "https://rest.media.azure.net", "vmImageAliasDoc": aliases,
		"activeDirectoryDataLake": "https://datalake.azure.net/", "ossrdbmsResourceId": ossrdbms, "ossrDbmsResourceId": ossrdbms, // az reads the first, others the second
		"appInsightsResourceId": "https://api.applicationinsights.io", "logAnalyticsResourceId": "https://api.loganalytics.io",
		"appInsightsTelemetryChannelResourceId": "https://dc.applicationinsights.azure.com/v2/track",
		"synapseAnalyticsResourceId":            "https://dev.azuresynapse.net", "attestationResourceId": "https://attest.azure.net",
		"suffixes": map[string]string{
			"storage": "core.windows.net", "keyVaultDns": "vault.azure.net", "mhsmDns": "managedhsm.azure.net", "acrLoginServer": "azurecr.io",
			"sqlServerHostname": "database.windows.net", "mysqlServerEndpoint": "mysql.database.azure.com", "storageSyncEndpointSuffix": "afs.azure.net",
			"postgresqlServerEndpoint": "postgres.database.azure.com", "mariadbServerEndpoint": "mariadb.database.azure.com",
			"azureDataLakeStoreFileSystem": "azuredatalakestore.net", "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
			"synapseAnalytics": "dev.azuresynapse.net", "attestationEndpoint": "attest.azure.net",
		},
	})
	if version := r.URL.Query().Get("api-version"); version >= "2018" && version < "2022" {
		metadata = []any{metadata}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(metadata) // fails only if the client is gone
}

func health(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }
