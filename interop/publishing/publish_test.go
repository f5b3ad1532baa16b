package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

const (
	subscription = "00000000-0000-0000-0000-000000000001"
	group        = "/subscriptions/" + subscription + "/resourceGroups/rg"
	workspaces   = "/providers/Microsoft.OperationalInsights/workspaces/"
	central      = group + workspaces + "central/providers/Microsoft.SecurityInsights/"
)

var id = named("nightly")

func TestPublishing(t *testing.T) {
	t.Parallel()
	testkit.EachCase(t, map[string]func(*testing.T){"publish": testPublish, "content": testPublishContent, "nightly": testNightly, "long": testLongNights}, synctest.Test)
}

func testPublish(t *testing.T) {
	server := fake.NewServer(&fake.ServerOptions{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/rules.json") })})
	credential, options, log, id, rules := &azfake.TokenCredential{}, driver.Options(server), new(strings.Builder), named("nightly-1"), central+"automationRules/a\tshared: a\n"+central+"alertRules/a\tshared: a\n"
	p, _ := newPublisher(driver.NewFactory(t, credential, options), subscription, log)
	for name, members := range map[string]int{"branches": 1000, "others": 1001} {
		server.Put(armsecops.WorkspaceManagerGroupID(named(name)), armsecops.WorkspaceManagerGroup{Properties: armsecops.WorkspaceManagerGroupProperties{MemberResourceNames: make([]string, members)}})
	}
	for _, run := range []struct {
		group, items string
		fails        bool
		writes       int
	}{
		{"branches", "/a /b", false, 1},
		{"BRANCHES", "/A /B", false, 0},
		{"branches", "/b /e", false, 1}, // the item of b is kept
		{"branches", "/b /B", false, 1}, // without the item of e
		{"others", "/b /e", true, 0},    // 2,002 publications
		{"others", "/b", false, 1},
		{"others", "", true, 0},
	} {
		time.Sleep(time.Minute)
		running, _ := p.jobs.Create(t.Context(), "rg", "central", id.Name, nil)
		before := len(server.Requests())
		job, err := p.publish(t.Context(), id, run.group, strings.Fields(run.items))
		require.Equal(t, run.fails, err != nil, "%v: %v", run, err)
		requests := server.Requests()[before:]
		assert.Equal(t, run.writes, count(requests, http.MethodPut), run)
		if waits := slices.IndexFunc(requests, func(r fake.Request) bool { return path.Base(r.URL.Path) == running.Name }); !run.fails {
			assert.True(t, waits >= 0 && count(requests[:waits], http.MethodPost) == 0 && strings.Contains(log.String(), "nightly-1: waiting for job "+running.Name) && strings.Contains(log.String(), " items published by job "+running.Name), run)
			assert.True(t, slices.EqualFunc(job.Properties.Items, distinct(strings.Fields(run.items)), func(item armsecops.JobItem, id string) bool { return strings.EqualFold(item.ResourceID, id) }), run)
		}
	}
	enable(server, "Disabled")
	server.Inject(fake.Fault{StatusCode: http.StatusNotFound, Times: 10, CarriedOut: true, Match: func(r fake.Request) bool { return r.Method == http.MethodDelete }}) // the jobs and the first rule
	for c := range strings.SplitSeq(testkit.ReadFile(t, "testdata/commands.txt"), "\n\n") {                                                                            // arguments, and what the output and the error match
		args, want, _ := strings.Cut(strings.NewReplacer("{group}", group, "{workspaces}", workspaces, "{central}", central).Replace(strings.TrimSpace(c)), "\n")
		args, wrong, _ := strings.Cut(args, " < ") // a line after the rules in the standard input
		assert.Regexp(t, "(?s)"+want, execute(t, server, args, rules+wrong), args)
	}
	assert.Equal(t, []int{1, 1}, []int{count(server.Requests(), "DELETE "+central+"automationRules/a\n"), count(server.Requests(), "DELETE "+central+"alertRules/a\n")})
	server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Get", StatusCode: http.StatusNotFound, Body: "<html>"})
	require.ErrorContains(t, p.wait(t.Context(), id), "a page of HTML", "the job may still run")
	require.ErrorIs(t, call{name: "enable", night: night{workspaceID: centralID(id)}}.run(t.Context(), (*os.File)(nil), nil, credential, options), os.ErrInvalid)
	p.dryRun = true
	assert.Regexp(t, "(?s)^<nil>.*\nwould wait for job ", fmt.Sprint(p.wait(t.Context(), id), log))
	server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Delete", StatusCode: http.StatusForbidden})
	assert.Regexp(t, `^\S+/jobs/\S+\n[^\n]+: 403 `, execute(t, server, "delete-jobs -workspace "+centralID(id)+" -keep 0", ""), "of two, the other one is deleted")
	var ages []time.Duration // of one that runs, and one of the run before it
	for job := range p.jobs.NewListPager("rg", "central", id.Name, nil).All(t.Context()) {
		ages = append(ages, time.Since(job.Properties.StartTime))
		assert.Equal(t, job.ID+"\n<nil>", execute(t, server, "delete-jobs -workspace "+centralID(id)+" -job "+job.Name, ""))
	}
	assert.ElementsMatch(t, []time.Duration{0, time.Minute}, ages)
	assert.Equal(t, "[a b a b d] <nil>", fmt.Sprint(content{"shared-", true, ""}.items(t.Context(), credential, &options.ClientOptions, centralID(id))))
	credential.SetError(errors.New("no account"))
	signedOut := call{name: "retire", night: night{workspaceID: group + workspaces + "soc", choice: choice{file: "testdata/members.txt"}}}
	assert.Regexp(t, `^deleting [^\n]+: no account$`, signedOut.run(t.Context(), io.Discard, strings.NewReader(rules), credential, options))
	signedOut.name = "rules"
	assert.Regexp(t, `^/subscriptions/[^\n]+: no account$`, signedOut.run(t.Context(), io.Discard, nil, credential, options))
}

func testPublishContent(t *testing.T) {
	args, tenant, responses := "publish -automation-rules -workspace "+centralID(id), " "+subscription+"\n", testkit.Decode[map[string]json.RawMessage](t, testkit.ReadFile(t, "testdata/azure.json")) // by path
	server := fake.NewServer(&fake.ServerOptions{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if response := responses[r.URL.Path]; len(response) == 0 {
			w.WriteHeader(http.StatusNotFound)
		} else if strings.HasPrefix(string(response), `{"error"`) {
			w.WriteHeader(http.StatusConflict)
		}
		_, _ = w.Write(responses[r.URL.Path])
	})})
	soc, branch := workspace{group + workspaces + "soc", "tenant-1"}, workspace{strings.Replace(group, "01/", "02/", 1) + workspaces + "branch", "tenant-2"}
	server.Put(armsecops.WorkspaceManagerMemberID(named("old")), armsecops.WorkspaceManagerMember{Properties: armsecops.WorkspaceManagerMemberProperties{TargetWorkspaceResourceID: strings.ToUpper(branch.id) + "/", TargetWorkspaceTenantID: "tenant-1"}})
	runs, files := testkit.Decode[map[string][]struct { // files, of which the other flags keep their last ones, and nights
		Flag, Text, Mode, Path, Want string
		Response                     json.RawMessage
	}](t, testkit.ReadFile(t, "testdata/runs.json")), args+" -dry-run"
	for _, test := range runs["files"] {
		files += " -" + test.Flag + " " + writeFile(t, test.Flag, test.Text)
		assert.Contains(t, execute(t, server, files, ""), test.Want)
	}
	assert.Equal(t, 2, count(server.Requests(), "GET /subscriptions\n"), "no listing for a file")
	for _, run := range runs["nights"] {
		responses[run.Path] = run.Response
		enable(server, armsecops.WorkspaceManagerMode(run.Mode))
		assert.Contains(t, execute(t, server, args+run.Flag, ""), run.Want)
	}
	responses[central+"alertRules"], responses[central+"automationRules"], responses["/subscriptions"] = json.RawMessage("{}"), json.RawMessage(`{"value":[{"id":"/c","properties":{"displayName":"shared-c"}}]}`), nil // it reads the first two with -gone
	rules := soc.id + "/providers/Microsoft.SecurityInsights/alertRules/a\tshared-a A\n" + soc.id + "/providers/Microsoft.SecurityInsights/automationRules/c\tshared-c\n"
	assert.Regexp(t, "^"+rules+"(?i)"+branch.id+": (?s).*404", execute(t, server, "rules -workspace "+centralID(id), ""), "of the members")
	for _, file := range [][3]string{{soc.id + tenant, "", rules + "<nil>"}, {soc.id + tenant, " -gone", "\tshared-a A\n<nil>"}, {centralID(id) + "/", "", "central is the central workspace"}} {
		assert.Contains(t, execute(t, server, "rules -workspace "+centralID(id)+file[1]+" -workspaces "+writeFile(t, "members.txt", file[0]), ""), file[2])
	}
	assert.Equal(t, []int{4, 2}, []int{count(server.Requests(), http.MethodPut), count(server.Requests(), http.MethodPost)}, "a member, the tenant of the other, a group and its assignment; two jobs")
}

