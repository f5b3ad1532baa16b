package testkit

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Whole returns a document of a type with every member, and with unknown ones.
func Whole(t reflect.Type) string { return generator{}.value(t, "", 0) }

// Random returns a document of a type by chance, which has a name.
func Random(t reflect.Type, random *rand.Rand) string { return generator{random}.value(t, "", 0) }

// generator makes documents: by chance, or whole if it has none.
type generator struct{ *rand.Rand }

// chance returns a number below n: by chance, or the other one.
func (g generator) chance(n, other int) int {
	if g.Rand == nil {
		return other
	}
	return g.IntN(n)
}

// value returns a JSON value for a type.
func (g generator) value(t reflect.Type, name string, depth int) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		if g.Rand == nil {
			return `"2022-06-14T04:52:52.9614956Z"`
		}
		return time.Unix(g.Int64N(4e9), g.Int64N(1e9)).UTC().Format(`"` + time.RFC3339Nano + `"`)
	case t == reflect.TypeFor[json.RawMessage]():
		return g.anything()
	}
	switch t.Kind() {
	case reflect.Struct:
		return g.object(t, depth)
	case reflect.Slice:
		var elements []string
		for range g.chance(4, 2) {
			elements = append(elements, g.value(t.Elem(), name, depth+1))
		}
		return "[" + strings.Join(elements, ",") + "]"
	case reflect.Map:
		return `{"a":"b","c":""}`
	case reflect.Bool:
		return "true" // false is left out
	case reflect.Int, reflect.Int32, reflect.Int64:
		return strconv.Itoa(1 + g.chance(1000, 1))
	}
	return g.text()
}

// object returns an object with members of a struct, and with some that are
// unknown. No known member is {}: that turns into its absence.
func (g generator) object(t reflect.Type, depth int) string {
	var members []string
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		nested := field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct
		if name == "" || nested && depth > 6 { // of a type that holds itself
			continue
		}
		if always := options != "omitzero" || depth == 0 && name == "name"; !always && g.chance(4, 1) == 0 {
			continue
		}
		if value := g.value(field.Type, name, depth+1); value != "{}" || field.Type == reflect.TypeFor[json.RawMessage]() {
			members = append(members, strconv.Quote(name)+":"+value)
		}
	}
	for n := range g.chance(3, 2) {
		members = append(members, fmt.Sprintf(`"unknown%d":%s`, n, g.anything()))
	}
	if g.Rand != nil {
		g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	return "{" + strings.Join(members, ",") + "}"
}

// anything returns any JSON.
func (g generator) anything() string {
	return []string{
		"null", "true", `""`, "18446744073709551615", "-1.5e-300", g.text(), `["",{"a":null},[[]]]`,
		`{"a":[1.10,12345678901234567890,-0,null,{"b":[{}]}],"c":""}`,
	}[g.chance(8, 7)]
}

func (g generator) text() string {
	return []string{
		`"plain"`, `"größe 東京 \u0000 <&> \\ \" / 😀"`, `"2022-06-14T04:52:52Z"`, `"` + strings.Repeat("long ", 100) + `"`,
	}[g.chance(4, 1)]
}
