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
	credential, options, log, id := &azfake.TokenCredential{}, driver.Options(server), new(strings.Builder), named("nightly-1")
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
			assert.True(t, waits >= 0 && count(requests[:waits], http.MethodPost) == 0 && strings.Contains(log.String(), "nightly-1: waiting for job "+running.Name), run)
			same := func(item armsecops.JobItem, id string) bool { return strings.EqualFold(item.ResourceID, id) }
			assert.True(t, slices.EqualFunc(job.Properties.Items, distinct(strings.Fields(run.items)), same), run)
		}
	}
	server.Inject(fake.Fault{Operation: "WorkspaceManagerJobsClient.Delete", StatusCode: http.StatusNotFound, CarriedOut: true})
	const of, rules = "delete-jobs -workspace " + group + workspaces + "central -keep ", central + "automationRules/a\n" + central + "alertRules/a\n"
	ruleLines := strings.ReplaceAll(rules, "\n", "\tshared: a\n") // as the command rules writes them
	for _, c := range [][2]string{
		{"-h", "^usage.*help requested$"}, {"make", `^unknown command "make"\nusage`}, {"remove all", `^unexpected argument "all"\nusage`}, {"-cloud mars", "must be public, china or government\nusage"},
		{"publish", "^publish needs -workspace\nusage"}, {"remove -workspace x", "not defined: -workspace\nusage"}, {of + "-1", `invalid value "-1"`}, {of + "1 -name ..", "invalid"},
		{of + "0 -dry-run", `^(\S+/nightly-1/\S+\n){11}<nil>$`}, {of + "2 -name other", "^<nil>$"}, {of + "2 -cloud CHINA", `^(\S+\n){9}<nil>$`}, {of + "2", "^<nil>$"},
		{"retire -dry-run", "^" + rules + "<nil>$"}, {"retire", "^" + rules + "<nil>$"}, {"remove -dry-run", "^line 1: neither an assignment"},
	} {
		assert.Regexp(t, "(?s)"+c[1], execute(t, server, c[0], ruleLines), c[0])
	}
	for _, wrong := range []string{central + "workspaceManagerMembers/a", group + "/providers/Microsoft.SecurityInsights/alertRules/a"} {
		assert.Regexp(t, "^line 3: .*/a is neither an alert rule nor an automation rule of a workspace$", execute(t, server, "retire -dry-run", rules+wrong))
	}
	assert.Equal(t, []int{1, 1}, []int{count(server.Requests(), "DELETE "+central+"automationRules/a\n"), count(server.Requests(), "DELETE "+central+"alertRules/a\n")})
	p.dryRun = true
	require.NoError(t, p.wait(t.Context(), id))
	assert.Contains(t, log.String(), "\nwould wait for job ")
	var ages []time.Duration // of one that runs, and two of the run before it
	for job := range p.jobs.NewListPager("rg", "central", id.Name, nil).All(t.Context()) {
		ages = append(ages, time.Since(job.Properties.StartTime))
	}
	assert.ElementsMatch(t, []time.Duration{0, time.Minute, time.Minute}, ages)
	got, err := content{"shared-", true, ""}.items(t.Context(), credential, &options.ClientOptions, centralID(id))
	assert.Equal(t, []any{[]string{"a", "b", "a", "b", "d"}, nil}, []any{got, err})
}

