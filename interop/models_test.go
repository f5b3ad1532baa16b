package interop

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/armsecops/armsecops/internal/testkit"
	"github.com/armsecops/armsecops/test/driver"
)

// Our models have every member of theirs and its type, and write a required false or
// 0; our enumerations have the values of theirs.
func TestModelsAreTheirs(t *testing.T) {
	t.Parallel()
	resource := func(library driver.Library, client string) reflect.Value {
		get, _ := reflect.TypeOf(library[client]).Out(0).MethodByName("Get")
		return reflect.New(get.Type.Out(0).Field(0).Type)
	}
	seen := map[string][]string{} // values of our strings, by type
	for client := range theirs {
		their, ours := resource(theirs, client), resource(driver.Ours, client)
		f := sourceOf(t, their.Elem().Type().PkgPath())
		for f.pass = range 64 { // no enumeration has more values
			f.fill(their.Elem(), 0)
			text := wireForm(t, their.Interface())
			ours.Elem().SetZero()
			require.NoError(t, json.Unmarshal([]byte(text), ours.Interface()), client)
			require.Empty(t, testkit.Unknown(ours.Elem().Interface()), "%s: members that the model lacks, or has by another name", client)
			require.Equal(t, text, wireForm(t, ours.Interface()), "%s: members that are lost", client)
			testkit.Each(ours.Elem(), func(v reflect.Value) {
				if v.Kind() == reflect.String && v.String() != "" && v.String() != anyText {
					seen[v.Type().Name()] = append(seen[v.Type().Name()], v.String())
				}
			})
		}
	}
	differ := map[string]string{}
	for enumeration, constants := range sourceOf(t, "github.com/armsecops/armsecops").values {
		for _, value := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(constants, seen[enumeration])))) {
			if seen[enumeration] != nil && slices.Contains(constants, value) != slices.Contains(seen[enumeration], value) {
				differ[enumeration] += value + " "
			}
		}
	}
	assert.Equal(t, map[string]string{
		"AssessmentSeverity": "Critical ", // of their later api-version, as the next
		"AssessmentType":     "BuiltInPolicy Custom DynamicBuiltIn ManualBuiltIn ManualBuiltInPolicy ManualCustomPolicy Unknown ",
		"Effect":             "Disable ",                            // ours: seen
		"ExemptionCategory":  "Mitigated Waiver ",                   // of Azure Policy: ours, in another casing
		"JobItemStatus":      "Active Approved Backlog Closed New ", // of other resources, as the next
		"ProvisioningState":  "Accepted ",
	}, differ, "values that only one of the two has: give the reason here, or mend the constant")
}

// filler sets every field of a model of theirs, by what the source of its package says.
type filler struct {
	values   map[string][]string // of enumerations
	required map[string]bool     // fields that are a bool or a number
	pass     int                 // which value enumerations have; in an odd one, required is false or 0
}

var (
	constant      = regexp.MustCompile(`(?m)^\t\w+ +(\w+) += "(.+?)"`)
	requiredField = regexp.MustCompile(`// REQUIRED;.*\n(?:\t//.*\n)*\t(\w+) +\*(?:bool|int|float)`)
)

func sourceOf(t *testing.T, path string) (f filler) {
	t.Helper()
	f = filler{values: map[string][]string{}, required: map[string]bool{}}
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", path).Output()
	require.NoError(t, err)
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range constant.FindAllStringSubmatch(string(text), -1) {
			f.values[match[1]] = append(f.values[match[1]], match[2])
		}
		for declaration := range strings.SplitSeq(string(text), "\ntype ") {
			name, _, _ := strings.Cut(declaration, " ")
			for _, match := range requiredField.FindAllStringSubmatch(declaration, -1) {
				f.required[name+"."+match[1]] = true
			}
		}
	}
	return f
}

const anyText = "text"

func (f filler) fill(v reflect.Value, depth int) {
	switch of := v.Type(); of.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(of.Elem()))
		f.fill(v.Elem(), depth)
	case reflect.Struct:
		if of == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)))
			return
		}
		for field, value := range v.Fields() {
			f.fill(value, depth+1)
			if f.pass%2 == 1 && f.required[of.Name()+"."+field.Name] {
				value.Elem().SetZero()
			}
		}
		for _, value := range v.Fields() {
			if strings.HasSuffix(value.Type().String(), "Classification") { // a union, or a list
				text, _ := json.Marshal(v.Addr().Interface())
				_ = json.Unmarshal(text, v.Addr().Interface()) // makes the types that the discriminators say
				f.fill(value, depth+1)
			}
		}
	case reflect.Slice:
		pass, again := f.pass, v.Len() > 0
		if !again && depth < 8 { // a type may hold itself
			v.Set(reflect.MakeSlice(of, 5, 5))
		}
		for i := range v.Len() {
			if !again {
				f.pass = pass + i // another type of a union
			}
			f.fill(v.Index(i), depth)
		}
	case reflect.Map:
		value := reflect.New(of.Elem()).Elem()
		f.fill(value, depth)
		v.Set(reflect.MakeMap(of))
		v.SetMapIndex(reflect.ValueOf("a"), value)
	case reflect.Interface:
		if of == reflect.TypeFor[any]() {
			v.Set(reflect.ValueOf(anyText))
			return
		}
		if v.IsNil() {
			get, _ := of.MethodByName("Get" + strings.TrimSuffix(of.Name(), "Classification"))
			v.Set(reflect.New(get.Type.Out(0).Elem()))
		}
		f.fill(v.Elem().Elem(), depth)
	case reflect.String:
		v.SetString(anyText)
		if values := f.values[of.Name()]; of.PkgPath() != "" && values != nil {
			v.SetString(values[f.pass%len(values)])
		}
	case reflect.Bool:
		v.SetBool(true)
	default:
		v.Set(reflect.ValueOf(1).Convert(of))
	}
}
