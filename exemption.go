package armsecops

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops/internal/printable"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/wire"
)

// Exemption is an exemption of any of the three places. [ExemptionsClient.CreateOrUpdate]
// creates one. A struct can embed it, such as to write more of it as JSON: use
// github.com/go-json-experiment/json, or encoding/json on Go 1.27, for members of its parts
// that this version doesn't know.
type Exemption struct {
	// Kind is the place: the type of the resource, in the casing of the constants.
	Kind ExemptionKind `json:"kind,omitzero"`
	// ID is the resource id, which the Parse function of the kind reads. Azure Resource
	// Graph has it in any casing; one of the documented samples has that of a standard.
	ID string `json:"id,omitzero"`
	// Name is the name of the exemption.
	Name string `json:"name,omitzero"`
	// DisplayName is the name to show; of Azure Policy, at most 128 characters, which only the
	// service checks.
	DisplayName string `json:"displayName,omitzero"`
	// Description says what the exemption is for; of Azure Policy, in at most 512 characters,
	// which only the service checks.
	Description string `json:"description,omitzero"`
	// Scope is the resource id of what is exempt, with its first slash: a management
	// group, subscription, resource group or resource. It is empty for an assignment
	// of 2021 that doesn't say.
	Scope string `json:"scope,omitzero"`
	// SubscriptionID is the subscription of the exemption; empty for one of a management group.
	SubscriptionID string `json:"subscriptionId,omitzero"`
	// ResourceGroupName is the resource group of the exemption; empty above resource groups.
	ResourceGroupName string `json:"resourceGroupName,omitzero"`
	// Category is why the exemption was granted: a constant if it is known. Another one is
	// sent, and the service decides.
	Category ExemptionCategory `json:"category,omitzero"`
	// ExpiresOn is when the exemption ends. The zero time means never, which a new one takes
	// with AllowEndless only; see ExpiresBefore.
	ExpiresOn time.Time `json:"expiresOn,omitzero"`
	// AssessmentKeys are the keys of the recommendations, of Defender only; empty for all
	// of the standard. The service has a key of zeros alone for several recommendations, which
	// it doesn't name.
	AssessmentKeys []string `json:"assessmentKeys,omitzero"`
	// SubAssessmentExemptionRule says which findings of them are exempt; all without If.
	SubAssessmentExemptionRule SubAssessmentExemptionRule `json:"subAssessmentExemptionRule,omitzero"`
	// StandardID is the resource id of the security standard, of Defender only: of one that
	// [SecurityStandardsClient.NewListPager] lists with the key of the recommendation.
	StandardID string `json:"standardId,omitzero"`
	// PolicyAssignmentID is the resource id of the policy assignment, of Azure Policy only.
	PolicyAssignmentID string `json:"policyAssignmentId,omitzero"`
	// PolicyDefinitionReferenceIDs are the policies of the assignment's policy set, of
	// Azure Policy only; empty for all of the assignment. Those of a recommendation have its
	// PolicyDefinitionID in the policy set, which armpolicy reads.
	PolicyDefinitionReferenceIDs []string `json:"policyDefinitionReferenceIds,omitzero"`
	// ResourceSelectors limit what is exempt in the scope, of Azure Policy only; empty for all.
	ResourceSelectors []PolicyResourceSelector `json:"resourceSelectors,omitzero"`
	// Metadata is any JSON object, of Azure Policy only, as its author wrote it: who requested
	// and approved the exemption, and by which ticket, for example.
	Metadata json.RawMessage `json:"metadata,omitzero"`
	// CreatedBy is who created the exemption, where the service says so. A row of Azure
	// Resource Graph may lack it where Get and ListAcrossSubscriptions have it, except of
	// standard assignments. It is never taken from Metadata.
	CreatedBy string `json:"createdBy,omitzero"`
	// CreatedOn is when the exemption was created, where the service says so.
	CreatedOn time.Time `json:"createdOn,omitzero"`
	// LastModifiedBy is who created or changed the exemption last, where the service says so.
	LastModifiedBy string `json:"lastModifiedBy,omitzero"`
	// LastModifiedOn is when the exemption was changed last, where the service says so.
	LastModifiedOn time.Time `json:"lastModifiedOn,omitzero"`
	// Properties are those of the row if it is of NewListPager, and else of the resource: of
	// [PolicyExemptionProperties], [StandardAssignmentProperties] or [AssignmentProperties], which
	// github.com/go-json-experiment/json reads.
	Properties json.RawMessage `json:"properties,omitzero"`
}

