package armsecops_test

import (
	"context"
	"fmt"
	"log"
)

// The key of a recommendation is the name of its metadata. ExemptedBy says where it
// is exempted.
func ExampleAssessmentsMetadataClient_Get() {
	client := exampleFactory().NewAssessmentsMetadataClient()
	metadata, err := client.Get(context.Background(), "21300918-b2e3-0346-785f-c77ff57d243b", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(metadata.Properties.DisplayName)
	fmt.Println(metadata.Properties.ExemptedBy())
	// Output:
	// Install endpoint protection solution on virtual machine scale sets
	// Microsoft.Authorization/policyExemptions
}

func ExampleAssessmentsMetadataClient_GetInSubscription() {
	client := exampleFactory().NewAssessmentsMetadataClient()
	metadata, err := client.GetInSubscription(context.Background(), "0980887d-03d6-408c-9566-532f3456804e", "21300918-b2e3-0346-785f-c77ff57d243b", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(metadata.Properties.Severity)
	// Output: Medium
}

func ExampleAssessmentsMetadataClient_NewListPager() {
	client := exampleFactory().NewAssessmentsMetadataClient()
	for metadata, err := range client.NewListPager(nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if metadata.Properties.DisplayName == "Close management ports on your virtual machines" {
			fmt.Println(metadata.Name)
		}
	}
	// Output: bc303248-3d14-44c2-96a0-55f5c326b5fe
}

func ExampleAssessmentsMetadataClient_NewListBySubscriptionPager() {
	client := exampleFactory().NewAssessmentsMetadataClient()
	n := 0
	for _, err := range client.NewListBySubscriptionPager("0980887d-03d6-408c-9566-532f3456804e", nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		n++
	}
	fmt.Println(n > 0)
	// Output: true
}
