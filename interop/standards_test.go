package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity"
	securityfake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/security/armsecurity/fake"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// The scopes without their first slash, which Microsoft's client must not get.
const (
	machine         = "subscriptions/" + subscriptionID + "/resourceGroups/myRg/providers/Microsoft.Compute/virtualMachines/vm"
	managementGroup = "providers/Microsoft.Management/managementGroups/contoso"
	connector       = "subscriptions/" + subscriptionID + "/resourceGroups/myRg/providers/Microsoft.Security/securityConnectors/gcp"
)

// overTLS serves the handler over TLS and HTTP/2, and returns the options of a client.
func overTLS(t *testing.T, handler http.Handler) arm.ClientOptions {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "HTTP/2.0", r.Proto)
		handler.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	options := arm.ClientOptions{}
	options.Transport = server.Client()
	options.Retry.RetryDelay = time.Millisecond
	options.Cloud = cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
		cloud.ResourceManager: {Audience: "https://management.example", Endpoint: server.URL},
	}}
	return options
}

func ourStandards(t *testing.T, options arm.ClientOptions) *armsecops.StandardAssignmentsClient {
	t.Helper()
	client, err := armsecops.NewStandardAssignmentsClient(&azfake.TokenCredential{}, &armsecops.ClientOptions{ClientOptions: options})
	require.NoError(t, err)
	return client
}

func theirStandards(t *testing.T, options arm.ClientOptions) *armsecurity.StandardAssignmentsClient {
	t.Helper()
	client, err := armsecurity.NewStandardAssignmentsClient(&azfake.TokenCredential{}, &options)
	require.NoError(t, err)
	return client
}

func (p payloads) properties(effect, data string) string {
	return fmt.Sprintf(`"properties":{"displayName":"ASC Default %d","description":"Accepted by the owner of service %d.",`+
		`"assignedStandard":{"id":"/providers/Microsoft.Security/securityStandards/%s"},"effect":%q,"excludedScopes":[],"expiresOn":%q,%s,`+
		`"metadata":{"createdBy":%q,"createdOn":%q,"lastUpdatedBy":%q,"lastUpdatedOn":%q}}`,
		p.IntN(100_000), p.IntN(100_000), p.uuid(), effect, p.time(), data, p.uuid(), p.time(), p.uuid(), p.time())
}

func (p payloads) standardAssignment(scope, effect, data string) []byte {
	name := p.uuid()
	return fmt.Appendf(nil, `{"id":"/%s/providers/Microsoft.Security/standardAssignments/%s","name":%q,"type":"Microsoft.Security/standardAssignments",%s,"systemData":%s}`,
		scope, name, name, p.properties(effect, data), p.systemData())
}

func (p payloads) exemption(scope string) []byte {
	return p.standardAssignment(scope, "Exempt", fmt.Sprintf(`"exemptionData":{"exemptionCategory":"waiver","assignedAssessment":{"assessmentKey":%q}}`, p.uuid()))
}

func (p payloads) attestation(scope string) []byte {
	return p.standardAssignment(scope, "Attest", fmt.Sprintf(`"attestationData":{"complianceState":"compliant","complianceDate":%q,`+
		`"assignedAssessment":{"assessmentKey":%q},"evidence":[{"description":"Audit report","sourceUrl":"https://contoso.com/audits/%d"}]}`,
		p.time(), p.uuid(), p.IntN(1000)))
}

// put stores a standard assignment in the server and returns its id.
func put(t *testing.T, server *fake.Server, document []byte) armsecops.StandardAssignmentID {
	t.Helper()
	model := decode[armsecops.StandardAssignment](t, document)
	id, err := armsecops.ParseStandardAssignmentID(model.ID)
	require.NoError(t, err)
	server.Put(id, model)
	return id
}

