// Exempting writes a row of CSV for each exemption of the subscriptions in use: what it is
// from, until when, and who created it. The other files have functions to copy.
//
//	go run -C interop ./exempting
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/armsecops/armsecops"
)

func main() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: exempting, without arguments, after az login") }
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	err = report(ctx, os.Stdout, credential, &armsecops.ClientOptions{})
	cancel()
	if err != nil {
		log.Fatal(err) // with exit code 1, after all rows are written
	}
}

// report writes the rows of all that can be read. The error says what can't.
func report(ctx context.Context, w io.Writer, credential azcore.TokenCredential, options *armsecops.ClientOptions) error {
	factory, err := armsecops.NewClientFactory(credential, options)
	if err != nil {
		return err
	}
	ids, err := subscriptions(ctx, credential, &options.ClientOptions)
	if err != nil {
		return err
	}
	names, namesErr := recommendations(ctx, factory.NewAssessmentsMetadataClient(), ids...)
	client := factory.NewExemptionsClient()
	listing := client.ListAcrossSubscriptions(ctx, ids, &armsecops.ExemptionsClientListAcrossSubscriptionsOptions{IncludeInherited: true})
	rows, rowsErr := inventory(ctx, client, listing, &policies{credential: credential, options: &options.ClientOptions}, names)
	var failed error
	records := [][]string{{"id", "name", "scope", "from", "category", "expires", "created by", "error"}}
	for _, r := range rows {
		records = append(records, r.record())
		if r.Err != nil {
			failed = fmt.Errorf("the column error says what some rows lack, such as that of %s", r.ID)
		}
	}
	return errors.Join(namesErr, rowsErr, failed, csv.NewWriter(w).WriteAll(records))
}
