package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"

	"github.com/armsecops/armsecops"
)

// session is what a command uses for each resource: clients, and what they have read.
type session struct {
	*exempter
	assessments     *armsecurity.AssessmentsClient
	recommendations kept[match]    // by subscription
	above           kept[[]string] // the management groups, by subscription or management group
}

// run writes what a command reads, or what it has done.
func (c call) run(ctx context.Context, w io.Writer, credential azcore.TokenCredential, options *armsecops.ClientOptions) error {
	if c.name == "list" {
		if c.resources != nil && len(c.resources) == 0 {
			return nil
		}
		var of selection
		switch c.by {
		case "subscription":
			of.subscriptions = c.resources
		case "management-group":
			of.managementGroups = c.resources
		case "resource":
			of.resources = c.resources
		}
		return report(ctx, w, credential, options, of, c.before, c.stale)
	}
	factory, err := armsecops.NewClientFactory(credential, options)
	if err != nil {
		return err
	}
	if c.name == "attestations" {
		return attestations(ctx, w, factory.NewStandardAssignmentsClient(), time.Now(), c.before, c.ended)
	}
	assessments, err := armsecurity.NewAssessmentsClient(credential, &options.ClientOptions)
	if err != nil {
		return err
	}
	s := &session{exempter: &exempter{factory: factory, policies: &policies{credential: credential, options: &options.ClientOptions}}, assessments: assessments}
	var errs []error
	for i, result := range c.applyAll(ctx, s) { // one that fails doesn't keep the others from it
		a := <-result
		_, writeErr := io.WriteString(w, a.text)
		if err := errors.Join(a.err, writeErr); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.resources[i], err))
		}
	}
	return errors.Join(errs...)
}

// applied is what apply returns for a resource.
type applied struct {
	text string
	err  error
}

// applyAll begins to call apply for the resources, some at a time, and returns a channel for
// the result of each. A resource waits for those before it if one is above it, or the same:
// what holds there exempts it, too. Management groups count as above all, whose ids don't say.
func (c call) applyAll(ctx context.Context, s *session) []chan applied {
	results := make([]chan applied, len(c.resources))
	for i := range results {
		results[i] = make(chan applied, 1)
	}
	go func() {
		var group sync.WaitGroup
		running, begun := make(chan struct{}, concurrency), map[string]bool{} // by id, in lower case
		for i, resource := range c.resources {
			for scope := resource; scope != nil; scope = scope.Parent {
				if begun[strings.ToLower(scope.String())] {
					group.Wait()
					clear(begun)
				}
			}
			highest := resource
			if resource.SubscriptionID == "" {
				highest = arm.RootResourceID
			}
			begun[strings.ToLower(highest.String())] = true
			running <- struct{}{}
			group.Go(func() {
				text, err := c.apply(ctx, s, resource)
				results[i] <- applied{text, err}
				<-running
			})
		}
	}()
	return results
}

// apply does what is asked for a resource, and returns what to write, also with an error.
func (c call) apply(ctx context.Context, s *session, resource *arm.ResourceID) (text string, err error) {
	id := resource.String()
	if c.name == "renew-attestations" {
		done, err := renewAttestation(ctx, s.factory.NewStandardAssignmentsClient(), id, c.grant.expires, c.dryRun)
		if err != nil {
			return "", err
		}
		return c.would() + done + ": " + id + "\n", nil
	}
	recommendation := armsecops.AssessmentMetadata{Properties: armsecops.AssessmentMetadataProperties{PolicyDefinitionID: c.policy}}
	if c.policy == "" {
		found, err := s.recommendations.get(resource.SubscriptionID, func() (match, error) {
			return find(ctx, s.factory.NewAssessmentsMetadataClient(), resource.SubscriptionID, c.recommendation)
		})
		if err := cmp.Or(err, found.err); err != nil {
			return "", err
		}
		recommendation = found.AssessmentMetadata
	}
	switch c.name {
	case "unhealthy":
		return unhealthyBelow(ctx, s.assessments, resource, recommendation.Name)
	case "status":
		got, err := statusOf(ctx, s.assessments, id, recommendation.Name)
		if err != nil {
			return "", err
		}
		return strings.Join([]string{id, string(got.code), oneLine(got.cause), oneLine(got.description)}, "\t") + "\n", nil
	default:
		return c.exempt(ctx, s, resource, recommendation)
	}
}

