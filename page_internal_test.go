package armsecops

import (
	"encoding/json"
	"strings"
	"testing"

	mirror "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a model may come to hold one day: open objects in elements that move
// while their array grows, and after the array that is in pieces.
type nested struct {
	Below []struct {
		Open                 map[string]any             `json:"open"`
		AdditionalProperties map[string]json.RawMessage `json:",embed"`
	} `json:"below"`
	Open                 map[string]any             `json:"open"`
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

type nestedPage struct {
	Value                pieces[nested]             `json:"value"`
	Open                 map[string]any             `json:"open"`
	AdditionalProperties map[string]json.RawMessage `json:",embed"`
}

func (p *nestedPage) UnmarshalJSONFrom(d *jsontext.Decoder) error { return decode(d, p) }

func TestNothingStaysUnread(t *testing.T) {
	t.Parallel()
	const below = `{"open":{"a":1}}`
	element := `{"below":[` + strings.Repeat(below+",", 40) + below + `],"open":{"a":1}}`
	var page nestedPage
	require.NoError(t, mirror.UnmarshalRead(strings.NewReader(`{"value":[`+element+","+element+`],"open":{"a":1}}`), &page, modelOptions))

	want := map[string]any{"a": json.Number("1")}
	assert.Equal(t, want, page.Open)
	for i := range page.Value {
		for _, item := range page.Value.take(i) {
			assert.Equal(t, want, item.Open)
			assert.Len(t, item.Below, 41)
			for _, b := range item.Below {
				assert.Equal(t, want, b.Open)
			}
		}
	}
	assert.Empty(t, notRead)
}
