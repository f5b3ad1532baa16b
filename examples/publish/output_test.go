package main

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/commandtest"
	"github.com/armsecops/armsecops/fake"
)

func TestBarIsNotDrawnBeforeTheFirstPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, err := parse(nil)
		require.NoError(t, err)
		inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", StatusCode: 403})(p)
		s, _, stderr := commandtest.Streams()
		s.Err = commandtest.Terminal(stderr, 200)
		assert.Equal(t, 1, p.Exit(p.run(t.Context(), s), s))
		assert.True(t, strings.HasPrefix(stderr.String(), "WorkspaceManagerJobsClient.Get: 403"), stderr.String())
	})
}

func TestProgressHasALineForEachChange(t *testing.T) {
	t.Parallel()
	s, _, stderr := commandtest.Streams()
	p := publication{}.newProgress(s.Err, 1)
	for _, state := range []armsecops.ProvisioningState{"InProgress", "InProgress", "Succeeded"} {
		p.show(0, "", armsecops.Job{Properties: armsecops.JobProperties{ProvisioningState: state}})
	}
	assert.Equal(t, "InProgress\nSucceeded\n", stderr.String())
}

func TestBarHasWhatIsLeftOfTheLine(t *testing.T) {
	t.Parallel()
	for columns, want := range map[int]string{-5: "", 3: "", 4: "[##..] ", 5: "[##...] ", 100: "[############............] "} {
		assert.Equal(t, want, bar(0.5, columns), columns)
	}
	assert.Equal(t, "[....] ", bar(0, 4))
}

func TestNamesAreCutBeforeTheTime(t *testing.T) {
	t.Parallel()
	for columns, want := range map[int]string{
		100: "[........................] 0 of 3 jobs ended, baseline 0/12, hunting 0/12, reporting 0/12, 0s",
		72:  "[.....] 0 of 3 jobs ended, baseli… 0/12, hunting 0/12, report… 0/12, 0s",
		60:  "[.....] 0 of 3 jobs ended, ba… 0/12, hu… 0/12, re… 0/12, 0s",
		58:  "[......................] 0 of 3 jobs ended, 3 running, 0s",
	} {
		_, _, screen := commandtest.Streams()
		p := publication{}.newProgress(commandtest.Terminal(screen, columns), 3)
		for i, name := range []string{"baseline", "hunting", "reporting"} {
			p.show(i, name, armsecops.Job{Properties: armsecops.JobProperties{Items: make([]armsecops.JobItem, 12)}})
		}
		assert.Equal(t, want, strings.TrimSpace(screen.String()[strings.LastIndex(screen.String(), "\r"):]), columns)
	}
}
