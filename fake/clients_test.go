package fake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/armsecops/armsecops/fake"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/test/driver"
)

// Every operation of every client works with the server, on every transport.
func TestEveryClientWorksWithTheServer(t *testing.T) {
	t.Parallel()
	for client := range driver.Ours {
		for name, transport := range transports {
			t.Run(client+"/"+name, func(t *testing.T) {
				t.Parallel()
				o := transport(t, fake.NewServer(&fake.ServerOptions{PageSize: 2}))
				steps := driver.Play(t, driver.Ours, client, driver.Ours.Has, o)
				called := map[*routes.Route]bool{}
				for _, step := range steps {
					called[step.Call.Route] = true
				}
				for _, route := range routes.All {
					assert.True(t, called[route] || route.Resource.Client != client || !driver.Ours.Has(route), route.Operation)
				}
			})
		}
	}
}
