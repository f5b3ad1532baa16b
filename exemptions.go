package armsecops

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/armsecops/armsecops/internal/routes"
)

// ExemptionsClient lists every exemption of a tenant, from all three places: Azure
// Policy, Defender's standards, and Defender's assignments of 2021. NewListPager queries
// Azure Resource Graph, api-version 2024-04-01, which is minutes old;
// ListAcrossSubscriptions has the exemptions of some subscriptions as they are now. Get,
// Renew and Delete take the id of an exemption, whatever its place. CreateOrUpdate creates
// one where its Kind says. The clients of the three places change the rest. It is safe for
// concurrent use.
//
// Roles: Security Reader reads exemptions; CreateOrUpdate, Renew and Delete take Security
// Admin or, for policy exemptions, Resource Policy Contributor, also on the scope of the
// policy assignment.
//
// armpolicy's client of that name is [PolicyExemptionsClient] here.
//
// REST: https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources
type ExemptionsClient struct {
	client
}

// NewExemptionsClient returns a client for the exemptions of a tenant.
//   - credential: an azidentity credential, or the TokenCredential of azcore/fake in a test
//   - options: nil for the defaults; APIVersion must be empty, since exemptions have several
//
// An invalid parameter is a [*ParameterError].
func NewExemptionsClient(credential azcore.TokenCredential, options *ClientOptions) (*ExemptionsClient, error) {
	f, err := newFactoryOfServices[ExemptionsClient](credential, options)
	if err != nil {
		return nil, err
	}
	return f.NewExemptionsClient(), nil
}

// NewExemptionsClient returns a client for the exemptions of a tenant.
func (f *ClientFactory) NewExemptionsClient() *ExemptionsClient {
	return &ExemptionsClient{client{connection: f.connection, newError: newCloudError}}
}

// NewListPager queries Azure Resource Graph for the exemptions that the identity may read, up to
// 1,000 a request: those of Azure Policy first, then those of Defender's standards, then
// Defender's assignments of 2021, each sorted by id. Each exemption comes once. This index
// follows changes within minutes, and an exemption can outlive its resource group there.
//   - options: nil for the defaults, which are all exemptions that the identity may read
//
// Nothing is sent before the first page is read. See [Pager] for how to read it
// and for its errors; those of the service are [*CloudError]. A row that can't be
// read is an error that names it. One ContinuationToken resumes all three queries.
// Pages have no NextLink, and in AdditionalProperties the service's totalRecords, the
// number of rows of the page's query.
//
// A result that lacks rows or subscriptions ends in [ErrIncompleteResult] where the
// service says so; the other kinds can be listed by Kinds. It doesn't say
// so of subscriptions that the identity may not read: their rows are missing, without an
// error unless the query names no others, which is [ErrForbidden].
//
// REST: https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources
func (c *ExemptionsClient) NewListPager(options *ExemptionsClientListOptions) *Pager[Exemption] {
	if options == nil {
		options = &ExemptionsClientListOptions{}
	}
	g := graph[exemptionRow]{c.client, routes.Exemptions, exemptionQueries(options)}
	p := newPager[Exemption](exemptionPages{g}, place{}, options.PageOptions)
	if err := options.check(); err != nil {
		p.refuse(err)
	}
	return p
}

// Get returns an exemption as it is now, by the client of its place.
//   - id: the resource id of a policy exemption, standard assignment or assignment of 2021, such as [Exemption.ID]
//   - options: nil for the defaults
//
// An invalid parameter is a [*ParameterError], a response that isn't success a
// [*CloudError]; it is [ErrNotFound] if there is no such exemption, and
// [ErrNotExemption] if the id is that of an assignment that isn't one, such as an audit.
//
// REST: the page of [PolicyExemptionsClient.Get], [StandardAssignmentsClient.Get] or [SecurityAssignmentsClient.Get]
func (c *ExemptionsClient) Get(ctx context.Context, id string, options *ExemptionsClientGetOptions) (ExemptionsClientGetResponse, error) {
	got, err := c.do(ctx, "ExemptionsClient.Get", id, nil, func(_ context.Context, _ exemptionPlace, got exemptionResource) (exemptionResource, error) {
		return got, nil
	})
	return ExemptionsClientGetResponse{got}, err
}