// Both clients see the same through one server, which is ours.
func TestStandardAssignmentsClientsWithOurServer(t *testing.T) {
	t.Parallel()
	server := fake.NewServer(serverOptions()) // two items on a page
	p := newPayloads(20)
	exemption, attestation := put(t, server, p.exemption(machine)), put(t, server, p.attestation(managementGroup))
	for range 9 {
		put(t, server, p.exemption(connector))
	}
	options := overTLS(t, server)
	ours, theirs := ourStandards(t, options), theirStandards(t, options)
	assertSameGet := func(scope, name string) {
		t.Helper()
		got, err := ours.Get(t.Context(), scope, name, nil)
		require.NoError(t, err)
		want, err := theirs.Get(t.Context(), strings.TrimPrefix(scope, "/"), name, nil)
		require.NoError(t, err)
		assertSame(t, want.StandardAssignment, got.StandardAssignment)
		assert.NotEmpty(t, got.Properties.Effect)
	}

	assertSameGet(exemption.Scope, exemption.Name)
	assertSameGet(attestation.Scope, attestation.Name)
	var lists [][]*armsecurity.StandardAssignment
	for page, err := range pages(t, theirs.NewListPager(connector, nil)) {
		require.NoError(t, err)
		lists = append(lists, page.Value)
	}
	require.Len(t, lists, 5)
	assertSamePages(t, lists, ours.NewListPager(connector, nil))

	// What one creates, the other one reads, changes and deletes.
	name := p.uuid()
	model := decode[armsecops.StandardAssignment](t, p.exemption(machine))
	model.ID, model.Name, model.Type, model.SystemData = "", "", "", armsecops.SystemData{} // of another one
	created, err := ours.CreateOrUpdate(t.Context(), machine, name, model, nil)
	require.NoError(t, err)
	assertSameGet(machine, name)
	theirModel, err := theirs.Get(t.Context(), machine, name, nil)
	require.NoError(t, err)
	assertSame(t, theirModel.StandardAssignment, created.StandardAssignment)
	theirModel.Properties.ExemptionData.ExemptionCategory = new(armsecurity.ExemptionCategoryMitigated)
	updated, err := theirs.Create(t.Context(), machine, name, theirModel.StandardAssignment, nil)
	require.NoError(t, err)
	assertSameGet(machine, name)
	got, err := ours.Get(t.Context(), machine, name, nil)
	require.NoError(t, err)
	assertSame(t, updated.StandardAssignment, got.StandardAssignment)
	assert.True(t, got.Properties.ExemptionData.ExemptionCategory.Is(armsecops.ExemptionCategoryMitigated))

	_, err = theirs.Delete(t.Context(), machine, name, nil)
	require.NoError(t, err)
	_, err = ours.Delete(t.Context(), machine, name, nil)
	require.NoError(t, err)
	_, err = ours.Get(t.Context(), machine, name, nil)
	require.ErrorIs(t, err, armsecops.ErrNotFound)
	our, _ := errors.AsType[*azcore.ResponseError](err)
	_, err = theirs.Get(t.Context(), machine, name, nil)
	their, ok := errors.AsType[*azcore.ResponseError](err)
	require.True(t, ok)
	assert.Equal(t, their.ErrorCode, our.ErrorCode)
	assert.Equal(t, their.StatusCode, our.StatusCode)
}

// theirHandler serves Microsoft's fake, which tells operations apart by the name
// in the context of a request. A request from the network has none.
func theirHandler(t *testing.T, server *securityfake.StandardAssignmentsServer) http.Handler {
	transport := adapter{securityfake.NewStandardAssignmentsServerTransport(server)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := map[string]string{http.MethodGet: "Get", http.MethodPut: "CreateOrUpdate", http.MethodDelete: "Delete"}[r.Method]
		if strings.HasSuffix(r.URL.Path, "/standardAssignments") {
			method = "NewListPager"
		}
		r = r.WithContext(context.WithValue(r.Context(), runtime.CtxAPINameKey{}, "StandardAssignmentsClient."+method))
		r.URL.Scheme, r.URL.Host = "https", r.Host
		resp, err := transport.Do(r)
		if !assert.NoError(t, err) {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = resp.Body.Close() }()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length") // the adapter changes pages
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	})
}

