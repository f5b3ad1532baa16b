package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/examples/internal/terminal"
)

// same returns the exemption unchanged.
func same(e armsecops.Exemption) armsecops.Exemption { return e }

func fromPolicyExemption(r armsecops.PolicyExemption) armsecops.Exemption {
	id, _ := armsecops.ParsePolicyExemptionID(r.ID) // no scope if the service's id is no such id
	p := r.Properties
	return complete(r, armsecops.Exemption{
		Kind: armsecops.ExemptionKindPolicyExemption, Scope: id.Scope, DisplayName: p.DisplayName, Description: p.Description,
		Category: p.ExemptionCategory, ExpiresOn: p.ExpiresOn,
		PolicyAssignmentID: p.PolicyAssignmentID, PolicyDefinitionReferenceIDs: p.PolicyDefinitionReferenceIDs, ResourceSelectors: p.ResourceSelectors,
	})
}

func fromStandardAssignment(r armsecops.StandardAssignment) armsecops.Exemption {
	id, _ := armsecops.ParseStandardAssignmentID(r.ID)
	p := r.Properties
	e := armsecops.Exemption{
		Kind: armsecops.ExemptionKindStandardAssignment, Scope: id.Scope, DisplayName: p.DisplayName, Description: p.Description,
		Category: p.ExemptionData.ExemptionCategory, ExpiresOn: p.ExpiresOn,
		StandardID: p.AssignedStandard.ID, CreatedBy: p.Metadata.CreatedBy, CreatedOn: p.Metadata.CreatedOn,
		LastModifiedBy: p.Metadata.LastUpdatedBy, LastModifiedOn: p.Metadata.LastUpdatedOn,
		SubAssessmentExemptionRule: p.ExemptionData.SubAssessmentExemptionRule,
	}
	if key := cmp.Or(p.ExemptionData.Key(), p.AttestationData.AssignedAssessment.AssessmentKey); key != "" {
		e.AssessmentKeys = []string{key}
	}
	return complete(r, e)
}

func fromAssignment(r armsecops.Assignment) armsecops.Exemption {
	p := r.Properties
	e := armsecops.Exemption{
		Kind: armsecops.ExemptionKindAssignment, Scope: p.Scope, DisplayName: p.DisplayName, Description: p.Description,
		Category: p.AdditionalData.ExemptionCategory, ExpiresOn: p.ExpiresOn, StandardID: p.AssignedStandard.ID,
	}
	if key := p.AssignedComponent.Key; key != "" {
		e.AssessmentKeys = []string{key}
	}
	return complete(r, e)
}

// complete returns the exemption with what all kinds of resources have.
func complete[P any](r armsecops.Resource[P], e armsecops.Exemption) armsecops.Exemption {
	e.ID, e.Name, e.SubscriptionID, e.ResourceGroupName = r.ID, r.Name, r.SubscriptionID(), r.ResourceGroupName()
	if d := r.SystemData; d.CreatedBy != "" {
		e.CreatedBy, e.CreatedOn = d.CreatedBy, d.CreatedAt
	}
	if d := r.SystemData; d.LastModifiedBy != "" {
		e.LastModifiedBy, e.LastModifiedOn = d.LastModifiedBy, d.LastModifiedAt
	}
	for _, known := range armsecops.PossibleExemptionCategoryValues() {
		if known.Is(e.Category) {
			e.Category = known
		}
	}
	var members struct{ Properties json.RawMessage }
	text, _ := json.Marshal(r) // what was read can be written; only the resource has the JSON methods
	_ = json.Unmarshal(text, &members)
	e.Properties = members.Properties
	return e
}

// row is an exemption as it is printed.
type row struct {
	armsecops.Exemption
	From string `json:"from,omitzero"` // recommendations or policies, by their names where they are known
}

// name returns the exemptions with the names of what they exempt from. An error is
// why some recommendations are without.
func (q query) name(ctx context.Context, found []armsecops.Exemption, progress *terminal.Output) ([]row, error) {
	var names map[string]string
	var err error
	if q.format != "ids" {
		names, err = q.recommendations(ctx, found, progress)
	}
	rows := make([]row, len(found))
	for i, e := range found {
		rows[i] = row{e, from(e, names)}
	}
	return rows, err
}