func testNightly(t *testing.T) {
	server, gone := fake.NewServer(&fake.ServerOptions{Strict: true}), central+"workspaceManagerMembers/gone\n"
	server.AddWorkspace(subscription, "rg", "central")
	factory := driver.NewFactory(t, &azfake.TokenCredential{}, driver.Options(server))
	enable(server, "Enabled")
	put := func(member, group, assignment, target string) { // which stay, since something of another name uses them
		server.Put(armsecops.WorkspaceManagerMemberID(named(member)), armsecops.WorkspaceManagerMember{})
		server.Put(armsecops.WorkspaceManagerGroupID(named(group)), armsecops.WorkspaceManagerGroup{Properties: armsecops.WorkspaceManagerGroupProperties{MemberResourceNames: []string{strings.ToUpper(member)}}})
		server.Put(named(assignment), armsecops.WorkspaceManagerAssignment{Properties: armsecops.WorkspaceManagerAssignmentProperties{TargetResourceName: target}})
	}
	put("m-a", "weekly", "nightly-08", "nightly-08")
	put("m-b", "nightly-70", "weekly-70", "NIGHTLY-70")
	put("m-c", "nightlier-9", "nightly-9", "weekly")
	server.Put(armsecops.JobID{SubscriptionID: subscription, ResourceGroupName: "rg", WorkspaceName: "central", WorkspaceManagerAssignmentName: "weekly-70", Name: "job"}, armsecops.Job{Properties: armsecops.JobProperties{ProvisioningState: "Failed", ErrorMessage: "No members."}})
	assert.Equal(t, "weekly-70: Failed, 0 of 0 items published by job job: \"No members.\"\n<nil>", execute(t, server, "status -name weekly -workspace "+centralID(id), ""))
	server.SetJobItems(named("nightly-2"), []armsecops.JobItem{{ResourceID: "/a0", Errors: []armsecops.JobItemError{{MemberResourceName: "soc", ErrorMessage: "Forbidden."}}}})
	all, items := make([]workspace, 2001), make([]string, 2001)
	for i := range items {
		all[i], items[i] = workspace{fmt.Sprint(group, i, workspaces, "soc"), subscription}, fmt.Sprint("/a", i)
	}
	slow := fake.Fault{StatusCode: http.StatusForbidden, Delay: 2 * groupTimeout, Match: func(r fake.Request) bool { return r.Method != http.MethodGet || path.Base(r.URL.Path) != "nightly-2" }}
	for _, run := range testkit.Decode[[]struct {
		Workspaces, Items, Hours int
		Slow, Requests, Want     string // an operation that fails in the end; PUT, POST and DELETE; in the report or the error
		About                    string
	}](t, testkit.ReadFile(t, "testdata/nightly.json")) {
		if slow.Operation = "WorkspaceManager" + run.Slow; run.Slow != "" {
			server.Inject(slow)
		}
		before, report := len(server.Requests()), new(strings.Builder)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(run.Hours)*time.Hour-1) // before the time of a group ends
		ids, err := nightly(ctx, report, factory, id, slices.Repeat(all[:run.Workspaces], 2), slices.Repeat(items[:run.Items], 2), false)
		text := fmt.Sprint(report.String(), errors.Join(err, prune(ctx, io.Discard, io.Discard, strings.NewReader(strings.Join(ids, "\n")), false, removal(factory))), execute(t, server, "status -workspace "+centralID(id), ""))
		cancel()
		assert.Contains(t, text, run.Want)
		requests := server.Requests()[before:]
		assert.Equal(t, run.Requests, fmt.Sprint(count(requests, http.MethodPut), count(requests, http.MethodPost), count(requests, http.MethodDelete)), "%v: %s", run, text)
	}
	p, _ := newPublisher(factory, subscription, io.Discard)
	for _, f := range []fake.Fault{{Operation: "WorkspaceManagerAssignmentsClient.NewListPager", StatusCode: 403}, {Operation: "WorkspaceManagerMembersClient.Delete", StatusCode: 404}, {Operation: "WorkspaceManagerMembersClient.Delete", StatusCode: 404, Body: "<html>"}} {
		server.Inject(f)
	}
	for _, test := range [][2]string{{"", "invalid resource ID"}, {strings.ToUpper(group + workspaces + "central/"), "is the central workspace"}, {group, "NewListPager: 403"}} {
		_, err := p.leftover(t.Context(), id, []workspace{{id: test[0]}}, items[:1])
		require.ErrorContains(t, err, test[1])
	}
	assert.Equal(t, gone+"<nil>"+gone+"<nil>"+strings.Repeat("nothing to delete: the input has no ids\n<nil>", 2), execute(t, server, "remove -dry-run", leftOver+gone)+execute(t, server, "remove", leftOver+gone)+execute(t, server, "remove", "\n")+execute(t, server, "retire -workspace "+group+workspaces+"soc", ""))
	assert.Contains(t, execute(t, server, "remove", gone), "a page of HTML", "by which it isn't gone")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	silent, _ := io.Pipe()
	require.ErrorIs(t, prune(ended, io.Discard, io.Discard, silent, true, nil), context.Canceled)
	require.NoError(t, silent.Close())
	server.AssertFaultsConsumed(t)
}