func testPublishContent(t *testing.T) {
	responses := testkit.Decode[map[string]json.RawMessage](t, testkit.ReadFile(t, "testdata/azure.json")) // by path
	server := fake.NewServer(&fake.ServerOptions{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if response := responses[r.URL.Path]; len(response) == 0 {
			w.WriteHeader(http.StatusNotFound)
		} else if strings.HasPrefix(string(response), `{"error"`) {
			w.WriteHeader(http.StatusConflict)
		}
		_, _ = w.Write(responses[r.URL.Path])
	})})
	soc, branch := workspace{group + workspaces + "soc", "tenant-1"}, workspace{strings.Replace(group, "01/", "02/", 1) + workspaces + "branch", "tenant-2"}
	server.Put(armsecops.WorkspaceManagerMemberID(named("old")), armsecops.WorkspaceManagerMember{Properties: armsecops.WorkspaceManagerMemberProperties{TargetWorkspaceResourceID: strings.ToUpper(branch.id), TargetWorkspaceTenantID: "tenant-1"}})
	args, workbook, tenant := "publish -automation-rules -workspace "+centralID(id), group+"/providers/Microsoft.Insights/workbooks/w", " "+subscription+"\n"
	files, disabled := args+" -dry-run", centralID(id)+" has no configuration of the workspace manager: "
	for _, test := range []struct{ flag, text, want string }{ // the other flags keep their last files
		{"exclude", " \n", "/exclude: no ids"},
		{"exclude", group, `/exclude: line 1: "` + group + `" is not a workspace`},
		{"exclude", soc.id + "2", "/a\n/c\n" + soc.id + " tenant-1\n" + branch.id + " tenant-2\n" + disabled},
		{"exclude", strings.ToUpper(soc.id) + " tenant-1", "/c\n" + branch.id + " tenant-2\n" + disabled},
		{"workspaces", "\n" + soc.id + " tenant-1", `/workspaces: line 2: "` + soc.id + ` tenant-1" has no tenant id`},
		{"workspaces", soc.id + " x" + tenant, `" is not a workspace`},
		{"workspaces", soc.id + "2\t" + tenant + soc.id + tenant + "\r\n" + soc.id + "1 " + tenant, "/c\n" + soc.id + "2" + tenant + soc.id + "1" + tenant + disabled},
		{"items", "workbook", "/items: line 1: invalid resource ID: "},
		{"items", "\n" + workbook[1:] + " \r\n", "/a\n/c\n" + workbook + "\n" + soc.id + "2"},
	} {
		file := path.Join(t.TempDir(), test.flag)
		require.NoError(t, os.WriteFile(file, []byte(test.text), 0o600))
		files += " -" + test.flag + " " + file
		assert.Contains(t, execute(t, server, files, ""), test.want)
	}
	assert.Equal(t, 2, count(server.Requests(), "GET /subscriptions\n"), "no listing for a file")
	for _, run := range []struct{ flag, mode, path, response, want string }{
		{"", "", "", "", disabled},
		{"", "Disabled", "", "", `central is "Disabled", not enabled`},
		{" -dry-run", "ENABLED", "", "", "would write member old: " + branch.id + " tenant-2\nwould write group nightly-1: 2 members\nwould write assignment nightly-1: 2 items\nwould publish nightly-1 to 2 members\n<nil>"},
		{"", "ENABLED", "", "", "nightly-1: 2 items published to 2 members by job "},
		{"", "Enabled", "", "", "nightly-1: 2 items published to 2 members by job "},
		{" -dry-run", "Enabled", "", "", " tenant-2\nwould publish nightly-1 to 2 members\n<nil>"},
		{"", "Enabled", soc.id + "/providers/Microsoft.SecurityInsights/onboardingStates/default", `{"error":{}}`, "subscription " + subscription + ": "},
		{"", "Enabled", "/subscriptions/" + subscription + "/resources", "", "subscription " + subscription + ": "},
		{"", "Enabled", "/subscriptions", `{"value": [{}]}`, "has no id or tenant"},
		{"", "Enabled", "/subscriptions", "", "GET https://management.azure.com/subscriptions\n"},
		{"", "Enabled", central + "automationRules", "", "/automationRules\n"},
		{"", "Enabled", central + "alertRules", "", "/alertRules\n"},
	} {
		responses[run.path] = json.RawMessage(run.response)
		enable(server, armsecops.WorkspaceManagerMode(run.mode))
		assert.Contains(t, execute(t, server, args+run.flag, ""), run.want)
	}
	responses[central+"alertRules"], responses["/subscriptions"] = nil, nil // which it doesn't read
	rules := soc.id + "/providers/Microsoft.SecurityInsights/alertRules/a\tshared-a A\n" + soc.id + "/providers/Microsoft.SecurityInsights/automationRules/c\tshared-c\n"
	assert.Regexp(t, "^"+rules+"(?i)"+branch.id+": (?s).*404", execute(t, server, "rules -workspace "+centralID(id), ""), "of the members")
	for _, file := range [][2]string{{soc.id + tenant, rules + "<nil>"}, {centralID(id), "central is the central workspace"}} {
		name := path.Join(t.TempDir(), "members.txt")
		require.NoError(t, os.WriteFile(name, []byte(file[0]), 0o600))
		assert.Contains(t, execute(t, server, "rules -workspace "+centralID(id)+" -workspaces "+name, ""), file[1])
	}
	assert.Equal(t, []int{4, 2}, []int{count(server.Requests(), http.MethodPut), count(server.Requests(), http.MethodPost)}, "a member, the tenant of the other, a group and its assignment; two jobs")
}

