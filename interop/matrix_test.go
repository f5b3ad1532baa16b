package interop

import (
	"context"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/faulttest"
	"github.com/armsecops/armsecops/internal/testkit"
)

var update = flag.Bool("update", false, "write testdata/matrix.json and ../docs/reliability.md")

// The fault matrix with Microsoft's clients. Their outcomes are recorded, not
// judged; docs/reliability.md shows them beside this library's.
func TestMatrix(t *testing.T) {
	t.Parallel()
	theirs := faulttest.Test(t, microsoftClients, "testdata/matrix.json", *update)
	if theirs == nil {
		return
	}
	ours, err := faulttest.ReadRows("../testdata/matrix.json")
	require.NoError(t, err)
	faulttest.Document(t, "../docs/reliability.md", *update, map[string]string{
		"harm":       faulttest.Harms(theirs),
		"comparison": faulttest.Comparison(ours, theirs),
	})
}

// microsoftClients are Microsoft's clients.
var microsoftClients = faulttest.Client{
	Has: theirs.Has,
	Call: func(ctx context.Context, s *faulttest.Server, call testkit.Call) ([]any, error) {
		options := s.Options()
		return theirs.All(ctx, call, &options, s.MaxPages(), faulttest.ErrEndless)
	},
}
