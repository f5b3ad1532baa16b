package main

import (
	"errors"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// TestMain runs the program instead of the tests in the processes that the tests start.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_MAIN") != "" {
		log.SetFlags(0)
		main()
		return
	}
	os.Exit(m.Run())
}

func TestMainSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the Azure CLI of this test is a shell script")
	}
	tests := map[string]struct{ subscription, golden string }{
		"subscription": {"", "no-subscription.golden"},
		"sign-in":      {"20ff7fc3-e762-44dd-bd96-b71116dcdc23", "not-signed-in.golden"},
	}
	folder := t.TempDir()
	script := "#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(folder, "az"), []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join("testdata", test.golden))
			if err != nil {
				t.Fatal(err)
			}
			program := exec.CommandContext(t.Context(), os.Args[0])
			program.Env = append(os.Environ(), "RUN_MAIN=1", "PATH="+folder+":"+os.Getenv("PATH"),
				"AZURE_TOKEN_CREDENTIALS=AzureCLICredential", "AZURE_SUBSCRIPTION_ID="+test.subscription)
			got, err := program.CombinedOutput()
			if _, failed := errors.AsType[*exec.ExitError](err); !failed {
				t.Errorf("error %v, want an exit status", err)
			}
			if string(got) != string(want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
