package main

import (
	"context"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// TestMain runs the program instead of the tests in the process that a test starts.
func TestMain(m *testing.M) {
	if os.Getenv("RUN_MAIN") != "" {
		log.SetFlags(0)
		main()
		return
	}
	os.Exit(m.Run())
}

func TestMainSaysHowToSignIn(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the Azure CLI of this test is a shell script")
	}
	folder := t.TempDir()
	script := "#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "az"), []byte(script), 0o777))
	want, err := os.ReadFile("testdata/not-signed-in.golden")
	require.NoError(t, err)
	program := exec.CommandContext(t.Context(), os.Args[0])
	program.Env = append(os.Environ(), "RUN_MAIN=1", "PATH="+folder+":"+os.Getenv("PATH"), "AZURE_TOKEN_CREDENTIALS=AzureCLICredential")
	got, err := program.CombinedOutput()
	require.ErrorAs(t, err, new(*exec.ExitError))
	assert.Equal(t, string(want), string(got))
}

func Example() {
	const subscription = "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	server := fake.NewServer(nil)
	server.Put(armsecops.PolicyExemptionID{Scope: subscription + "/resourceGroups/test", Name: "one"}, armsecops.PolicyExemption{
		Properties: armsecops.PolicyExemptionProperties{DisplayName: "Test systems", ExpiresOn: time.Date(2022, 1, 2, 0, 0, 0, 0, time.UTC)},
	})
	server.Put(armsecops.StandardAssignmentID{Scope: subscription, Name: "0b8a3f6e-2f0c-4c62-9e4f-6a1d5c7e9b21"}, armsecops.StandardAssignment{
		Properties: armsecops.StandardAssignmentProperties{DisplayName: "Behind a gateway", Effect: armsecops.EffectExempt},
	})
	client, err := armsecops.NewExemptionsClient(&azfake.TokenCredential{}, options(server))
	if err != nil {
		log.Fatal(err)
	}
	if err := list(context.Background(), client); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 2022-01-02 (ended)  "Test systems"  /subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23/resourceGroups/test
	// never               "Behind a gateway"  /subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23
}