// CreateOrUpdate creates an exemption, or replaces the one of that name. Its Kind says
// where, such as that of [AssessmentMetadataProperties.ExemptedBy]:
//   - [ExemptionKindPolicyExemption] requires PolicyAssignmentID, at the scope or above it,
//     Category and, unless AllowWhole is set, PolicyDefinitionReferenceIDs. It takes
//     ResourceSelectors and Metadata.
//   - [ExemptionKindStandardAssignment] requires Category, StandardID and, unless AllowWhole
//     is set, one key in AssessmentKeys. Single findings, by SubAssessmentExemptionRule, need
//     no StandardID. [StandardAssignmentsClient.CreateOrUpdate] requires none of these, as
//     the service documents none as required.
//
// Such as:
//
//	created, err := client.CreateOrUpdate(ctx, "/subscriptions/ID/resourceGroups/web", "SEC-1042", armsecops.Exemption{
//		Kind:                         armsecops.ExemptionKindPolicyExemption,
//		DisplayName:                  "Disks are encrypted at the host",
//		PolicyAssignmentID:           "/subscriptions/ID/providers/Microsoft.Authorization/policyAssignments/SecurityCenterBuiltIn",
//		PolicyDefinitionReferenceIDs: []string{"diskEncryptionMonitoring"},
//		Category:                     armsecops.ExemptionCategoryMitigated,
//		ExpiresOn:                    time.Now().AddDate(0, 0, 90),
//	}, nil)
//
// Both take DisplayName and Description, and require ExpiresOn, unless AllowEndless is set; a
// time that is past is sent. What a kind doesn't take is refused if it is set, and so is another
// kind: [SecurityAssignmentsClient] creates assignments of 2021. The other fields, such as
// ID, Name, Scope, CreatedBy and Properties, are ignored, so that an exemption of a listing
// can be put at another scope or under another name.
//
// It replaces what has that name, also an audit or attestation, or an exemption that ends later;
// with RefuseExisting, that is [ErrExists]. An Exemption doesn't have all of a resource, such as
// members that this version doesn't know: they are lost. Renew keeps all.
//   - scope: the resource id of what is to be exempt, such as a subscription, with or without its first slash
//   - name: of a standard assignment, a UUID; of a policy exemption, what
//     [PolicyExemptionsClient.CreateOrUpdate] takes as the name of a new one
//   - exemption: what it exempts from, why and until when
//   - options: nil for the defaults
//
// An invalid parameter, or field of the exemption, is a [*ParameterError]. The other
// errors, and how long an exemption takes to count, are those of the CreateOrUpdate of the
// place. The response is the exemption that the service returned; a success that isn't one
// is [ErrUnexpectedResponse]. If [MaybeCarriedOut] is true of the error, the response has the
// Kind, ID, Name and Scope of what may be there.
//
// REST: the page of [PolicyExemptionsClient.CreateOrUpdate] or [StandardAssignmentsClient.CreateOrUpdate]
func (c *ExemptionsClient) CreateOrUpdate(ctx context.Context, scope, name string, exemption Exemption, options *ExemptionsClientCreateOrUpdateOptions) (ExemptionsClientCreateOrUpdateResponse, error) {
	if options == nil {
		options = &ExemptionsClientCreateOrUpdateOptions{}
	}
	put := exemption.put(scope, name)
	put.parameter = "exemption"
	_, refused := c.checkedValues(&put)
	if routes.CheckID("/"+strings.TrimPrefix(scope, "/"), routes.PolicyExemptions.Type, policyAssignments, routes.StandardAssignments.Type, routes.Assignments.Type) == "" {
		refused = invalid("scope", scope, "must be what is to be exempt, rather than an exemption or assignment")
	}
	if e, ok := refused.(*ParameterError); ok && e.Name != "scope" {
		e.Name = "name" // rather than that of the place's client
	}
	at := exemptionPlace{client: c.client, resource: put.route.Resource, values: put.values}
	created, err := at.do(ctx, "ExemptionsClient.CreateOrUpdate", cmp.Or(exemption.check(options), refused, exemption.checkScope(scope)), func(ctx context.Context) (exemptionResource, error) {
		if options.RefuseExisting {
			got, err := run[exemptionResource](ctx, at.client, call{route: at.resource.Get, values: at.values})
			switch {
			case err == nil:
				return got, fmt.Errorf("%w (%s)", ErrExists, line(got.ID))
			case errors.Is(err, ErrNotExemption):
				return exemptionResource{}, fmt.Errorf("%w: %w", ErrExists, err)
			case !IsMissing(err):
				return exemptionResource{}, err
			}
		}
		written, err := run[writtenResource](ctx, at.client, put)
		return written.exemptionResource, err
	})
	if MaybeCarriedOut(err) {
		created = Exemption{Kind: ExemptionKind(at.resource.Type), ID: put.route.ID(scope, name), Name: name, Scope: "/" + strings.TrimPrefix(scope, "/")}
	}
	return ExemptionsClientCreateOrUpdateResponse{created}, err
}