// ExpiresBefore reports whether the exemption ends before a time. It is false for
// one that never ends, whose ExpiresOn is the zero time.
func (e Exemption) ExpiresBefore(t time.Time) bool { return expiresBefore(e.ExpiresOn, t) }

// ExemptsSame reports whether two exemptions are from the same, whatever their scopes, ends and
// texts: from the same policies of one assignment for the same resources, or from the same
// recommendations and findings by one standard. Ids and keys are compared ignoring case, in
// any order.
func (e Exemption) ExemptsSame(other Exemption) bool {
	same := func(a, b []string) bool { return slices.EqualFunc(distinct(a), distinct(b), strings.EqualFold) }
	return e.Kind.Is(other.Kind) && strings.EqualFold(e.PolicyAssignmentID, other.PolicyAssignmentID) && strings.EqualFold(e.StandardID, other.StandardID) &&
		same(e.PolicyDefinitionReferenceIDs, other.PolicyDefinitionReferenceIDs) && same(e.AssessmentKeys, other.AssessmentKeys) &&
		(len(e.ResourceSelectors)+len(other.ResourceSelectors) == 0 || reflect.DeepEqual(e.ResourceSelectors, other.ResourceSelectors)) &&
		reflect.DeepEqual(e.SubAssessmentExemptionRule, other.SubAssessmentExemptionRule)
}

// LogValue implements [slog.LogValuer]: one group with kind, id, scope, category and, unless
// the exemption never ends, expiresOn.
func (e Exemption) LogValue() slog.Value {
	attributes := []slog.Attr{slog.String("kind", string(e.Kind)), slog.String("id", e.ID), slog.String("scope", e.Scope), slog.String("category", string(e.Category))}
	if !e.ExpiresOn.IsZero() {
		attributes = append(attributes, slog.Time("expiresOn", e.ExpiresOn))
	}
	return slog.GroupValue(attributes...)
}

const policyAssignments = "Microsoft.Authorization/policyAssignments"