func testNightly(t *testing.T) {
	server, credential := fake.NewServer(nil), &azfake.TokenCredential{}
	factory := driver.NewFactory(t, credential, driver.Options(server))
	enable(server, "Enabled")
	put := func(member, group, assignment, target string) { // which stay, since something of another name uses them
		server.Put(armsecops.WorkspaceManagerMemberID(named(member)), armsecops.WorkspaceManagerMember{})
		server.Put(armsecops.WorkspaceManagerGroupID(named(group)), armsecops.WorkspaceManagerGroup{Properties: armsecops.WorkspaceManagerGroupProperties{MemberResourceNames: []string{strings.ToUpper(member)}}})
		server.Put(named(assignment), armsecops.WorkspaceManagerAssignment{Properties: armsecops.WorkspaceManagerAssignmentProperties{TargetResourceName: target}})
	}
	put("m-a", "weekly", "nightly-08", "nightly-08")
	put("m-b", "nightly-70", "weekly-70", "NIGHTLY-70")
	put("m-c", "nightlier-9", "nightly-9", "weekly")
	server.SetJobItems(named("nightly-2"), []armsecops.JobItem{{ResourceID: "/a0", Errors: []armsecops.JobItemError{{MemberResourceName: "soc", ErrorMessage: "Forbidden."}}}})
	all, items := make([]workspace, 2001), make([]string, 2001)
	for i := range items {
		all[i], items[i] = workspace{fmt.Sprint(group, i, workspaces, "soc"), subscription}, fmt.Sprint("/a", i)
	}
	slow := fake.Fault{StatusCode: http.StatusForbidden, Delay: 2 * groupTimeout, Match: func(r fake.Request) bool { return r.Method != http.MethodGet || path.Base(r.URL.Path) != "nightly-2" }}
	for _, run := range []struct {
		workspaces, items, hours int
		slow, requests, want     string // an operation that fails in the end; PUT, POST and DELETE; in the report or the error
	}{
		{2, 667, 24, "GroupsClient.Get", "2 0 0", "1 of 1 groups and workspaces failed"}, // the members stay
		{2, 667, 24, "", "2 1 0", "nightly-1: 667 items published to 2 members by job "}, // a group and its assignment
		{3, 667, 24, "MembersClient.CreateOrUpdate", "1 1 0", "1 of 2 groups and workspaces failed"},
		{4, 667, 24, "", "4 2 0", "\t/a0 at member soc: \"Forbidden.\"\n"},                                                  // members, a group and its assignment
		{3, 666, 24, "", "2 1 3", "<nil>"},                                                                                  // without the second group, its assignment and the fourth member
		{3, 667, 24, "GroupsClient.Get", "2 1 0", "nightly-1: WorkspaceManagerGroupsClient.Get: context deadline exceeded"}, // and the second is published
		{1, 667, 1, "GroupsClient.Get", "0 0 0", "ended before all groups were published: context deadline exceeded"},
		{4, 667, 1, "MembersClient.CreateOrUpdate", "1 0 0", "/resourceGroups/rg3/"},
		{1, 667, 24, "GroupsClient.Delete", "2 1 4", "workspaceManagerGroups/nightly-2: "}, // and the members
		{1, 667, 24, "", "0 1 1", "<nil>"},                                                 // the group
		{2, 667, 24, "AssignmentsClient.NewListPager", "1 0 0", "nightly-1: not reached: nothing was published to soc-"},
		{1, 667, 24, "GroupsClient.NewListPager", "0 1 0", "GroupsClient.NewListPager: 403"},
		{8, 667, 24, "", "13 4 0", "1 of 4 groups and workspaces failed"},
		{1, 667, 24, "", "1 1 13", "left over: " + central + "workspaceManagerAssignments/nightly-2\n"},
		{1, 2001, 24, "", "0 0 0", "2001 items are more than 2000 publications, even for one member"},
		{0, 667, 24, "", "0 0 0", "nothing to publish"},
	} {
		if slow.Operation = "WorkspaceManager" + run.slow; run.slow != "" {
			server.Inject(slow)
		}
		before, report := len(server.Requests()), new(strings.Builder)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(run.hours)*time.Hour-1) // before the time of a group ends
		ids, err := nightly(ctx, report, factory, id, slices.Repeat(all[:run.workspaces], 2), slices.Repeat(items[:run.items], 2), false)
		text := fmt.Sprint(report.String(), errors.Join(err, prune(ctx, io.Discard, strings.NewReader(strings.Join(ids, "\n")), false, removal(factory))))
		cancel()
		assert.Contains(t, text, run.want)
		requests := server.Requests()[before:]
		assert.Equal(t, run.requests, fmt.Sprint(count(requests, http.MethodPut), count(requests, http.MethodPost), count(requests, http.MethodDelete)), "%v: %s", run, text)
	}
	p, _ := newPublisher(factory, subscription, io.Discard)
	server.Inject(fake.Fault{Operation: "WorkspaceManagerAssignmentsClient.NewListPager", StatusCode: http.StatusForbidden})
	for _, test := range [][2]string{{"", "invalid resource ID"}, {strings.ToUpper(group + workspaces + "central"), "is the central workspace"}, {group, "NewListPager: 403"}} {
		_, err := p.leftover(t.Context(), id, []workspace{{id: test[0]}}, items[:1])
		require.ErrorContains(t, err, test[1])
	}
	server.Inject(fake.Fault{Operation: "WorkspaceManagerMembersClient.Delete", StatusCode: http.StatusNotFound})
	gone := central + "workspaceManagerMembers/gone\n"
	assert.Equal(t, gone+"<nil>"+gone+"<nil>", execute(t, server, "remove -dry-run", leftOver+gone)+execute(t, server, "remove", leftOver+gone))
	assert.Contains(t, execute(t, server, "remove", gone+group), "line 2: neither an assignment, nor a group, nor a member: ")
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
		early := strings.Index(log.String(), " by job ") < strings.LastIndex(log.String(), ": started job ") // the first outcome
		assert.Equal(t, []any{want, true, strings.Count(want, "n")}, []any{got, early, strings.Count(log.String(), ": no\n")})
		time.Sleep(20 * time.Hour)
	}
}

