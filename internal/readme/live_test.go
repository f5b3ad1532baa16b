package main

import (
	"errors"
	"testing"

	"github.com/armsecops/armsecops"
)

func TestNewLiveClient(t *testing.T) {
	t.Parallel()
	if _, err := newLiveClient("20ff7fc3-e762-44dd-bd96-b71116dcdc23"); err != nil {
		t.Error(err)
	}
	_, err := newLiveClient("mine")
	if refused, ok := errors.AsType[*armsecops.ParameterError](err); !ok || refused.Name != "subscriptionID" {
		t.Errorf("error %v, want a ParameterError for the subscription", err)
	}
}
