package armsecops_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"

	"github.com/armsecops/armsecops"
)

// A listing of a whole tenant needs no subscription of its own.
func ExampleSecurityAssignmentsClient_NewResourceGraphPager() {
	client, err := exampleFactory().NewSecurityAssignmentsClient("")
	if err != nil {
		log.Fatal(err)
	}
	for assignment, err := range client.NewResourceGraphPager(nil).All(context.Background()) {
		if errors.Is(err, armsecops.ErrIncompleteResult) {
			log.Fatal("query fewer subscriptions at a time: ", err)
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(assignment.SubscriptionID(), assignment.Properties.DisplayName)
	}
	// Output: 20ff7fc3-e762-44dd-bd96-b71116dcdc23 ASC Default
}

// Page by page, with how far it has come.
func ExampleStandardAssignmentsClient_NewResourceGraphPager() {
	client := exampleStandardsClient()
	rows := 0
	for page, err := range client.NewResourceGraphPager(nil).Pages(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		var total int
		if err := json.Unmarshal(page.AdditionalProperties["totalRecords"], &total); err != nil {
			log.Fatal(err)
		}
		rows += len(page.Value)
		fmt.Println(rows, "of", total)
	}
	// Output: 3 of 3
}