// Renew lets an exemption end later: it gets the exemption, sets when it ends, and puts it
// back with all that it has. One that ends later already, or never, is [ErrNotRenewed] unless
// AllowEarlier is set, and one that has ended is [ErrEnded] unless AllowEnded is: nothing is
// written, and the response has it as it is. With another error, the response is zero. The
// last writer wins: what another program changes between the two requests is lost.
//
// Collect the ids before you renew the first: a renewal can move items of a listing.
//   - id: the resource id of a policy exemption, standard assignment or assignment of 2021, such as [Exemption.ID]
//   - expiresOn: when it is to end; with AllowEarlier, also in the past; not the zero time, which would mean never
//   - options: nil for the defaults
//
// The errors are those of [ExemptionsClient.Get], and of the CreateOrUpdate of the
// place. Renewing again leaves the same exemption.
//
// REST: the page of [PolicyExemptionsClient.CreateOrUpdate], [StandardAssignmentsClient.CreateOrUpdate] or [SecurityAssignmentsClient.CreateOrUpdate]
func (c *ExemptionsClient) Renew(ctx context.Context, id string, expiresOn time.Time, options *ExemptionsClientRenewOptions) (ExemptionsClientRenewResponse, error) {
	if options == nil {
		options = &ExemptionsClientRenewOptions{}
	}
	refused := checkTime("expiresOn", expiresOn)
	if expiresOn.IsZero() {
		refused = &ParameterError{Name: "expiresOn", Reason: "must not be the zero time"}
	}
	if metadata := jsontext.Value(options.Metadata); len(metadata) > 0 {
		at, err := c.find(id)
		switch {
		case refused != nil, err != nil: // which is the error
		case at.resource != routes.PolicyExemptions:
			refused = &ParameterError{Name: "Metadata", Reason: "must not be set but for a policy exemption"}
		case !metadata.IsValid() || metadata.Kind() != '{':
			refused = &ParameterError{Name: "Metadata", Reason: "must be a JSON object"}
		}
	}
	renewed, err := c.do(ctx, "ExemptionsClient.Renew", id, refused, func(ctx context.Context, at exemptionPlace, got exemptionResource) (exemptionResource, error) {
		if err := options.refuse(got.exemption, expiresOn); err != nil {
			return got, err
		}
		got.Properties.ExpiresOn = expiresOn.UTC()
		if err := got.Properties.replace(at.resource, options); err != nil {
			return exemptionResource{}, err
		}
		put, err := run[writtenResource](ctx, at.client, call{route: at.resource.CreateOrUpdate, values: at.values, parameter: "expiresOn", body: &got.Resource})
		return put.exemptionResource, err
	})
	return ExemptionsClientRenewResponse{renewed}, err
}

// Delete deletes an exemption, after it got it to see that it is one. If there is none,
// [IsMissing] is true of the error, and [IsParentMissing] if what it exempted is gone: a
// repeated cleanup can ignore both. The Delete of its place's client succeeds if there is none.
// It can take 24 hours until the deletion counts.
//   - id: the resource id of a policy exemption, standard assignment or assignment of 2021, such as [Exemption.ID]
//   - options: nil for the defaults
//
// The errors are those of [ExemptionsClient.Get], and of the Delete of the place.
//
// REST: the page of [PolicyExemptionsClient.Delete], [StandardAssignmentsClient.Delete] or [SecurityAssignmentsClient.Delete]
func (c *ExemptionsClient) Delete(ctx context.Context, id string, options *ExemptionsClientDeleteOptions) (ExemptionsClientDeleteResponse, error) {
	_, err := c.do(ctx, "ExemptionsClient.Delete", id, nil, func(ctx context.Context, at exemptionPlace, _ exemptionResource) (exemptionResource, error) {
		return run[exemptionResource](ctx, at.client, call{route: at.resource.Delete, values: at.values})
	})
	return ExemptionsClientDeleteResponse{}, err
}