// from returns what is exempted from: the policies, or else their assignment, the
// recommendations, or else the standard.
//   - names: of recommendations, by key in lower case
func from(e armsecops.Exemption, names map[string]string) string {
	var all []string
	for _, key := range e.AssessmentKeys {
		if isZero(key) {
			all = append(all, "several recommendations")
		} else {
			all = append(all, cmp.Or(names[strings.ToLower(key)], key))
		}
	}
	if findings(e) != nil {
		all = append(all, "some findings only")
	}
	all = append(all, e.PolicyDefinitionReferenceIDs...)
	text := cmp.Or(strings.Join(all, ", "), lastSegment(e.PolicyAssignmentID), lastSegment(e.StandardID))
	if len(e.ResourceSelectors) > 0 {
		text += ", some resources only"
	}
	return text
}

// findings returns the rule that says which findings are exempt, such as those of a
// CVE; nil for all.
func findings(e armsecops.Exemption) json.RawMessage {
	rule := e.SubAssessmentExemptionRule.If
	if rule.AllOf == nil && rule.AnyOf == nil && rule.Field == "" {
		return nil
	}
	text, _ := jsonv2.Marshal(rule) // which was JSON; on Go 1.26, encoding/json writes AdditionalProperties of parts
	return text
}

// isZero reports whether a key stands for several that a row doesn't name.
func isZero(key string) bool { return strings.Trim(key, "0-") == "" }

// recommendations returns the display names of the exemptions' recommendations, by
// key in lower case: those that all tenants have, and the subscriptions' own.
func (q query) recommendations(ctx context.Context, found []armsecops.Exemption, progress *terminal.Output) (map[string]string, error) {
	names := map[string]string{}
	var keys []armsecops.AssessmentMetadataID
	for _, e := range found {
		for _, key := range e.AssessmentKeys {
			if !isZero(key) {
				keys = append(keys, armsecops.AssessmentMetadataID{SubscriptionID: e.SubscriptionID, Name: strings.ToLower(key)})
			}
		}
	}
	if len(keys) == 0 {
		return names, nil
	}
	progress.Status("names of recommendations")
	client := q.factory.NewAssessmentsMetadataClient()
	for metadata, err := range client.NewListPager(nil).All(ctx) {
		if err != nil {
			return names, err
		}
		names[strings.ToLower(metadata.Name)] = metadata.Properties.DisplayName
	}
	own := map[string]armsecops.AssessmentMetadataID{}
	var ids []string
	for _, id := range keys {
		if _, known := names[id.Name]; !known && id.SubscriptionID != "" && own[id.Name].Name == "" {
			own[id.Name] = id
			ids = append(ids, id.Name)
		}
	}
	var failure error
	for key, result := range each(ctx, ids, func(ctx context.Context, key string) (string, error) {
		got, err := client.GetInSubscription(ctx, own[key].SubscriptionID, key, nil)
		return got.Properties.DisplayName, err
	}) {
		names[key] = result.value
		if !errors.Is(result.err, armsecops.ErrNotFound) {
			failure = cmp.Or(failure, result.err)
		}
	}
	return names, failure
}

// lastSegment returns the last name in a resource id.
func lastSegment(id string) string { return id[strings.LastIndex(id, "/")+1:] }

// scopeName returns the names in a scope's resource id, without its types: the
// subscription/lab/build-04 of /subscriptions/subscription/resourceGroups/lab/providers/Microsoft.Compute/virtualMachines/build-04.
func scopeName(id string) string {
	var names []string
	for pair := range slices.Chunk(strings.Split(strings.Trim(id, "/"), "/"), 2) {
		if !strings.EqualFold(pair[0], "providers") { // which a namespace follows
			names = append(names, pair[len(pair)-1])
		}
	}
	return strings.Join(names, "/")
}
