package resume

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Tokens are kept by callers while the library changes.
func TestJobTokenContent(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(NewJobToken("/subscriptions/s/jobs/j"))
	require.NoError(t, err)
	assert.Equal(t, `{"jobId":"/subscriptions/s/jobs/j","checksum":"dpkfmsU0beQ="}`, string(text))
}

func TestReadJobToken(t *testing.T) {
	t.Parallel()
	const (
		other   = "must be a token of such a poller"
		id      = "/subscriptions/s/jobs/j"
		content = `{"jobId":"` + id + `","checksum":"dpkfmsU0beQ="}`
		get     = `{"type":"WorkspaceManagerJobsClientGetResponse"`
	)
	for name, test := range map[string]struct{ token, id, reason string }{
		"of NewJobPoller":       {get + `,"token":` + content + `}`, id, ""},
		"of an earlier Create":  {`{"type":"WorkspaceManagerJobsClientCreateResponse","token":` + content + `}`, id, ""},
		"of another poller":     {`{"type":"AnotherClientGetResponse","token":` + content + `}`, "", other},
		"without type":          {`{"token":` + content + `}`, "", other},
		"not JSON":              {`token`, "", other},
		"empty":                 {``, "", other},
		"null":                  {`null`, "", other},
		"without content":       {get + `}`, "", AlteredJobToken},
		"checksum of another":   {get + `,"token":{"jobId":"/a","checksum":"dpkfmsU0beQ="}}`, "", AlteredJobToken},
		"checksum that is cut":  {get + `,"token":{"jobId":"/subscriptions/s/jobs/j","checksum":"AAAA"}}`, "", AlteredJobToken},
		"without checksum":      {get + `,"token":{"jobId":"/subscriptions/s/jobs/j"}}`, "", AlteredJobToken},
		"checksum not a string": {get + `,"token":{"jobId":"/a","checksum":8}}`, "", other},
	} {
		got, reason := ReadJobToken(test.token)
		assert.Equal(t, test.id, got, name)
		assert.Equal(t, test.reason, reason, name)
	}
}