// ExemptionsClientGetOptions holds the optional parameters of [ExemptionsClient.Get].
type ExemptionsClientGetOptions struct{}

// ExemptionsClientGetResponse is the response of [ExemptionsClient.Get].
type ExemptionsClientGetResponse struct {
	Exemption
}

// ExemptionsClientCreateOrUpdateOptions holds the optional parameters of [ExemptionsClient.CreateOrUpdate].
type ExemptionsClientCreateOrUpdateOptions struct {
	// AllowWhole allows an exemption without PolicyDefinitionReferenceIDs, which exempts from
	// every policy of the assignment, and one without AssessmentKeys, which exempts from the
	// whole standard. A policy that is assigned without an initiative needs it, too. Otherwise,
	// such an exemption is a [*ParameterError].
	AllowWhole bool

	// AllowEndless allows an exemption without ExpiresOn, which never ends. Otherwise, it is
	// a [*ParameterError].
	AllowEndless bool

	// RefuseExisting gets what has the name first, and leaves it as it is: that is
	// [ErrExists], and the response has the exemption, if it is one. Compare it with what it
	// should be: it may be from something else, or have ended; Renew it where it ends too
	// soon. After a call of which [MaybeCarriedOut] is true, it may be what that call made.
	// What another program creates between the two requests is replaced.
	RefuseExisting bool
}

// ExemptionsClientCreateOrUpdateResponse is the response of [ExemptionsClient.CreateOrUpdate].
type ExemptionsClientCreateOrUpdateResponse struct {
	Exemption
}

// ExemptionsClientRenewOptions holds the optional parameters of [ExemptionsClient.Renew].
type ExemptionsClientRenewOptions struct {
	// Description replaces what the exemption says it is for, such as who approved that
	// it is renewed; of Azure Policy, in at most 512 characters. Empty leaves it as it is.
	Description string

	// Category replaces why the exemption is granted. Another one than the constants is
	// sent, and the service decides. Empty leaves it as it is.
	Category ExemptionCategory

	// Metadata replaces the JSON object of a policy exemption, such as the ticket by which
	// it was approved. Empty leaves it as it is. Of another kind it is a [*ParameterError].
	Metadata json.RawMessage

	// AllowEarlier lets Renew shorten an exemption, or give an end to one that never ends. To
	// change the other options alone, renew an exemption until its own ExpiresOn; one that
	// never ends is changed by its place's client.
	AllowEarlier bool

	// AllowEnded renews one that has ended, by the caller's clock: it is in force again, if
	// expiresOn is to come.
	AllowEnded bool
}

// ExemptionsClientRenewResponse is the response of [ExemptionsClient.Renew].
type ExemptionsClientRenewResponse struct {
	Exemption
}

// refuse returns why an exemption is not to be renewed; nil if it is.
func (o *ExemptionsClientRenewOptions) refuse(e Exemption, expiresOn time.Time) error {
	end := e.ExpiresOn.UTC().Format(time.RFC3339)
	switch {
	case e.ExpiresBefore(time.Now()) && !o.AllowEnded:
		return fmt.Errorf("%w, on %s (%s)", ErrEnded, end, line(e.ID))
	case e.ExpiresOn.IsZero() && !o.AllowEarlier:
		return fmt.Errorf("%w: it never ends (%s)", ErrNotRenewed, line(e.ID))
	case e.ExpiresOn.Add(-time.Second).After(expiresOn) && !o.AllowEarlier: // a service may round
		return fmt.Errorf("%w: it ends later already, on %s (%s)", ErrNotRenewed, end, line(e.ID))
	}
	return nil
}

// ExemptionsClientDeleteOptions holds the optional parameters of [ExemptionsClient.Delete].
type ExemptionsClientDeleteOptions struct{}

// ExemptionsClientDeleteResponse is the response of [ExemptionsClient.Delete].
type ExemptionsClientDeleteResponse struct{}

// exemptionPlace is where an exemption is.
type exemptionPlace struct {
	client   client
	resource *routes.Resource
	values   pathValues // of its path
}

