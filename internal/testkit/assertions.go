package testkit

import (
	"context"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/assert"

	"github.com/armsecops/armsecops/internal/routes"
)

// RaceEnabled reports whether the race detector is on.
var RaceEnabled = func() bool {
	build, _ := debug.ReadBuildInfo()
	return slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}()

// CredentialFunc is a credential that is a function.
type CredentialFunc func() (azcore.AccessToken, error)

// GetToken calls the function.
func (f CredentialFunc) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return f()
}

// PolicyFunc is a policy that is a function.
type PolicyFunc func(*policy.Request) (*http.Response, error)

// Do calls the function.
func (f PolicyFunc) Do(req *policy.Request) (*http.Response, error) { return f(req) }

// Closing is a body that calls a function when it is closed.
type Closing struct {
	io.Reader
	Closed func()
}

// Close calls the function.
func (c Closing) Close() error { c.Closed(); return nil }

// AssertHarmlessLine checks that a text is one line of at most 2 KiB, free of
// control and bidi characters.
func AssertHarmlessLine(t *testing.T, text string) {
	t.Helper()
	assert.LessOrEqual(t, len(text), 2048)
	assert.True(t, utf8.ValidString(text))
	assert.Equal(t, -1, strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", text)
}

// EachCase runs a test of its own for each of the named cases, all of them in parallel.
func EachCase[T any](t *testing.T, tests map[string]T, run func(*testing.T, T)) {
	EachNamed(t, tests, func(t *testing.T, _ string, test T) { run(t, test) })
}

// EachNamed is EachCase for a test that needs the name of its case.
func EachNamed[T any](t *testing.T, tests map[string]T, run func(*testing.T, string, T)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, name, test)
		})
	}
}

// EachOperation runs a test of its own for each of the operations, all of them in parallel.
func EachOperation(t *testing.T, all []*routes.Route, run func(*testing.T, *routes.Route)) {
	byName := map[string]*routes.Route{}
	for _, route := range all {
		byName[route.Operation] = route
	}
	EachCase(t, byName, run)
}

// EachInBubble is EachCase with a clock of its own for each case.
func EachInBubble[T any](t *testing.T, tests map[string]T, run func(*testing.T, T)) {
	EachCase(t, tests, func(t *testing.T, test T) {
		synctest.Test(t, func(t *testing.T) { run(t, test) })
	})
}

// ErrorOf returns the error of a call.
func ErrorOf(_ any, err error) error { return err }

// Must returns the value of a call that must not fail, and panics with its error.
func Must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