// execute returns what a command writes, and its error.
func execute(t *testing.T, server *fake.Server, args, stdin string) string {
	t.Helper()
	var out strings.Builder
	c, err := parse(strings.Fields(args), &out)
	if err == nil {
		err = c.run(t.Context(), &out, strings.NewReader(stdin), &azfake.TokenCredential{}, driver.Options(server))
	}
	return out.String() + fmt.Sprint(err)
}

func enable(server *fake.Server, mode armsecops.WorkspaceManagerMode) {
	if mode != "" {
		server.Put(armsecops.WorkspaceManagerConfigurationID(named("default")), armsecops.WorkspaceManagerConfiguration{Properties: armsecops.WorkspaceManagerConfigurationProperties{Mode: mode}})
	}
}

func named(name string) armsecops.WorkspaceManagerAssignmentID {
	return armsecops.WorkspaceManagerAssignmentID{SubscriptionID: subscription, ResourceGroupName: "rg", WorkspaceName: "central", Name: name}
}

func count(requests []fake.Request, prefix string) int { // the prefix is METHOD or METHOD PATH\n
	return len(slices.DeleteFunc(slices.Clone(requests), func(r fake.Request) bool { return !strings.HasPrefix(r.Method+" "+r.URL.Path+"\n", prefix) }))
}
