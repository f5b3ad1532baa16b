package interop

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/securityinsights/armsecurityinsights/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// Each test plays one script twice, with our client and with Microsoft's, on two
// servers that are in the same state, and compares what the clients saw, step by step.

// script collects what each step of a script came to.
type script []step

type step struct {
	name   string
	result any // in its JSON form at that time: what follows in the script may change the model
	err    error
}

func (s *script) did(t *testing.T, name string, result any, err error) {
	*s = append(*s, step{name, members(t, result), err})
}

func TestTheirJobsClientWithOurServer(t *testing.T) {
	t.Parallel()
	p := newPayloads(4)
	id := armsecops.JobID{SubscriptionID: subscriptionID, ResourceGroupName: resourceGroup, WorkspaceName: workspace, WorkspaceManagerAssignmentName: publication}
	newServer := func() *fake.Server {
		server := fake.NewServer(serverOptions())
		p := newPayloads(5)
		for i := range 5 {
			job := decode[armsecops.Job](t, p.job(10+i, i))
			job.ID = "" // the server's
			id.Name = job.Name
			server.Put(id, job)
		}
		server.SetJobItems(armsecops.WorkspaceManagerAssignmentID{
			SubscriptionID: subscriptionID, ResourceGroupName: resourceGroup, WorkspaceName: workspace, Name: publication,
		}, decode[armsecops.Job](t, p.job(6, 2)).Properties.Items)
		return server
	}
	put := decode[armsecops.Job](t, newPayloads(5).job(10, 0)).Name
	missing := p.uuid()

	var ours, theirs script
	{
		client := ourJobs(t, newServer())
		do := func(name string, result any, err error) { ours.did(t, name, result, err) }
		got, err := client.Get(t.Context(), resourceGroup, workspace, publication, put, nil)
		do("get", got.Job, err)
		created, err := client.Create(t.Context(), resourceGroup, workspace, publication, nil)
		do("create", created.Job, err)
		for i := range 5 {
			got, err := client.Get(t.Context(), resourceGroup, workspace, publication, created.Name, nil)
			do("get while it runs", got.Job, err)
			assert.Equal(t, i >= 3, got.Properties.ProvisioningState.Terminal())
		}
		for page, err := range client.NewListPager(resourceGroup, workspace, publication, nil).Pages(t.Context()) {
			do("list", page.Value, err)
		}
		options := &armsecops.WorkspaceManagerJobsClientListOptions{OrderBy: "properties/startTime desc", Top: 1}
		for page, err := range client.NewListPager(resourceGroup, workspace, publication, options).Pages(t.Context()) {
			do("list the latest", page.Value, err)
			break // $top is the size of a page: Microsoft's pager would read all of them
		}
		deleted, err := client.Delete(t.Context(), resourceGroup, workspace, publication, put, nil)
		do("delete", deleted, err)
		deleted, err = client.Delete(t.Context(), resourceGroup, workspace, publication, put, nil)
		do("delete again", deleted, err)
		_, err = client.Get(t.Context(), resourceGroup, workspace, publication, missing, nil)
		do("get what isn't there", nil, err)
	}
	{
		client := theirJobs(t, newServer())
		do := func(name string, result any, err error) { theirs.did(t, name, result, err) }
		got, err := client.Get(t.Context(), resourceGroup, workspace, publication, put, nil)
		do("get", got.Job, err)
		created, err := client.Create(t.Context(), resourceGroup, workspace, publication, nil)
		do("create", created.Job, err)
		for range 5 {
			got, err := client.Get(t.Context(), resourceGroup, workspace, publication, *created.Name, nil)
			do("get while it runs", got.Job, err)
		}
		for page, err := range pages(t, client.NewListPager(resourceGroup, workspace, publication, nil)) {
			do("list", page.Value, err)
		}
		options := &armsecurityinsights.WorkspaceManagerAssignmentJobsClientListOptions{Orderby: new("properties/startTime desc"), Top: new(int32(1))}
		for page, err := range pages(t, client.NewListPager(resourceGroup, workspace, publication, options)) {
			do("list the latest", page.Value, err)
			break // $top is the size of a page: Microsoft's pager would read all of them
		}
		deleted, err := client.Delete(t.Context(), resourceGroup, workspace, publication, put, nil)
		do("delete", deleted, err)
		deleted, err = client.Delete(t.Context(), resourceGroup, workspace, publication, put, nil)
		do("delete again", deleted, err)
		_, err = client.Get(t.Context(), resourceGroup, workspace, publication, missing, nil)
		do("get what isn't there", nil, err)
	}
	assertSameSteps(t, theirs, ours)
	assert.Equal(t, 3, ours.count("list"))
	assert.ErrorIs(t, ours[len(ours)-1].err, armsecops.ErrNotFound)
}

