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
		content = `{"jobId":"/subscriptions/s/jobs/j","checksum":"dpkfmsU0beQ="}`
	)
	for name, test := range map[string]struct{ token, id, reason string }{
		"of NewJobPoller":       {`{"type":"WorkspaceManagerJobsClientGetResponse","token":` + content + `}`, "/subscriptions/s/jobs/j", ""},
		"of an earlier Create":  {`{"type":"WorkspaceManagerJobsClientCreateResponse","token":` + content + `}`, "/subscriptions/s/jobs/j", ""},
		"of another poller":     {`{"type":"AnotherClientGetResponse","token":` + content + `}`, "", other},
		"without type":          {`{"token":` + content + `}`, "", other},
		"not JSON":              {`token`, "", other},
		"empty":                 {``, "", other},
		"null":                  {`null`, "", other},
		"without content":       {`{"type":"WorkspaceManagerJobsClientGetResponse"}`, "", AlteredJobToken},
		"checksum of another":   {`{"type":"WorkspaceManagerJobsClientGetResponse","token":{"jobId":"/a","checksum":"dpkfmsU0beQ="}}`, "", AlteredJobToken},
		"checksum that is cut":  {`{"type":"WorkspaceManagerJobsClientGetResponse","token":{"jobId":"/subscriptions/s/jobs/j","checksum":"AAAA"}}`, "", AlteredJobToken},
		"without checksum":      {`{"type":"WorkspaceManagerJobsClientGetResponse","token":{"jobId":"/subscriptions/s/jobs/j"}}`, "", AlteredJobToken},
		"checksum not a string": {`{"type":"WorkspaceManagerJobsClientGetResponse","token":{"jobId":"/a","checksum":8}}`, "", other},
	} {
		id, reason := ReadJobToken(test.token)
		assert.Equal(t, test.id, id, name)
		assert.Equal(t, test.reason, reason, name)
	}
}
