package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/fake"
)

// azcore's contexts are options of one call: here its retries, a header and the response.
func Example_optionsOfOneCall() {
	client := exampleJobsClient()
	var resp *http.Response
	ctx := policy.WithRetryOptions(context.Background(), policy.RetryOptions{MaxRetries: -1}) // none
	ctx = policy.WithHTTPHeader(ctx, http.Header{"x-ms-client-request-id": {"SEC-17"}})
	ctx = policy.WithCaptureResponse(ctx, &resp)
	_, err := client.Get(ctx, "myRg", "myWorkspace", exampleAssignmentName, exampleJobName, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode, resp.Request.Header.Get("x-ms-client-request-id"))
	// Output: 200 SEC-17
}

// A write with an ETag in If-Match fails if the resource has changed since.
func Example_conditionalWrite() {
	options := &armsecops.ClientOptions{}
	options.Transport = fake.NewServer(nil)
	client, err := armsecops.NewSecurityAssignmentsClient("20ff7fc3-e762-44dd-bd96-b71116dcdc23", &azfake.TokenCredential{}, options)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	read, err := client.CreateOrUpdate(ctx, "myResourceGroup", "exemption", armsecops.Assignment{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	other := armsecops.Assignment{Properties: armsecops.AssignmentProperties{DisplayName: "Changed by another program"}}
	if _, err := client.CreateOrUpdate(ctx, "myResourceGroup", "exemption", other, nil); err != nil {
		log.Fatal(err)
	}

	ctx = policy.WithHTTPHeader(ctx, http.Header{"If-Match": {string(read.ETag)}})
	_, err = client.CreateOrUpdate(ctx, "myResourceGroup", "exemption", read.Assignment, nil)
	fmt.Println(errors.Is(err, armsecops.ErrPreconditionFailed))
	// Output: true
}