// unhealthyBelow returns lines with the ids of the unhealthy resources of a scope.
func unhealthyBelow(ctx context.Context, client *armsecurity.AssessmentsClient, scope *arm.ResourceID, key string) (text string, err error) {
	listed := scope.String() // a management group, or else a subscription: other lists aren't documented
	if scope.SubscriptionID != "" {
		listed = "/subscriptions/" + scope.SubscriptionID
	}
	ids, err := unhealthy(ctx, client, listed, key)
	for _, id := range ids {
		if scope.SubscriptionID == "" || within(id, scope.String()) {
			text += id + "\n"
		}
	}
	return text, err
}

// exempt grants or revokes for a resource, and returns what was done.
func (c call) exempt(ctx context.Context, s *session, resource *arm.ResourceID, recommendation armsecops.AssessmentMetadata) (text string, err error) {
	groups, err := s.above.get(cmp.Or(resource.SubscriptionID, resource.String()), func() ([]string, error) {
		return groupsAbove(ctx, s.policies.credential, s.policies.options, resource)
	})
	if err != nil {
		return "", fmt.Errorf("looking for the management groups above: %w", err)
	}
	above := slices.Concat(c.above, groups)
	var changes []change
	if c.name == "grant" {
		changes, err = s.exemptOrRenew(ctx, recommendation, resource.String(), c.grant, c.dryRun, above...)
	} else {
		changes, err = s.revoke(ctx, recommendation, resource.String(), c.dryRun, above...)
	}
	for _, change := range changes {
		text += fmt.Sprintf("%s%s: %s, from %s", c.would(), change.done, change.id, change.from)
		if !within(change.id, resource.String()) {
			text += "; for " + resource.String()
		}
		text += "\n"
	}
	if len(changes) == 0 && err == nil {
		text = "no exemption found: " + resource.String() + "\n"
	}
	return text, err
}

// would returns what comes before what a dry run doesn't do.
func (c call) would() string {
	if c.dryRun {
		return "would be "
	}
	return ""
}

// attestations writes the ids, ends, display names, states and keys of the recommendations
// of the attestations in force.
//   - before: only of those that end before it; zero for all
//   - ended: of those that have ended instead
func attestations(ctx context.Context, w io.Writer, client *armsecops.StandardAssignmentsClient, now, before time.Time, ended bool) error {
	for row, err := range client.NewResourceGraphPager(&armsecops.ResourceGraphOptions{Where: "properties.effect =~ 'Attest'"}).All(ctx) {
		if err != nil {
			return err
		}
		p := row.Properties
		if p.ExpiresBefore(now) != ended || !before.IsZero() && !p.ExpiresBefore(before) {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", row.ID, cmp.Or(timestamp(p.ExpiresOn), "never"), oneLine(p.DisplayName), p.AttestationData.ComplianceState, p.AttestationData.AssignedAssessment.AssessmentKey); err != nil {
			return err
		}
	}
	return nil
}

// match is the recommendation of a name, or the error of a name that none or several have.
type match struct {
	armsecops.AssessmentMetadata
	err error
}

// find returns the recommendation of a key or display name, which several can have.
//   - subscriptionID: whose own ones are found, too; empty for a management group
func find(ctx context.Context, client *armsecops.AssessmentsMetadataClient, subscriptionID, name string) (found match, err error) {
	pager := client.NewListPager(nil)
	if subscriptionID != "" {
		pager = client.NewListBySubscriptionPager(subscriptionID, nil)
	}
	for recommendation, err := range pager.All(ctx) {
		switch {
		case err != nil:
			return found, err
		case strings.EqualFold(recommendation.Name, name):
			return match{recommendation, nil}, nil
		case !strings.EqualFold(recommendation.Properties.DisplayName, name):
		case found.Name != "":
			found.err = fmt.Errorf("%q is the name of several recommendations: give the key of one, such as %s or %s", name, found.Name, recommendation.Name)
		default:
			found.AssessmentMetadata = recommendation
		}
	}
	if found.Name == "" {
		found.err = fmt.Errorf("no recommendation is called %q, or has it as its key", name)
	}
	return found, nil
}
