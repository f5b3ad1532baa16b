// Command performance runs the benchmarks of the interop module on two Go
// toolchains and writes what they show to docs/performance.md and
// docs/performance.svg, with docs/simulation.md at the end of the page. It takes
// some eight minutes. Run it in the interop folder, on a machine that has nothing
// else to do:
//
//	go run ./cmd/performance
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	count := flag.Int("count", 12, "how often each benchmark is run")
	benchtime := flag.String("benchtime", "100ms", "how long one run of a benchmark takes at least, or how many times it does its work, as in 10x")
	toolchains := flag.String("toolchains", "local,go1.27.4", "Go toolchains, the first one for the chart")
	out := flag.String("out", "../docs", "the folder to write to")
	flag.Parse()
	if flag.NArg() > 0 || *count < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*count, *benchtime, strings.Split(*toolchains, ","), *out); err != nil {
		fmt.Fprintln(os.Stderr, "performance:", err)
		os.Exit(1)
	}
}

func run(count int, benchtime string, toolchains []string, out string) error {
	// The versions that the benchmarks are built with.
	versions, err := goCommand("local", "list", "-m", "-f", "{{.Path}} {{.Version}}",
		"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity",
		"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2").Output()
	if err != nil {
		return fmt.Errorf("run it in the interop folder: %w", err)
	}
	r := report{
		Date:      time.Now().UTC().Format("2 January 2006"),
		Count:     count,
		Benchtime: benchtime,
		Theirs:    strings.Split(strings.TrimSpace(string(versions)), "\n"),
	}
	for _, toolchain := range toolchains {
		m, err := measure(toolchain, count, benchtime)
		if err != nil {
			return fmt.Errorf("%s: %w", toolchain, err)
		}
		r.Measurements = append(r.Measurements, m)
	}
	var page, chart bytes.Buffer
	if err := errors.Join(r.writePage(&page), r.writeChart(&chart)); err != nil {
		return err
	}
	sweep, err := os.ReadFile(filepath.Join(out, "simulation.md"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	page.WriteString("\n")
	page.Write(sweep)
	return errors.Join(
		os.WriteFile(filepath.Join(out, "performance.md"), page.Bytes(), 0o644),
		os.WriteFile(filepath.Join(out, "performance.svg"), chart.Bytes(), 0o644),
	)
}

// measure runs the benchmarks on a toolchain, in rounds: what slows the machine
// for a while then slows every client. Each round has the functions in another
// order, because where an inner loop happens to lie can make a fifth of its time.
// Memory in use takes long to measure, so that five rounds have to do.
func measure(toolchain string, count int, benchtime string) (*measurement, error) {
	m, err := newMeasurement(toolchain)
	if err != nil {
		return nil, err
	}
	for round := range count {
		if err := m.run("", ".", benchtime, fmt.Sprintf("-ldflags=-randlayout=%d", round+1)); err != nil {
			return nil, err
		}
	}
	for range min(count, 5) {
		if err := m.run("gcstoptheworld=1", "PeakHeap", "1x"); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// goCommand returns a command of the go tool of a toolchain.
func goCommand(toolchain string, args ...string) *exec.Cmd {
	command := exec.Command("go", args...)
	command.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain)
	command.Stderr = os.Stderr
	return command
}

// run runs benchmarks and collects their results.
//   - godebug: the settings that they need
//   - flags: of the build
func (m *measurement) run(godebug, bench, benchtime string, flags ...string) error {
	command := goCommand(m.toolchain, append([]string{"test", "-run", "^$", "-bench", bench, "-benchtime", benchtime}, flags...)...)
	command.Env = append(command.Env, "GODEBUG="+godebug)
	output, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	err = m.read(io.TeeReader(output, os.Stdout))
	return errors.Join(err, command.Wait())
}
