package testkit

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/armsecops/armsecops/internal/routes"
)

// Call is what a call of an operation needs.
type Call struct {
	Route   *routes.Route
	Values  []string       // of the path's parameters
	Body    []byte         // the JSON of the model, if the operation takes one
	Options map[string]any // members of the operation's options, by their names in Go or REST
}

// Call returns the call of which the exchange is the documentation.
func (e Exchange) Call() Call {
	route, values := e.Route()
	c := Call{Route: route, Values: values, Body: e.Request.Body, Options: map[string]any{}}
	u, _ := url.Parse(e.Request.URL)
	for name, value := range u.Query() {
		name = strings.TrimPrefix(name, "$")
		c.Options[name] = value[0]
		if n, err := strconv.Atoi(value[0]); err == nil && name == "top" {
			c.Options[name] = n
		}
	}
	if route.Kind == routes.Query {
		if err := json.Unmarshal(e.Request.Body, &c.Options); err != nil {
			panic(err)
		}
		_, where, _ := strings.Cut(fmt.Sprint(c.Options["query"]), "\n| where (")
		c.Options["where"], _, _ = strings.Cut(where, ")\n")
		c.Options["subscriptionIDs"] = c.Options["subscriptions"]
	}
	return c
}

// CallOf returns the documented call of the operation. Only queries may have none.
func CallOf(route *routes.Route) Call {
	if e, ok := ExchangeOf(route); ok {
		return e.Call()
	}
	return Call{Route: route}
}

// With returns the call with an option.
func (c Call) With(name string, value any) Call {
	c.Options = maps.Collect(maps.All(c.Options))
	c.Options[name] = value
	return c
}

// OptionsOf returns options of the type, a pointer, with the members that it has.
func (c Call) OptionsOf(t reflect.Type) reflect.Value {
	options := reflect.New(t.Elem())
	text, _ := json.Marshal(c.Options)                                // nothing is no JSON
	if err := json.Unmarshal(text, options.Interface()); err != nil { // ignores case
		panic(err)
	}
	return options
}

const subscriptionFormat = "aaaaaaaa-0000-0000-0000-%012d"

// SubscriptionID returns the id of one of many subscriptions.
func SubscriptionID(n int) string { return fmt.Sprintf(subscriptionFormat, n) }

// SubscriptionIDs returns the ids of n subscriptions.
func SubscriptionIDs(n int) []string { return Names(n, subscriptionFormat) }

// Numbers returns the names of n items that are named by number.
func Numbers(n int) []string { return Names(n, "%d") }

// Names returns n names by the format of their numbers.
func Names(n int, format string) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf(format, i))
	}
	return names
}
