package interop

import (
	"context"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/faults"
)

var update = flag.Bool("update", false, "write testdata/matrix.json and ../docs/reliability.md")

// The fault matrix with Microsoft's clients. Their outcomes are recorded, not
// judged; docs/reliability.md shows them beside this library's.
func TestMatrix(t *testing.T) {
	t.Parallel()
	theirs := faults.Test(t, microsoftClients, "testdata/matrix.json", *update)
	if theirs == nil {
		return
	}
	ours, err := faults.ReadRows("../testdata/matrix.json")
	require.NoError(t, err)
	faults.Document(t, "../docs/reliability.md", *update, map[string]string{
		"harm":       faults.Harms(theirs),
		"comparison": faults.Comparison(ours, theirs),
	})
}

// microsoftClients are Microsoft's clients.
var microsoftClients = faults.Client{
	Has: theirs.Has,
	Call: func(ctx context.Context, s *faults.Server, call testkit.Call) ([]any, error) {
		options := s.Options()
		return theirs.All(ctx, call, &options, s.MaxPages(), faults.ErrEndless)
	},
}