func TestTheirAssignmentsClientWithOurServer(t *testing.T) {
	t.Parallel()
	newServer := func() *fake.Server {
		server := fake.NewServer(serverOptions())
		p := newPayloads(6)
		for i := range 5 {
			assignment := decode[armsecops.Assignment](t, p.assignment())
			assignment.ID = "" // the server's
			group := []string{resourceGroup, "otherRg"}[i%2]
			server.Put(armsecops.AssignmentID{SubscriptionID: subscriptionID, ResourceGroupName: group, Name: assignment.Name}, assignment)
		}
		return server
	}
	put := decode[armsecops.Assignment](t, newPayloads(6).assignment()).Name
	body := newPayloads(7).assignment()
	assignmentID := decode[armsecops.Assignment](t, body).Name

	var ours, theirs script
	{
		client := ourAssignments(t, newServer())
		do := func(name string, result any, err error) { ours.did(t, name, result, err) }
		got, err := client.Get(t.Context(), resourceGroup, put, nil)
		do("get", got.Assignment, err)
		created, err := client.CreateOrUpdate(t.Context(), resourceGroup, assignmentID, decode[armsecops.Assignment](t, body), nil)
		do("create", created.Assignment, err)
		created.Properties.Effect = "audit"
		updated, err := client.CreateOrUpdate(t.Context(), resourceGroup, assignmentID, created.Assignment, nil)
		do("update", updated.Assignment, err)
		got, err = client.Get(t.Context(), resourceGroup, assignmentID, nil)
		do("get what was updated", got.Assignment, err)
		for page, err := range client.NewListPager(resourceGroup, nil).Pages(t.Context()) {
			do("list", page.Value, err)
		}
		for page, err := range client.NewListBySubscriptionPager(nil).Pages(t.Context()) {
			do("list by subscription", page.Value, err)
		}
		deleted, err := client.Delete(t.Context(), resourceGroup, assignmentID, nil)
		do("delete", deleted, err)
		deleted, err = client.Delete(t.Context(), resourceGroup, assignmentID, nil)
		do("delete again", deleted, err)
		_, err = client.Get(t.Context(), resourceGroup, assignmentID, nil)
		do("get what isn't there", nil, err)
	}
	{
		client := theirAssignments(t, newServer())
		do := func(name string, result any, err error) { theirs.did(t, name, result, err) }
		got, err := client.Get(t.Context(), resourceGroup, put, nil)
		do("get", got.Assignment, err)
		created, err := client.CreateOrUpdate(t.Context(), resourceGroup, assignmentID, decode[armsecurity.Assignment](t, body), nil)
		do("create", created.Assignment, err)
		created.Properties.Effect = new("audit")
		updated, err := client.CreateOrUpdate(t.Context(), resourceGroup, assignmentID, created.Assignment, nil)
		do("update", updated.Assignment, err)
		got, err = client.Get(t.Context(), resourceGroup, assignmentID, nil)
		do("get what was updated", got.Assignment, err)
		for page, err := range pages(t, client.NewListPager(resourceGroup, nil)) {
			do("list", page.Value, err)
		}
		for page, err := range pages(t, client.NewListBySubscriptionPager(nil)) {
			do("list by subscription", page.Value, err)
		}
		deleted, err := client.Delete(t.Context(), resourceGroup, assignmentID, nil)
		do("delete", deleted, err)
		deleted, err = client.Delete(t.Context(), resourceGroup, assignmentID, nil)
		do("delete again", deleted, err)
		_, err = client.Get(t.Context(), resourceGroup, assignmentID, nil)
		do("get what isn't there", nil, err)
	}
	assertSameSteps(t, theirs, ours)
	assert.Equal(t, 2, ours.count("list"))
	assert.Equal(t, 3, ours.count("list by subscription"))
	assert.ErrorIs(t, ours[len(ours)-1].err, armsecops.ErrNotFound)
}

// serverOptions are those of a server that responds to the same requests with the same bytes.
func serverOptions() *fake.ServerOptions {
	var ids, seconds atomic.Int64
	return &fake.ServerOptions{
		PageSize: 2,
		JobSteps: 3,
		NewID:    func() string { return fmt.Sprintf("00000000-0000-4000-a000-%012d", ids.Add(1)) },
		Now:      func() time.Time { return time.Date(2026, 1, 2, 3, 4, int(seconds.Add(1)), 0, time.UTC) },
	}
}

// pages yields the pages of Microsoft's pager.
func pages[T any](t *testing.T, pager *azruntime.Pager[T]) func(func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for pager.More() {
			page, err := pager.NextPage(t.Context())
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

// assertSameSteps compares what the two clients saw, errors included.
func assertSameSteps(t *testing.T, theirs, ours script) {
	t.Helper()
	require.Len(t, ours, len(theirs))
	for i, their := range theirs {
		our := ours[i]
		assert.Equal(t, their.name, our.name)
		if their.err == nil {
			require.NoError(t, our.err, our.name)
			assert.Equal(t, their.result, our.result, our.name)
			continue
		}
		var theirResponse, ourResponse *azcore.ResponseError
		require.ErrorAs(t, their.err, &theirResponse, their.name)
		require.ErrorAs(t, our.err, &ourResponse, our.name)
		assert.Equal(t, theirResponse.StatusCode, ourResponse.StatusCode)
		assert.Equal(t, theirResponse.ErrorCode, ourResponse.ErrorCode)
	}
}

// count returns how many steps have the name.
func (s script) count(name string) (n int) {
	for _, step := range s {
		if step.name == name {
			n++
		}
	}
	return n
}