// do does something at the place, below a span of the operation. It returns the result's exemption.
//   - refused: the error of a parameter; nil for none
func (at exemptionPlace) do(ctx context.Context, operation string, refused error, send func(context.Context) (exemptionResource, error)) (result Exemption, err error) {
	if ctx == nil {
		return Exemption{}, withOperation(operation, errNilContext)
	}
	ctx, endSpan := at.client.startParentSpan(ctx, operation, &call{route: at.resource.Get, values: at.values})
	defer func() { endSpan(err) }()
	if refused != nil {
		return Exemption{}, withOperation(operation, refused)
	}
	resource, err := send(ctx)
	if err != nil {
		err = &operationError{operation: operation, err: err}
	}
	return resource.exemption, err
}

// do gets the exemption of an id, and does something with it. It returns the result's exemption.
//   - refused: the error of another parameter; nil for none
func (c *ExemptionsClient) do(
	ctx context.Context, operation, id string, refused error, then func(context.Context, exemptionPlace, exemptionResource) (exemptionResource, error),
) (Exemption, error) {
	at, err := c.find(id)
	return at.do(ctx, operation, cmp.Or(err, refused), func(ctx context.Context) (exemptionResource, error) {
		got, err := run[exemptionResource](ctx, at.client, call{route: at.resource.Get, values: at.values})
		if err != nil {
			return exemptionResource{}, err
		}
		return then(ctx, at, got)
	})
}

// find returns where the exemption of an id is; among policy exemptions with an error.
func (c *ExemptionsClient) find(id string) (exemptionPlace, error) {
	reason := "must be the resource id of a policy exemption, standard assignment or assignment of 2021"
	for _, k := range exemptionKinds {
		values, err := parseID(k.resource.Get, id)
		if broken, ok := errors.AsType[*ParameterError](err); ok {
			if _, ofKind := k.resource.Get.MatchID(id); ofKind {
				reason = broken.Reason
			}
			continue
		}
		at := exemptionPlace{client: c.client, resource: k.resource}
		if k.resource.Get.OfSubscription() {
			at.client, values = c.of(values[0]), values[1:]
		}
		copy(at.values[:], values)
		return at, nil
	}
	return exemptionPlace{client: c.client, resource: routes.PolicyExemptions}, invalid("id", id, reason)
}

// ExemptionsClientListOptions holds the optional parameters of [ExemptionsClient.NewListPager].
type ExemptionsClientListOptions struct {
	// Kinds are the places to list, ignoring case and order; none means all three. A
	// kind that isn't listed costs no request, and an unknown one is a [*ParameterError].
	Kinds []ExemptionKind

	// SubscriptionIDs are the subscriptions to query, UUIDs; one that is there twice,
	// ignoring case, is queried once. More than 1,000 take a query of each kind for every
	// 1,000. An empty list is no filter: if ManagementGroups is empty as well, the scope is
	// all that the identity may read. A subscription that it may not read has no rows and no
	// error, except that a query that may read none is [ErrForbidden]. A query of named
	// subscriptions has no rows of the management groups above them: IncludeInherited adds
	// those of Azure Policy only, and a query that names no subscriptions has all.
	SubscriptionIDs []string

	// ManagementGroups are the names of the management groups to query, with all
	// below them, instead of subscriptions: with SubscriptionIDs they are a
	// [*ParameterError]. Each has 1 to 90 letters, digits and -_.().
	ManagementGroups []string

	// ExpiresBefore leaves out the exemptions that end at this time or later, and those
	// that never end. Those that have ended are listed until someone deletes them. The
	// zero time means all. The service filters them. A ContinuationToken is bound to this
	// time: with another one, or none, it is a [*ParameterError].
	ExpiresBefore time.Time

	// IncludeInherited adds the exemptions of Azure Policy that the SubscriptionIDs
	// inherit from the management groups above them. Without SubscriptionIDs it is a
	// [*ParameterError].
	IncludeInherited bool

	// AllowPartialScopes accepts a result that has only the first 10,000
	// subscriptions of a tenant or management group. Otherwise, such a result ends
	// in [ErrIncompleteResult].
	AllowPartialScopes bool

	// PageSize is the number of rows of a request, 1 to 1,000; 0 means 1,000, and another
	// number is a [*ParameterError]. A smaller one helps where 1,000 rows exceed the
	// service's 16 MiB. A ContinuationToken stays valid with another PageSize.
	PageSize int

	PageOptions
}