// check returns the rule that an exemption breaks which is to be created; nil for none.
func (e *Exemption) check(options *ExemptionsClientCreateOrUpdateOptions) error {
	policy, standard := e.Kind.Is(ExemptionKindPolicyExemption), e.Kind.Is(ExemptionKindStandardAssignment)
	if !policy && !standard {
		return invalid("Kind", string(e.Kind), fmt.Sprintf("must be %q or %q: SecurityAssignmentsClient creates assignments of 2021", ExemptionKindPolicyExemption, ExemptionKindStandardAssignment))
	}
	for _, field := range []struct {
		name     string
		set      bool
		ofPolicy bool
	}{
		{"PolicyAssignmentID", e.PolicyAssignmentID != "", true},
		{"PolicyDefinitionReferenceIDs", len(e.PolicyDefinitionReferenceIDs) > 0, true},
		{"ResourceSelectors", len(e.ResourceSelectors) > 0, true},
		{"Metadata", len(e.Metadata) > 0, true},
		{"AssessmentKeys", len(e.AssessmentKeys) > 0, false},
		{"StandardID", e.StandardID != "", false},
		{"SubAssessmentExemptionRule", !reflect.ValueOf(e.SubAssessmentExemptionRule).IsZero(), false},
	} {
		if field.set && field.ofPolicy != policy {
			return &ParameterError{Name: field.name, Reason: "must not be set for the kind " + string(e.Kind)}
		}
	}
	keys := e.AssessmentKeys
	noAssignment := routes.CheckID(e.PolicyAssignmentID, policyAssignments)
	noStandard := routes.CheckID(e.StandardID, routes.SecurityStandards.Type, "Microsoft.Security/standards") // as in samples
	switch {
	case policy && noAssignment != "":
		return invalid("PolicyAssignmentID", e.PolicyAssignmentID, noAssignment)
	case e.StandardID != "" && noStandard != "":
		return invalid("StandardID", e.StandardID, noStandard)
	case policy && e.Category == "":
		return invalid("Category", "", "must not be empty")
	case policy && len(e.PolicyDefinitionReferenceIDs) == 0 && !options.AllowWhole:
		return invalid("PolicyDefinitionReferenceIDs", "", "must not be empty without AllowWhole: it would be from every policy of the assignment")
	case slices.ContainsFunc(e.PolicyDefinitionReferenceIDs, func(id string) bool { return strings.TrimSpace(id) == "" || strings.Contains(id, "/") }):
		return invalid("PolicyDefinitionReferenceIDs", strings.Join(e.PolicyDefinitionReferenceIDs, ", "), "must be ids that the initiative has for its policies, neither empty nor resource ids")
	case standard && len(keys) == 0 && !options.AllowWhole:
		return invalid("AssessmentKeys", "", "must not be empty without AllowWhole: it would be from the whole standard")
	case standard && len(keys) == 0 && e.StandardID == "", len(keys) > 1, slices.ContainsFunc(keys, isNoKey):
		return invalid("AssessmentKeys", strings.Join(keys, ", "), "must be the key of one recommendation, a UUID, or none with a StandardID and AllowWhole")
	case standard && e.StandardID == "" && reflect.ValueOf(e.SubAssessmentExemptionRule).IsZero():
		return invalid("StandardID", "", "must not be empty without a SubAssessmentExemptionRule")
	case standard && e.Category == "":
		return invalid("Category", "", "must not be empty")
	case e.ExpiresOn.IsZero() && !options.AllowEndless:
		return &ParameterError{Name: "ExpiresOn", Reason: "must not be the zero time without AllowEndless: it would never end"}
	}
	return checkTime("ExpiresOn", e.ExpiresOn)
}

// checkScope refuses a policy assignment in a subscription that isn't at the scope or above it.
// Which management groups are above isn't in an id.
func (e *Exemption) checkScope(scope string) error {
	assigned := routes.ScopeOf(e.PolicyAssignmentID)
	if routes.SubscriptionOf(assigned) == "" || routes.IsBelow(scope+"/", assigned) {
		return nil
	}
	return invalid("PolicyAssignmentID", e.PolicyAssignmentID, "must be at the scope of the exemption, or above it")
}

// isNoKey reports whether a key is none of one recommendation.
func isNoKey(key string) bool { return isZeros(key) || routes.CheckAssessmentKey(key) != "" }

// put returns the call that puts the exemption; of a kind that check refuses, as a policy exemption.
func (e *Exemption) put(scope, name string) call {
	if !e.Kind.Is(ExemptionKindStandardAssignment) {
		return putPolicyExemption(scope, name, PolicyExemption{Properties: PolicyExemptionProperties{
			DisplayName: e.DisplayName, Description: e.Description, ExemptionCategory: e.Category, ExpiresOn: e.ExpiresOn,
			PolicyAssignmentID: e.PolicyAssignmentID, PolicyDefinitionReferenceIDs: e.PolicyDefinitionReferenceIDs, ResourceSelectors: e.ResourceSelectors,
			Metadata: e.Metadata,
		}})
	}
	data := ExemptionData{ExemptionCategory: e.Category, SubAssessmentExemptionRule: e.SubAssessmentExemptionRule}
	if len(e.AssessmentKeys) > 0 {
		data.AssignedAssessment.AssessmentKey = e.AssessmentKeys[0]
	}
	return putStandardAssignment(scope, name, StandardAssignment{Properties: StandardAssignmentProperties{
		DisplayName: e.DisplayName, Description: e.Description, Effect: EffectExempt, ExpiresOn: e.ExpiresOn,
		AssignedStandard: AssignedStandardItem{ID: e.StandardID}, ExemptionData: data,
	}})
}