// Jobs take 45 minutes, and nights an hour, in which a group isn't reached (no), is waited for (WaitForJob), or is published (<nil>).
func testLongNights(t *testing.T) {
	server := fake.NewServer(&fake.ServerOptions{JobDuration: 45 * time.Minute})
	factory := driver.NewFactory(t, &azfake.TokenCredential{}, driver.Options(server))
	for night, want := range []string{"<<<<WWWWnn", "<<WWWWnn<<", "<<WWnn<<WW", "<<<<<<<<<<"} {
		log, got, groups := new(strings.Builder), "", make([]outcome, 10)
		p, _ := newPublisher(factory, subscription, log)
		for i := range groups {
			groups[i] = outcome{name: fmt.Sprintf("nightly-%d", i+1), members: []string{"soc"}, err: errors.New("no")}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+night/3*4)*time.Hour-1)
		assert.Equal(t, night < 3, errors.Is(p.publishGroups(ctx, id, groups, []string{"/a"}), context.DeadlineExceeded), night)
		cancel()
		for _, o := range groups {
			got += fmt.Sprint(o.err)[:1]
		}
		assert.Equal(t, []any{want, strings.Count(want, "n")}, []any{got, strings.Count(log.String(), ": no\n")})
		assert.Regexp(t, "(?s) by job .*: started job ", log, "the first outcome is written at once")
		time.Sleep(20 * time.Hour)
	}
}

// execute returns what a command writes, and its error.
func execute(t *testing.T, server *fake.Server, args, stdin string) string {
	var out strings.Builder
	c, err := parse(strings.Fields(args), &out)
	if err == nil {
		err = c.run(t.Context(), &out, strings.NewReader(stdin), &azfake.TokenCredential{}, driver.Options(server))
	}
	return out.String() + fmt.Sprint(err)
}

func writeFile(t *testing.T, name, text string) string {
	file := path.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func enable(server *fake.Server, mode armsecops.WorkspaceManagerMode) {
	server.Put(armsecops.WorkspaceManagerConfigurationID(named("central-"+string(mode))), armsecops.WorkspaceManagerConfiguration{Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: mode}})
}

func named(name string) armsecops.WorkspaceManagerAssignmentID {
	return armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: "rg", WorkspaceName: "central", Name: name}
}

func count(requests []fake.Request, prefix string) int { // the prefix is METHOD or METHOD PATH\n
	return len(slices.DeleteFunc(slices.Clone(requests), func(r fake.Request) bool { return !strings.HasPrefix(r.Method+" "+r.URL.Path+"\n", prefix) }))
}
