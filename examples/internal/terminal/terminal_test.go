package terminal_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// device is a writer whose Stat is that of a terminal.
type device struct{ io.Writer }

func (device) Stat() (os.FileInfo, error) { return deviceInfo{}, nil }

type deviceInfo struct{ os.FileInfo }

func (deviceInfo) Mode() os.FileMode { return os.ModeDevice | os.ModeCharDevice }

func TestIsDetectsCharacterDevices(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	assert.True(t, terminal.Is(device{}))
	assert.False(t, terminal.Is(&bytes.Buffer{}))
	assert.False(t, terminal.Is(file))
	require.NoError(t, file.Close())
	assert.False(t, terminal.Is(file), "a file whose Stat fails")
}

func TestPrintableIsOneHarmlessLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain größe":               "plain größe",
		"two\nlines\tand a tab":     "two lines and a tab",
		"\x1b[31mred\x07\u202eback": "[31mredback",
		"":                          "",
	} {
		assert.Equal(t, want, terminal.Printable(text))
	}
}
