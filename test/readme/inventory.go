package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/armsecops/armsecops"
)

// inventory writes the exemptions of subscriptions, and those of management groups, as they are now: when each ends, who
// created it, its name and its scope; also what has ended. The error says what couldn't be read: the rest is written.
func inventory(ctx context.Context, w io.Writer, client *armsecops.ExemptionsClient, subscriptionIDs []string) error {
	var errs []error
	for exemption, err := range client.ListAcrossSubscriptions(ctx, subscriptionIDs, nil) {
		if err != nil { // of one subscription, and the others continue; or the last, such as ErrCredential
			errs = append(errs, err)
			continue
		}
		ends := "never"
		if !exemption.ExpiresOn.IsZero() {
			ends = exemption.ExpiresOn.Format(time.DateOnly)
		}
		name := cmp.Or(exemption.DisplayName, exemption.Name)
		if _, err := fmt.Fprintf(w, "%s\t%q\t%q\t%s\n", ends, exemption.CreatedBy, name, cmp.Or(exemption.Scope, exemption.ID)); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}