// decodeExemption reads a row or an item; it is zero if it isn't wanted.
func decodeExemption(d *jsontext.Decoder, wanted func(exemptionColumns) bool) (Exemption, error) {
	var columns exemptionColumns
	if err := jsonv2.UnmarshalDecode(d, &columns); err != nil || !wanted(columns) {
		return Exemption{}, err
	}
	e, err := columns.exemption()
	if err != nil {
		return Exemption{}, fmt.Errorf("the exemption %s: %w", printable.Quote(columns.ID), err)
	}
	return e, nil
}

// exemptionColumns are the columns of the three tables, and the members of a resource.
type exemptionColumns struct {
	ID             string          `json:"id"`
	Name           string          `json:"name"`
	Type           ExemptionKind   `json:"type"`
	SubscriptionID string          `json:"subscriptionId"`
	ResourceGroup  string          `json:"resourceGroup"`
	Properties     json.RawMessage `json:"properties"`
	SystemData     SystemData      `json:"systemData"` // of a resource
}

// exemption returns the exemption of the columns.
func (c exemptionColumns) exemption() (Exemption, error) {
	switch {
	case c.ID == "":
		return Exemption{}, errors.New("it has no id")
	case !wire.IsObject(c.Properties):
		return Exemption{}, errors.New("it has no properties")
	}
	for _, k := range exemptionKinds {
		if k.kind.Is(c.Type) {
			e := Exemption{
				Kind: k.kind, ID: c.ID, Name: c.Name, Properties: c.Properties,
				SubscriptionID: routes.SubscriptionOf(c.ID), ResourceGroupName: routes.ResourceGroupOf(c.ID),
			}
			if err := k.read(c, &e); err != nil {
				return Exemption{}, err
			}
			e.note(systemDataIn(c.Properties)) // where rows may have it
			e.note(c.SystemData)
			if e.Scope == "" && k.kind != ExemptionKindAssignment {
				return Exemption{}, errors.New("its id is none of an exemption")
			}
			return e, nil
		}
	}
	return Exemption{}, errors.New("its type is none of an exemption: " + printable.Quote(string(c.Type)))
}

// note sets who created and changed the exemption, if the system data says so.
func (e *Exemption) note(d SystemData) {
	if d.CreatedBy != "" {
		e.CreatedBy, e.CreatedOn = d.CreatedBy, d.CreatedAt
	}
	if d.LastModifiedBy != "" {
		e.LastModifiedBy, e.LastModifiedOn = d.LastModifiedBy, d.LastModifiedAt
	}
}

// readPolicyExemption reads the scope from the id, as readStandardAssignment does:
// the rest of an id may be misspelt, as in the services' own samples.
func readPolicyExemption(c exemptionColumns, e *Exemption) error {
	var p PolicyExemptionProperties
	if err := wire.Unmarshal(c.Properties, &p); err != nil {
		return err
	}
	e.Scope, e.DisplayName, e.Description, e.ExpiresOn = routes.ScopeOf(c.ID), p.DisplayName, p.Description, p.ExpiresOn
	e.Category = p.ExemptionCategory.as(PossibleExemptionCategoryValues()...)
	e.PolicyAssignmentID, e.PolicyDefinitionReferenceIDs = p.PolicyAssignmentID, p.PolicyDefinitionReferenceIDs
	e.ResourceSelectors, e.Metadata = p.ResourceSelectors, p.Metadata
	return nil
}

func readStandardAssignment(c exemptionColumns, e *Exemption) error {
	var p StandardAssignmentProperties
	if err := wire.Unmarshal(c.Properties, &p); err != nil {
		return err
	}
	e.Scope, e.DisplayName, e.Description, e.ExpiresOn = routes.ScopeOf(c.ID), p.DisplayName, p.Description, p.ExpiresOn
	e.Category = p.ExemptionData.ExemptionCategory.as(PossibleExemptionCategoryValues()...)
	e.CreatedBy, e.CreatedOn, e.LastModifiedBy, e.LastModifiedOn = p.Metadata.CreatedBy, p.Metadata.CreatedOn, p.Metadata.LastUpdatedBy, p.Metadata.LastUpdatedOn
	e.StandardID, e.AssessmentKeys, e.SubAssessmentExemptionRule = p.AssignedStandard.ID, p.ExemptionData.keys(), p.ExemptionData.SubAssessmentExemptionRule
	return nil
}

