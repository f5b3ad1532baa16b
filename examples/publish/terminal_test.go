package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/fake"
)

// screen is a buffer whose Stat is that of a terminal.
type screen struct{ bytes.Buffer }

func (*screen) Stat() (os.FileInfo, error) { return screenInfo{}, nil }

type screenInfo struct{ os.FileInfo }

func (screenInfo) Mode() os.FileMode { return os.ModeDevice | os.ModeCharDevice }

func TestBarIsRedrawnAtEachPollAndSecond(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want []string
	}{
		"at each poll": {nil, []string{
			"[........................] InProgress, 0 of 12 items done, 0 failed, 0s",
			"[####....................] InProgress, 2 of 12 items done, 0 failed, 0s",
			"[########................] InProgress, 4 of 12 items done, 0 failed, 0s",
			"[############............] InProgress, 6 of 12 items done, 1 failed, 0s",
			"[################........] InProgress, 8 of 12 items done, 2 failed, 0s",
			"[####################....] InProgress, 10 of 12 items done, 2 failed, 1s",
			"[########################] Failed, 12 of 12 items done, 2 failed, 1s",
		}},
		"at each second": {[]string{"-interval", "2500ms", "-timeout", "3400ms"}, []string{
			"[........................] InProgress, 0 of 12 items done, 0 failed, 0s",
			"[........................] InProgress, 0 of 12 items done, 0 failed, 1s",
			"[........................] InProgress, 0 of 12 items done, 0 failed, 2s",
			"[####....................] InProgress, 2 of 12 items done, 0 failed, 2s",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var stdout bytes.Buffer
				var stderr screen
				run(t.Context(), test.args, &stdout, &stderr)
				bar, _, ended := strings.Cut(stderr.String(), "\n")
				assert.True(t, ended)
				for _, want := range test.want {
					drawn := "\r" + want + "\x1b[K"
					require.True(t, strings.HasPrefix(bar, drawn), "%q is not the start of %q", drawn, bar)
					bar = bar[len(drawn):]
				}
				assert.Empty(t, bar)
				assert.NotContains(t, stdout.String(), "\x1b")
			})
		})
	}
}

func TestBarIsNotDrawnBeforeTheFirstPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, err := parse(nil)
		require.NoError(t, err)
		server(p).Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", StatusCode: 403})
		var stdout bytes.Buffer
		var stderr screen
		assert.Equal(t, 1, p.run(t.Context(), &stdout, &stderr))
		assert.True(t, strings.HasPrefix(stderr.String(), "WorkspaceManagerJobsClient.Get: 403"), stderr.String())
	})
}