// Both clients see the same through one server, which is Microsoft's.
func TestOurStandardAssignmentsClientWithTheirServer(t *testing.T) {
	t.Parallel()
	p := newPayloads(21)
	exemption := decode[armsecurity.StandardAssignment](t, p.exemption(machine))
	attestation := decode[armsecurity.StandardAssignment](t, p.attestation(managementGroup))
	lists := make([][]*armsecurity.StandardAssignment, 5)
	for i := range lists {
		for range i % 3 { // the first one and the fourth one are empty
			lists[i] = append(lists[i], new(decode[armsecurity.StandardAssignment](t, p.exemption(connector))))
		}
	}
	stored := map[string]armsecurity.StandardAssignment{machine: exemption, managementGroup: attestation}
	var created armsecurity.StandardAssignment
	options := overTLS(t, theirHandler(t, &securityfake.StandardAssignmentsServer{
		Get: func(_ context.Context, scope, name string, _ *armsecurity.StandardAssignmentsClientGetOptions) (azfake.Responder[armsecurity.StandardAssignmentsClientGetResponse], azfake.ErrorResponder) {
			assert.Equal(t, *stored[scope].Name, name)
			return respond(http.StatusOK, armsecurity.StandardAssignmentsClientGetResponse{StandardAssignment: stored[scope]})
		},
		Create: func(_ context.Context, scope, name string, body armsecurity.StandardAssignment, _ *armsecurity.StandardAssignmentsClientCreateOptions) (azfake.Responder[armsecurity.StandardAssignmentsClientCreateResponse], azfake.ErrorResponder) {
			assert.Equal(t, machine, scope)
			assert.Equal(t, *exemption.Name, name)
			created = body
			return respond(http.StatusCreated, armsecurity.StandardAssignmentsClientCreateResponse{StandardAssignment: body})
		},
		Delete: func(_ context.Context, scope, name string, _ *armsecurity.StandardAssignmentsClientDeleteOptions) (azfake.Responder[armsecurity.StandardAssignmentsClientDeleteResponse], azfake.ErrorResponder) {
			assert.Equal(t, []string{machine, *exemption.Name}, []string{scope, name})
			return respond(http.StatusNoContent, armsecurity.StandardAssignmentsClientDeleteResponse{})
		},
		NewListPager: func(scope string, _ *armsecurity.StandardAssignmentsClientListOptions) (responder azfake.PagerResponder[armsecurity.StandardAssignmentsClientListResponse]) {
			assert.Equal(t, connector, scope)
			for _, items := range lists {
				list := armsecurity.StandardAssignmentsList{Value: items}
				responder.AddPage(http.StatusOK, armsecurity.StandardAssignmentsClientListResponse{StandardAssignmentsList: list}, nil)
			}
			return responder
		},
	}))
	ours, theirs := ourStandards(t, options), theirStandards(t, options)

	for scope, want := range stored {
		got, err := ours.Get(t.Context(), "/"+scope, *want.Name, nil)
		require.NoError(t, err)
		assertSame(t, want, got.StandardAssignment)
		their, err := theirs.Get(t.Context(), scope, *want.Name, nil)
		require.NoError(t, err)
		assertSame(t, their.StandardAssignment, got.StandardAssignment)
	}
	assertSamePages(t, lists, ours.NewListPager(connector, nil))
	read := 0
	for page, err := range pages(t, theirs.NewListPager(connector, nil)) {
		require.NoError(t, err)
		assertSame(t, lists[read], page.Value)
		read++
	}
	assert.Len(t, lists, read)

	got, err := ours.Get(t.Context(), machine, *exemption.Name, nil)
	require.NoError(t, err)
	put, err := ours.CreateOrUpdate(t.Context(), machine, *exemption.Name, got.StandardAssignment, nil)
	require.NoError(t, err)
	assertSame(t, exemption, created)
	assertSame(t, exemption, put.StandardAssignment)
	_, err = ours.Delete(t.Context(), machine, *exemption.Name, nil)
	require.NoError(t, err)
}

// TestStandardPayloads shows that both sides decode the whole payload.
func TestStandardPayloads(t *testing.T) {
	t.Parallel()
	p := newPayloads(22)
	for _, body := range [][]byte{p.exemption(machine), p.attestation(managementGroup)} {
		theirs := decode[armsecurity.StandardAssignment](t, body)
		assertSame(t, &theirs, decode[armsecops.StandardAssignment](t, body))
		assert.Equal(t, members(t, decode[any](t, body)), members(t, decode[armsecops.StandardAssignment](t, body)))
	}
}