func readAssignment(c exemptionColumns, e *Exemption) error {
	var p AssignmentProperties
	if err := wire.Unmarshal(c.Properties, &p); err != nil {
		return err
	}
	if p.Scope != "" {
		e.Scope = "/" + strings.TrimPrefix(p.Scope, "/")
	}
	e.DisplayName, e.Description, e.ExpiresOn = p.DisplayName, p.Description, p.ExpiresOn
	e.SubscriptionID, e.ResourceGroupName = cmp.Or(c.SubscriptionID, e.SubscriptionID), cmp.Or(c.ResourceGroup, e.ResourceGroupName)
	e.Category = p.AdditionalData.ExemptionCategory.as(PossibleExemptionCategoryValues()...)
	e.StandardID = p.AssignedStandard.ID
	if key := p.AssignedComponent.Key; key != "" {
		e.AssessmentKeys = []string{key}
	}
	return nil
}

// exemptionResource is the resource of an exemption of any place, with all members.
type exemptionResource struct {
	Resource[exemptionProperties]
	exemption Exemption
}

// writtenResource is an exemption that was put. [ErrNotExemption] would say that nothing was.
type writtenResource struct{ exemptionResource }

func (r *writtenResource) unexpected(first bool) error {
	err := r.exemptionResource.unexpected(first)
	if errors.Is(err, ErrNotExemption) {
		return unexpected(err.Error())
	}
	return err
}

type exemptionProperties struct {
	Effect      Effect    `json:"effect,omitzero"` // empty for those of Azure Policy
	Description string    `json:"description,omitzero"`
	ExpiresOn   time.Time `json:"expiresOn,omitzero"`

	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

// replace sets what the options of a renewal have. The members that aren't fields stay as
// they are, null included.
func (p *exemptionProperties) replace(resource *routes.Resource, options *ExemptionsClientRenewOptions) error {
	p.Description = cmp.Or(options.Description, p.Description)
	if p.AdditionalProperties == nil {
		p.AdditionalProperties = map[string]json.RawMessage{}
	}
	if len(options.Metadata) > 0 {
		p.AdditionalProperties["metadata"] = options.Metadata
	}
	category := options.Category.as(PossibleExemptionCategoryValues()...)
	var in string // the member that has it, or none
	switch {
	case category == "":
		return nil
	case resource == routes.PolicyExemptions:
		return setMember(p.AdditionalProperties, "exemptionCategory", category.as("Waiver", "Mitigated"))
	case resource == routes.StandardAssignments:
		in = "exemptionData"
	default:
		in = "additionalData"
	}
	data := map[string]json.RawMessage{}
	if text, ok := p.AdditionalProperties[in]; ok && string(text) != "null" {
		if err := wire.Unmarshal(text, &data); err != nil {
			return err
		}
	}
	if err := setMember(data, "exemptionCategory", category); err != nil {
		return err
	}
	return setMember(p.AdditionalProperties, in, data)
}

func setMember(members map[string]json.RawMessage, name string, value any) error {
	text, err := wire.Marshal(value)
	members[name] = text
	return err
}

// unexpected reads the exemption, and refuses what is none.
func (r *exemptionResource) unexpected(first bool) error {
	if err := r.Resource.unexpected(first); err != nil {
		return err
	}
	if effect := r.Properties.Effect; !ExemptionKindPolicyExemption.Is(ExemptionKind(r.Type)) && !effect.Is(EffectExempt) {
		return fmt.Errorf("%w: its effect is %s", ErrNotExemption, printable.Quote(string(effect)))
	}
	properties, err := wire.Marshal(&r.Properties)
	if err == nil {
		r.exemption, err = exemptionColumns{ID: r.ID, Name: r.Name, Type: ExemptionKind(r.Type), Properties: properties, SystemData: r.SystemData}.exemption()
	}
	if err != nil {
		return unexpected(err.Error())
	}
	return nil
}
