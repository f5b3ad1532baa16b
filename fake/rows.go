package fake

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/wire"
)

// document is a resource of any type.
type document = armsecops.Resource[jsontext.Value]

// row is what the server knows of a type of resource.
type row struct {
	resource   *routes.Resource
	name       string                      // in errors, as in "an assignment"
	required   []string                    // names of required properties
	values     map[string][]string         // documented enumerations, by the path below properties, lists included
	ids        []string                    // properties that are resource ids, by their paths
	references map[string]*routes.Resource // properties with names of resources of the same workspace
	orderBy    []string                    // what $orderby may name; nil if the lists have neither $orderby nor $top
	etag       bool                        // resources of the type have etags
	systemData bool                        // and systemData
	update     []string                    // properties that a PATCH can change
	nulls      []string                    // properties that rows of Azure Resource Graph have as null if the resource lacks them

	// selects returns which resources a list has, or an error response.
	// nil means those below the last resource that the path of the list names.
	selects func(s *Server, r *request) (func(key string, res *storedResource) bool, *response)

	model reflect.Type
	parse func(text []byte) (document, error)       // reads a resource by its model
	stamp func(at time.Time, put, before *document) // sets the properties that the service sets
}

// rows has a row for each type of resource.
var rows = byResource(
	rowOf[armsecops.JobProperties](row{
		resource: routes.Jobs, name: "a job", etag: true, systemData: true,
		orderBy: []string{"name", "properties/startTime", "properties/endTime", "properties/provisioningState"},
	}, nil),
	rowOf[armsecops.AssignmentProperties](row{
		resource: routes.Assignments, name: "an assignment", etag: true, systemData: true,
	}, nil),
	rowOf(row{
		resource: routes.StandardAssignments, name: "a standard assignment", ids: []string{"assignedStandard.id"},
		values: map[string][]string{
			"effect":                          {"Audit", "Exempt", "Attest"},
			"exemptionData.exemptionCategory": {"waiver", "mitigated"},
			"attestationData.complianceState": {"unknown", "compliant", "nonCompliant"},
		},
	}, stampStandardAssignment),
	rowOf(row{
		resource: routes.SecurityStandards, name: "a security standard",
		values: map[string][]string{"cloudProviders": {"Azure", "AWS", "GCP"}},
	}, stampSecurityStandard),
	rowOf[armsecops.AssessmentMetadataProperties](row{
		resource: routes.AssessmentsMetadata, name: "the metadata of an assessment", selects: selectMetadata,
	}, nil),
	rowOf[armsecops.PolicyExemptionProperties](row{
		resource: routes.PolicyExemptions, name: "a policy exemption", systemData: true, selects: selectExemptions,
		required: []string{"policyAssignmentId", "exemptionCategory"}, ids: []string{"policyAssignmentId"},
		update: []string{"resourceSelectors", "assignmentScopeValidation"},
		nulls:  []string{"assignmentScopeValidation"},
		values: map[string][]string{
			"exemptionCategory":         {"Waiver", "Mitigated"},
			"assignmentScopeValidation": {"Default", "DoNotValidate"},
		},
	}, nil),
	rowOf[armsecops.WorkspaceManagerConfigurationProperties](row{
		resource: routes.Configurations, name: "a workspace manager configuration", etag: true, systemData: true,
		required: []string{"mode"}, orderBy: []string{"name", "properties/mode"},
		values: map[string][]string{"mode": {"Enabled", "Disabled"}},
	}, nil),
	rowOf[armsecops.WorkspaceManagerMemberProperties](row{
		resource: routes.Members, name: "a workspace manager member", etag: true, systemData: true,
		required: []string{"targetWorkspaceResourceId", "targetWorkspaceTenantId"}, ids: []string{"targetWorkspaceResourceId"},
		orderBy: []string{"name", "properties/targetWorkspaceResourceId", "properties/targetWorkspaceTenantId"},
	}, nil),
	rowOf[armsecops.WorkspaceManagerGroupProperties](row{
		resource: routes.Groups, name: "a workspace manager group", etag: true, systemData: true,
		required: []string{"displayName", "memberResourceNames"}, orderBy: []string{"name", "properties/displayName"},
		references: map[string]*routes.Resource{"memberResourceNames": routes.Members},
	}, nil),
	rowOf(row{
		resource: routes.ManagerAssignments, name: "a workspace manager assignment", etag: true, systemData: true,
		required: []string{"targetResourceName", "items"}, ids: []string{"items.resourceId"}, references: map[string]*routes.Resource{"targetResourceName": routes.Groups},
		orderBy: []string{"name", "properties/targetResourceName", "properties/lastJobEndTime", "properties/lastJobProvisioningState"},
	}, stampManagerAssignment),
)

func byResource(rows ...*row) map[*routes.Resource]*row {
	table := map[*routes.Resource]*row{}
	for _, row := range rows {
		table[row.resource] = row
	}
	return table
}

// rowOf completes a row for the properties of its model.
//   - stamp: sets what the service sets; before is zero for a resource that is created. nil if that is nothing
func rowOf[P any](r row, stamp func(at time.Time, put, before *P)) *row {
	r.model = reflect.TypeFor[armsecops.Resource[P]]()
	r.parse = func(text []byte) (doc document, err error) {
		var model armsecops.Resource[P]
		if err := wire.Unmarshal(text, &model); err != nil {
			return doc, err
		}
		return newDocument(model)
	}
	r.stamp = func(at time.Time, put, before *document) {
		if stamp == nil {
			return
		}
		properties, old := mustParse[P](put.Properties), mustParse[P](before.Properties)
		stamp(at, &properties, &old)
		put.Properties = mustEncode(properties)
	}
	return &r
}

