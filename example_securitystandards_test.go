package armsecops_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/armsecops/armsecops"
)

const (
	exampleStandardScope = "/subscriptions/20ff7fc3-e762-44dd-bd96-b71116dcdc23"
	exampleStandardID    = "8bb8be0a-6010-4789-812f-e4d661c4ed0e"
)

// exampleStandards returns a client with one custom standard.
func exampleStandards() *armsecops.SecurityStandardsClient {
	client := exampleFactory().NewSecurityStandardsClient()
	_, err := client.CreateOrUpdate(context.Background(), exampleStandardScope, exampleStandardID, armsecops.SecurityStandard{
		Properties: armsecops.SecurityStandardProperties{
			DisplayName:    "Azure Test Security Standard 1",
			CloudProviders: []armsecops.StandardSupportedCloud{armsecops.StandardSupportedCloudGCP},
			Assessments:    []armsecops.PartialAssessmentProperties{{AssessmentKey: "1195afff-c881-495e-9bc5-1486211ae03f"}},
		},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleSecurityStandardsClient_Get() {
	client := exampleStandards()
	standard, err := client.Get(context.Background(), exampleStandardScope, exampleStandardID, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(standard.Properties.DisplayName, len(standard.Properties.Assessments))
	// Output: Azure Test Security Standard 1 1
}

func ExampleSecurityStandardsClient_CreateOrUpdate() {
	client := exampleStandards()
	ctx := context.Background()
	got, err := client.Get(ctx, exampleStandardScope, exampleStandardID, nil)
	if err != nil {
		log.Fatal(err)
	}
	got.Properties.Assessments = append(got.Properties.Assessments, armsecops.PartialAssessmentProperties{AssessmentKey: "dbd0cb49-b563-45e7-9724-889e799fa648"})
	put, err := client.CreateOrUpdate(ctx, exampleStandardScope, exampleStandardID, got.SecurityStandard, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(put.Properties.Assessments))
	// Output: 2
}

func ExampleSecurityStandardsClient_Delete() {
	client := exampleStandards()
	ctx := context.Background()
	if _, err := client.Delete(ctx, exampleStandardScope, exampleStandardID, nil); err != nil {
		log.Fatal(err)
	}
	_, err := client.Get(ctx, exampleStandardScope, exampleStandardID, nil)
	fmt.Println(errors.Is(err, armsecops.ErrNotFound))
	// Output: true
}

func ExampleSecurityStandardsClient_NewListPager() {
	client := exampleStandards()
	for standard, err := range client.NewListPager(exampleStandardScope, nil).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if standard.Name == exampleStandardID {
			fmt.Println(standard.Properties.DisplayName)
		}
	}
	// Output: Azure Test Security Standard 1
}
