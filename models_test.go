package armsecops_test

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/testkit"
)

// What a document may hold that JSON leaves open. Metadata is any JSON, and every
// digit of it is kept. An explicit {}, "" or null of a known member turns into its
// absence, which means the same to the services; it stays in Metadata and in unknown
// members. A time is read in every form that services send.
func TestUnusualJSONIsKeptOrRefused(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return `{"unknown":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	metadata := func(text string) string { return `{"properties":{"metadata":` + text + `}}` }
	expires := func(text string) string { return `{"properties":{"expiresOn":` + text + `}}` }
	tests := map[string]struct {
		text string
		want string // empty: as it was
		err  string // empty for a success
	}{
		"numbers in metadata":             {text: metadata(`{"a":9007199254740993,"b":12345678901234567890,"c":{"d":[1.10,-0,1e400]}}`)},
		"metadata, an array":              {text: metadata(`[1,{"a":null}]`)},
		"metadata, a string":              {text: metadata(`"text"`)},
		"metadata, null":                  {text: metadata(`null`)},
		"empty objects":                   {`{"properties":{},"systemData":{}}`, `{}`, ""},
		"empty text, nulls":               {`{"name":"","tags":null,"properties":null}`, `{}`, ""},
		"empty properties":                {`{"properties":{"expiresOn":"","additionalData":{}}}`, `{}`, ""},
		"a time that is zero":             {`{"properties":{"expiresOn":"0001-01-01T00:00:00Z"}}`, `{}`, ""},
		"empty tags":                      {text: `{"tags":{},"properties":{"metadata":null}}`},
		"empty unknown members":           {text: `{"properties":{"metadata":{},"more":{}},"unknown":null}`},
		"empty metadata":                  {text: `{"properties":{"assignedStandard":{"a":0},"metadata":""}}`},
		"order of the members":            {`{"unknown":1,"name":"a"}`, `{"name":"a","unknown":1}`, ""},
		"half a surrogate pair":           {`{"name":"\ud800"}`, `{"name":"` + "\ufffd" + `"}`, ""},
		"duplicate name far below":        {text: metadata(`[{"x":1,"x":2}]`), err: `within "/properties/metadata/0"`},
		"name with an escape":             {`{"n\u0061me":"a"}`, `{"name":"a"}`, ""},
		"space around the colons":         {"{ \"name\" :\t\"a\" , \"other\"\n: 1 }", `{"name":"a","other":1}`, ""},
		"huge number":                     {text: `{"unknown":1` + strings.Repeat("0", 5000) + `}`},
		"10,000 deep":                     {text: deep(9_999)},
		"10,001 deep":                     {text: deep(10_001), err: "depth"},
		"time with a space, in a zone":    {expires(`"2022-06-14 06:52:52+02:00"`), expires(`"2022-06-14T06:52:52+02:00"`), ""},
		"time with an escaped plus":       {expires(`"2022-06-14T06:52:52\u002B02:00"`), expires(`"2022-06-14T06:52:52+02:00"`), ""},
		"time that is zero, without zone": {expires(`"0001-01-01T00:00:00"`), `{}`, ""},
		"time in words":                   {text: expires(`"yesterday"`), err: `/properties/expiresOn: "yesterday" is not a time`},
		"time that is long":               {text: expires(`"` + strings.Repeat("a", 99) + `"`), err: `"` + strings.Repeat("a", 64) + `" is not a time`},
	}
	for name, test := range tests {
		for packageName, p := range testkit.JSONPackages {
			name := packageName + ": " + name
			var a armsecops.Assignment
			err := p.Unmarshal([]byte(test.text), &a)
			if test.err != "" {
				assert.ErrorContains(t, err, test.err, name)
				continue
			}
			require.NoError(t, err, name)
			assert.NotContains(t, a.AdditionalProperties, "name", "which is known")
			assert.NotContains(t, a.Properties.AdditionalProperties, "metadata", "which is known")
			data, err := p.Marshal(a)
			require.NoError(t, err, name)
			assert.Equal(t, cmp.Or(test.want, test.text), string(data), name)
		}
	}
}

// wholeAssignment has every member, and unknown ones at every depth.
var wholeAssignment = testkit.Whole(reflect.TypeFor[armsecops.Assignment]())

// As package json does, a page keeps the members that the document lacks, and those that were read before an error.
func TestPageKeepsItsOtherMembers(t *testing.T) {
	t.Parallel()
	for name, p := range testkit.JSONPackages {
		page := armsecops.AssignmentList{NextLink: "?a"}
		require.NoError(t, p.Unmarshal([]byte(`{"value":[{"name":"n"}]}`), &page), name)
		require.Equal(t, armsecops.AssignmentList{NextLink: "?a", Value: []armsecops.Assignment{{Name: "n"}}}, page, name)
		require.Error(t, p.Unmarshal([]byte(`{"nextLink":"?b","value":5}`), &page), name)
		assert.Equal(t, armsecops.AssignmentList{NextLink: "?b", Value: []armsecops.Assignment{{Name: "n"}}}, page, name)
	}
}

// A page is what a JSON package makes of its document, and All yields its items.
func TestPagesAreWhatTheirDocumentsSay(t *testing.T) {
	t.Parallel()
	documents := []string{
		`{"properties":{"metadata":{}}}`, `{"properties":{"metadata":null}}`, `{"properties":{"metadata":{"a":{"b":[1,{}]}}}}`,
		wholeAssignment, `{}`, `{"name":"a","other":[{}]}`,
	}
	for _, items := range []int{0, 1, 3, 4, 5, 8, 9, 100, 255, 256, 257, 600} {
		body := `{"value":[` + strings.Join(slices.Repeat(documents, 100)[:items], ",") + `],"count":1}`
		want := testkit.Decode[armsecops.AssignmentList](t, body)
		require.Len(t, want.Value, items)
		assert.Equal(t, json.RawMessage("1"), want.AdditionalProperties["count"])
		page := testkit.Must(pagerOf(t, body).NextPage(t.Context()))
		require.Equal(t, want, page)
		all := []armsecops.Assignment{}
		for assignment, err := range pagerOf(t, body).All(t.Context()) {
			require.NoError(t, err)
			all = append(all, assignment)
		}
		require.Equal(t, want.Value, all)
	}
}

// The slice of a page is made for all of its elements, and is no larger than the
// text if they are not what the first one makes expect. The allocator rounds up by
// less than a fifth.
func TestPageIsMadeInOnePiece(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 100*int(reflect.TypeFor[armsecops.Assignment]().Size()))
	for name, test := range map[string]struct {
		body string
		room int
	}{
		"alike":           {`{"value":[` + strings.Repeat(wholeAssignment+",", 999) + wholeAssignment + `]}`, 1000},
		"after a link":    {`{"nextLink":"","value":[` + strings.Repeat(wholeAssignment+",", 99) + wholeAssignment + `]}`, 100},
		"a short one":     {`{"value":[{},{"name":"` + long + `"}]}`, 102},
		"a long one":      {`{"value":[{"name":"` + long + `"},{}]}`, 2},
		"a member beside": {`{"value":[{}],"other":"` + long + `"}`, 102},
		"none":            {`{"value":[],"other":"` + long + `"}`, 0},
	} {
		page, err := pagerOf(t, test.body).NextPage(t.Context())
		require.NoError(t, err, name)
		assert.LessOrEqual(t, cap(page.Value), test.room*6/5, name)
	}
}

func TestSummaryCountsItems(t *testing.T) {
	t.Parallel()
	p := armsecops.JobProperties{Items: []armsecops.JobItem{
		{Status: "Succeeded"}, {Status: "succeeded"}, {Status: "FAILED"}, {Status: "InProgress"}, {Status: "Skipped"}, {},
	}}
	assert.Equal(t, armsecops.JobSummary{Total: 6, Succeeded: 2, Failed: 1, InProgress: 1}, p.Summary())
	assert.Zero(t, armsecops.JobProperties{}.Summary())
}

func TestFailuresNameItemsAndMembers(t *testing.T) {
	t.Parallel()
	p := armsecops.JobProperties{Items: []armsecops.JobItem{
		{ResourceID: "/a", Status: armsecops.JobItemStatusSucceeded},
		{ResourceID: "/b", Status: armsecops.JobItemStatusFailed, Errors: []armsecops.JobItemError{
			{MemberResourceName: "m1", ErrorMessage: "x"}, {MemberResourceName: "m2", ErrorMessage: "y"},
		}},
		{ResourceID: "/c", Status: "failed"},
	}}
	got := slices.Collect(p.Failures())
	assert.Equal(t, []armsecops.JobFailure{{"/b", "m1", "x"}, {"/b", "m2", "y"}, {ResourceID: "/c"}}, got)
	text := testkit.Must(json.Marshal(got[0]))
	assert.Equal(t, `{"resourceId":"/b","memberResourceName":"m1","errorMessage":"x"}`, string(text))
	for range p.Failures() {
		break
	}
}

func TestExpiresBeforeIsFalseForNever(t *testing.T) {
	t.Parallel()
	noon, east := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), time.FixedZone("east", 3600)
	for name, test := range map[string]struct {
		expiresOn, before time.Time
		want              bool
	}{
		"never":                {time.Time{}, noon, false},
		"never, in a zone":     {time.Time{}.In(east), noon, false},
		"earlier":              {noon.Add(-1), noon, true},
		"then":                 {noon, noon, false},
		"then, in a zone":      {noon.In(east), noon, false},
		"later":                {noon.Add(1), noon, false},
		"nothing is before it": {noon, time.Time{}, false},
	} {
		assert.Equal(t, test.want, armsecops.AssignmentProperties{ExpiresOn: test.expiresOn}.ExpiresBefore(test.before), name)
		assert.Equal(t, test.want, armsecops.StandardAssignmentProperties{ExpiresOn: test.expiresOn}.ExpiresBefore(test.before), name)
		assert.Equal(t, test.want, armsecops.Exemption{ExpiresOn: test.expiresOn}.ExpiresBefore(test.before), name)
	}
}

// A template is what a put under another name takes, from a Get or from a row of Azure Resource Graph.
func TestTemplate(t *testing.T) {
	t.Parallel()
	a := testkit.Decode[armsecops.Assignment](t, `{"id":"i","name":"n","type":"t","etag":"e","systemData":{"createdBy":"c"},"kind":"k","location":"l",
		"tags":{"a":"b"},"properties":{"effect":"Exempt","more":1},"tenantId":"t","resourceGroup":"g","subscriptionId":"s","other":1}`)
	text := testkit.Must(json.Marshal(a.Template()))
	assert.JSONEq(t, `{"kind":"k","location":"l","tags":{"a":"b"},"properties":{"effect":"Exempt","more":1},"other":1}`, string(text))
	assert.Contains(t, a.AdditionalProperties, "tenantId", "the resource itself is unchanged")
}

// Letters of other scripts that fold to ASCII aren't the letters of a constant.
func TestIsIgnoresTheCaseOfASCIIOnly(t *testing.T) {
	t.Parallel()
	assert.True(t, armsecops.ProvisioningState("sUCCEEDED").Terminal())
	assert.False(t, armsecops.ProvisioningState("ſucceeded").Terminal())
	assert.True(t, armsecops.EffectDisable.Is("dISABLE"))
	assert.False(t, armsecops.EffectDisable.Is("diſable"))
	assert.False(t, armsecops.Effect("ſs").Is("sſ"))
	assert.False(t, armsecops.HasCode(&armsecops.CloudError{ServiceError: armsecops.ServiceError{Code: "Kind"}}, "\u212aind"))
}