// newDocument returns a copy of a resource that shares nothing with it.
func newDocument(model any) (doc document, err error) {
	text, err := encode(model)
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	return doc, err
}

// mustParse parses what the server has encoded.
func mustParse[T any](text jsontext.Value) (value T) {
	if len(text) == 0 {
		return value
	}
	if err := json.Unmarshal(text, &value); err != nil {
		panic(fmt.Sprintf("fake: a stored resource can't be read: %v", err))
	}
	return value
}

// mustEncode encodes what was decoded.
func mustEncode(value any) jsontext.Value {
	text, err := encode(value)
	if err != nil {
		panic("fake: the value can't be encoded as JSON: " + withAliases(err.Error()))
	}
	return text
}

var aliased = regexp.MustCompile(`armsecops\.Resource\[armsecops\.(\w+)Properties\]`)

// withAliases returns a message of package reflect or json, in which the types of
// package armsecops have the names by which users know them, such as armsecops.Job.
func withAliases(message string) string {
	return aliased.ReplaceAllString(strings.ReplaceAll(message, "github.com/armsecops/armsecops.", "armsecops."), "armsecops.$1")
}

func stampStandardAssignment(at time.Time, put, before *armsecops.StandardAssignmentProperties) {
	put.Metadata = updatedAt(at, before.Metadata)
	put.AttestationData.ComplianceDate = time.Time{}
	if put.AttestationData.ComplianceState != "" {
		put.AttestationData.ComplianceDate = at
	}
}

func stampSecurityStandard(at time.Time, put, before *armsecops.SecurityStandardProperties) {
	put.Metadata = updatedAt(at, before.Metadata)
	put.StandardType = cmp.Or(before.StandardType, armsecops.StandardTypeCustom)
}

// updatedAt returns the metadata of what is created or updated at a time.
//   - before: empty for what is created
func updatedAt(at time.Time, before armsecops.StandardMetadata) armsecops.StandardMetadata {
	after := before
	if after.CreatedOn.IsZero() {
		after.CreatedBy, after.CreatedOn = callerID, at
	}
	after.LastUpdatedBy, after.LastUpdatedOn = callerID, at
	return after
}

func stampManagerAssignment(_ time.Time, put, before *armsecops.WorkspaceManagerAssignmentProperties) {
	put.LastJobEndTime, put.LastJobProvisioningState = before.LastJobEndTime, before.LastJobProvisioningState
}

// selectMetadata selects the metadata of the tenant and, in a list of a
// subscription, of the subscription.
func selectMetadata(_ *Server, r *request) (func(string, *storedResource) bool, *response) {
	subscription := ""
	if r.route.OfSubscription() {
		subscription = key(r.values[0])
	}
	return func(k string, _ *storedResource) bool {
		in := routes.SubscriptionOf(k)
		return in == "" || in == subscription
	}, nil
}

// filterOfExemptions is the $filter of a list of policy exemptions.
var filterOfExemptions = regexp.MustCompile(`(?i)^\s*(?:(atScope|atExactScope|excludeExpired)\(\)|policyAssignmentId\s+eq\s+'((?:[^']|'')*)')\s*$`)

// selectExemptions selects the policy exemptions of a scope, of what is below it,
// and of what it inherits from. The server doesn't know which management groups are
// above a subscription: all of them are.
func selectExemptions(s *Server, r *request) (func(string, *storedResource) bool, *response) {
	filter, text := "", r.query.Get("$filter")
	parts := filterOfExemptions.FindStringSubmatch(text)
	switch {
	case parts != nil:
		filter = strings.ToLower(parts[1])
	case text != "":
		return nil, newErrorResponse(http.StatusBadRequest, "UnsupportedFilter", "The filter '"+text+
			"' is not supported. Supported filters are 'atScope()', 'atExactScope()', 'excludeExpired()', 'policyAssignmentId eq '{value}''.")
	}
	scope := r.listScope()
	above := map[string]bool{}
	for _, a := range routes.Ancestors(scope) {
		above[key(a.ID)] = true
	}
	inSubscription, now := routes.SubscriptionOf(scope) != "", s.now()
	return func(k string, res *storedResource) bool {
		ancestors := routes.Ancestors(k)
		of := ancestors[len(ancestors)-2].ID // what the exemption is of
		below := routes.IsBelow(of, scope)
		inherited := above[of] || inSubscription && routes.SubscriptionOf(of) == ""
		p := mustParse[armsecops.PolicyExemptionProperties](res.Properties)
		switch {
		case filter == "atexactscope":
			return of == scope
		case filter == "atscope":
			return inherited
		case filter == "excludeexpired" && !p.ExpiresOn.IsZero() && !p.ExpiresOn.After(now):
			return false
		case parts != nil && filter == "" && !strings.EqualFold(p.PolicyAssignmentID, strings.ReplaceAll(parts[2], "''", "'")):
			return false
		}
		return below || inherited
	}, nil
}