// exemptionKinds has how the exemptions of each kind are queried and read, in the
// order of the listing.
var exemptionKinds = []struct {
	kind     ExemptionKind
	resource *routes.Resource
	list     *routes.Route // of a subscription
	where    string        // the rows of the type that are exemptions; empty for all
	read     func(exemptionColumns, *Exemption) error
}{
	{ExemptionKindPolicyExemption, routes.PolicyExemptions, routes.PolicyExemptions.List, "", readPolicyExemption},
	{ExemptionKindStandardAssignment, routes.StandardAssignments, routes.StandardAssignments.List, "properties.effect =~ 'exempt'", readStandardAssignment},
	{ExemptionKindAssignment, routes.Assignments, routes.AssignmentsListBySubscription, "properties.effect =~ 'exempt'", readAssignment},
}

// asks reports whether the options are for a kind.
func (o *ExemptionsClientListOptions) asks(kind ExemptionKind) bool {
	return len(o.Kinds) == 0 || slices.ContainsFunc(o.Kinds, kind.Is)
}

func (o *ExemptionsClientListOptions) check() error {
	for _, kind := range o.Kinds {
		if !slices.ContainsFunc(PossibleExemptionKindValues(), kind.Is) {
			return invalid("Kinds", string(kind), fmt.Sprintf("must be one of %q", PossibleExemptionKindValues()))
		}
	}
	return cmp.Or(checkTime("ExpiresBefore", o.ExpiresBefore), checkGraphOptions(o.graph()))
}

// exemptionColumnNames are the columns of exemptionColumns.
const exemptionColumnNames = "id, name, type, subscriptionId, resourceGroup, properties"

// exemptionQueries returns the queries of the kinds, one after the other.
func exemptionQueries(o *ExemptionsClientListOptions) []graphQuery {
	options := o.graph()
	var queries []graphQuery
	for _, k := range exemptionKinds {
		if !o.asks(k.kind) {
			continue
		}
		options.Where = k.where
		if !o.ExpiresBefore.IsZero() {
			ends := "todatetime(properties.expiresOn) < datetime(" + o.ExpiresBefore.UTC().Format("2006-01-02T15:04:05.9999999Z") + ")"
			options.Where = strings.TrimPrefix(k.where+" and "+ends, " and ")
		}
		options.IncludeInherited = o.IncludeInherited && k.kind == ExemptionKindPolicyExemption // the one table that it matters to
		queries = append(queries, graphQueries(k.resource, exemptionColumnNames, options)...)
	}
	return queries
}

// checkTime refuses a time that has no form in JSON and in queries.
func checkTime(name string, t time.Time) error {
	if year := t.UTC().Year(); year < 1 || year > 9999 {
		return invalid(name, t.UTC().String(), "must be in a year from 1 to 9999")
	}
	return nil
}

// graph returns the options that all queries have.
func (o *ExemptionsClientListOptions) graph() *ResourceGraphOptions {
	return &ResourceGraphOptions{
		SubscriptionIDs: o.SubscriptionIDs, ManagementGroups: o.ManagementGroups, PageSize: o.PageSize,
		AllowPartialScopes: o.AllowPartialScopes, IncludeInherited: o.IncludeInherited,
	}
}

// exemptionPages is the source of pages of exemptions.
type exemptionPages struct{ graph[exemptionRow] }

func (p exemptionPages) fetch(ctx context.Context, at place) (Page[Exemption], place, error) {
	rows, next, err := p.graph.fetch(ctx, at)
	page := Page[Exemption]{AdditionalProperties: rows.AdditionalProperties}
	for i := range rows.Value {
		page.Value = append(page.Value, rows.Value[i].Exemption)
	}
	return page, next, err
}

// exemptionRow is a row of any of the three tables, read as an exemption.
type exemptionRow struct{ Exemption }

func (r *exemptionRow) resourceID() string { return r.ID }

// UnmarshalJSONFrom reads a row. The error names it.
func (r *exemptionRow) UnmarshalJSONFrom(d *jsontext.Decoder) (err error) {
	r.Exemption, err = decodeExemption(d, func(exemptionColumns) bool { return true })
	return err
}
