package operations

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops"
	"github.com/armsecops/armsecops/internal/routes"
	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// gets yields the operations that return one resource.
func gets(yield func(*routes.Route) bool) {
	for _, route := range driver.Operations() {
		if route.Kind == routes.Get && !yield(route) {
			return
		}
	}
}

func idOf(route *routes.Route) (id string, parts []string) {
	parts = testkit.CallOf(route).Values
	if route.OfScope() {
		parts = append([]string{"/" + strings.TrimPrefix(parts[0], "/")}, parts[1:]...)
	}
	return route.ID(parts...), parts
}

func TestEveryIDIsParsed(t *testing.T) {
	t.Parallel()
	for route := range gets {
		t.Run(route.Operation, func(t *testing.T) {
			t.Parallel()
			id, want := idOf(route)
			upper := strings.ToUpper(id)
			for text, unchanged := range map[string]bool{id: true, id[1:]: true, upper: false, upper[1:]: false} {
				written, parts, err := driver.ParseID(route.Resource.Client, text)
				require.NoError(t, err, text)
				assert.True(t, strings.EqualFold(id, written), written)
				if unchanged {
					assert.Equal(t, want, parts)
					assert.Equal(t, id, written)
					continue
				}
				for i, part := range parts { // which keep their case
					assert.Equal(t, strings.ToUpper(want[i]), part)
				}
			}
		})
	}
}

// notIDs returns texts that are near the id of a resource.
func notIDs(route *routes.Route) map[string]string {
	id, parts := idOf(route)
	name := parts[len(parts)-1]
	texts := map[string]string{
		"empty":                      "",
		"slash":                      "/",
		"word":                       name,
		"two slashes first":          "/" + id,
		"slash last":                 id + "/",
		"two slashes in the middle":  strings.Replace(id, "/providers", "//providers", 1),
		"more segments":              id + "/items/1",
		"fewer segments":             strings.TrimSuffix(id, "/"+name),
		"another provider":           strings.ReplaceAll(id, "Microsoft.", "Contoso."),
		"literal of the same length": strings.TrimSuffix(id, "s/"+name) + "t/" + name,
		"letters that fold to ASCII": strings.TrimSuffix(id, "s/"+name) + "ſ/" + name,
		"query":                      id + "?api-version=1",
		"URL":                        "https://management.azure.com" + id,
		"white space first":          " " + id,
		"line end":                   id + "\n",
		"escaped slashes":            strings.ReplaceAll(id, "/", "%2F"),
		"backslashes":                strings.ReplaceAll(id, "/", `\`),
		"not UTF-8":                  id + "\xff",
	}
	for i, parameter := range route.Parameters() {
		for _, value := range []string{"", ".."} {
			parts := slices.Clone(parts)
			parts[i] = value
			texts[parameter+" "+value] = route.ID(parts...)
		}
	}
	for other := range gets {
		if other.Resource != route.Resource {
			texts[other.Operation], _ = idOf(other)
		}
	}
	return texts
}

func TestEveryParserRefusesOtherIDs(t *testing.T) {
	t.Parallel()
	for route := range gets {
		for name, text := range notIDs(route) {
			_, parts, err := driver.ParseID(route.Resource.Client, text)
			assert.Empty(t, parts, "%s: %s", route.Operation, name)
			driver.AssertParameterError(t, err, "id")
		}
	}
}

// An id that is read is written as an id, and read as the same again.
func FuzzParseID(f *testing.F) {
	for route := range gets {
		id, _ := idOf(route)
		f.Add(id)
		f.Add(strings.ToUpper(id[1:]))
		for _, text := range notIDs(route) {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for client := range driver.Parsers {
			id, parts, err := driver.ParseID(client, text)
			if err != nil {
				require.ErrorAs(t, err, new(*armsecops.ParameterError))
				require.Empty(t, parts)
				continue
			}
			require.True(t, strings.EqualFold(id, "/"+strings.TrimPrefix(text, "/")), "%q became %q", text, id)
			again, same, err := driver.ParseID(client, id)
			require.NoError(t, err)
			require.Equal(t, id, again)
			require.Equal(t, parts, same)
		}
	})
}
