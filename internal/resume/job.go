package resume

import (
	"bytes"
	"encoding/json"
)

// JobToken is the content of a poller's resume token. azcore writes its JSON.
type JobToken struct {
	ID       string `json:"jobId"`
	Checksum []byte `json:"checksum"` // of ID
}

// NewJobToken returns the content of the token of a job's poller.
func NewJobToken(id string) JobToken { return JobToken{id, checksum([]byte(id))} }

// AlteredJobToken is the rule that a resume token breaks which no poller made.
const AlteredJobToken = "must be a token of the ResumeToken method of a poller: it was altered"

// ReadJobToken returns the resource id of the job that a resume token names, or the
// rule that the token breaks. The id isn't trusted.
func ReadJobToken(token string) (id, reason string) {
	// As azcore writes the token. Earlier versions had a type for each of the two methods.
	var content struct {
		Type  string   `json:"type"`
		Token JobToken `json:"token"`
	}
	err := json.Unmarshal([]byte(token), &content)
	switch {
	case err != nil || content.Type != "WorkspaceManagerJobsClientCreateResponse" && content.Type != "WorkspaceManagerJobsClientGetResponse":
		return "", "must be a token of the ResumeToken method of a poller"
	case !bytes.Equal(content.Token.Checksum, checksum([]byte(content.Token.ID))):
		return "", AlteredJobToken
	}
	return content.Token.ID, ""
}
