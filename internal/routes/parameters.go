package routes

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parameter is a parameter of a path.
type parameter struct {
	goName string                           // in the signatures of the clients' methods
	check  func(value string) (rule string) // returns the documented rule that the value breaks, or ""

	checkNew func(value string) (rule string) // of a resource that is created; nil for check
}

// scope is the one parameter whose value is several segments.
var scope = &parameter{goName: "scope", check: checkScope}

// parameters has every parameter that a path of the table names, by the REST API's name.
var parameters = map[string]*parameter{
	"subscriptionId":                    {goName: "subscriptionID", check: checkUUID},
	"resourceGroupName":                 {goName: "resourceGroupName", check: checkResourceGroupName},
	"workspaceName":                     {goName: "workspaceName", check: checkWorkspaceName},
	"workspaceManagerAssignmentName":    {goName: "workspaceManagerAssignmentName", check: checkName},
	"jobName":                           {goName: "jobName", check: checkName},
	"assignmentId":                      {goName: "assignmentID", check: checkSegment},
	"scope":                             scope,
	"standardAssignmentName":            {goName: "standardAssignmentName", check: checkBracedUUID},
	"standardId":                        {goName: "standardID", check: checkBracedUUID},
	"assessmentMetadataName":            {goName: "assessmentMetadataName", check: checkSegment},
	"policyExemptionName":               {goName: "policyExemptionName", check: checkSegment, checkNew: checkPolicyExemptionName},
	"workspaceManagerConfigurationName": {goName: "workspaceManagerConfigurationName", check: checkSegment},
	"workspaceManagerMemberName":        {goName: "workspaceManagerMemberName", check: checkSegment},
	"workspaceManagerGroupName":         {goName: "workspaceManagerGroupName", check: checkSegment},
}

// GoName returns the Go name of a parameter of the REST API.
func GoName(name string) string { return parameters[name].goName }

// CheckSubscription returns the rule that the id of a subscription breaks, or "".
func CheckSubscription(id string) string { return checkUUID(id) }

// CheckAssessmentKey returns the rule that the key of a recommendation breaks, or "".
func CheckAssessmentKey(key string) string { return checkUUID(key) }

// CheckJob returns the rule that the name of a job breaks, or "".
func CheckJob(name string) string { return parameters["jobName"].check(name) }

// CheckID returns the rule that the id of a resource of one of the types breaks, ignoring
// case, or "". A name, and the id of something near, are frequent mistakes.
func CheckID(id string, types ...string) string {
	parts := strings.Split(id, "/")
	for _, t := range types {
		if n := len(parts); parts[0] == "" && n > 4 && parts[n-1] != "" && strings.EqualFold(strings.Join(parts[n-4:n-1], "/"), "providers/"+t) {
			return ""
		}
	}
	return "must be a resource id that ends in /providers/" + types[0] + "/ and a name"
}

// CheckManagementGroup returns the rule that the name of a management group
// breaks, or "".
func CheckManagementGroup(name string) string {
	const reason = "must have 1 to 90 letters, digits and -_.()"
	if len(name) < 1 || len(name) > 90 {
		return reason
	}
	for i := range len(name) {
		if !isAlphanumeric(name[i]) && strings.IndexByte("-_.()", name[i]) < 0 {
			return reason
		}
	}
	return ""
}

// CheckResourceGroup returns the rule that the name of a resource group breaks, or "".
func CheckResourceGroup(name string) string { return checkResourceGroupName(name) }

// InvalidInResourceGroup returns the characters that the name of a resource group must not have.
func InvalidInResourceGroup(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-.()", r) {
			return -1
		}
		return r
	}, name)
}

func checkUUID(s string) string {
	const reason = "must be a UUID, as in 00000000-0000-0000-0000-000000000000"
	if len(s) != 36 {
		return reason
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return reason
			}
		default:
			if !isHex(s[i]) {
				return reason
			}
		}
	}
	return ""
}

// checkResourceGroupName goes by the rules of Azure Resource Manager, which are
// stricter than the documented pattern: a name such as ".." would climb up the path.
func checkResourceGroupName(s string) string {
	if n := utf8.RuneCountInString(s); n < 1 || n > 90 {
		return "must have 1 to 90 characters"
	}
	if InvalidInResourceGroup(s) != "" {
		return "must consist of letters, digits and _-.()"
	}
	if strings.HasSuffix(s, ".") {
		return "must not end in a period"
	}
	return ""
}

func checkWorkspaceName(s string) string {
	if len(s) > 90 {
		return "must have at most 90 characters"
	}
	return checkName(s)
}

// checkName is ^[A-Za-z0-9][A-Za-z0-9-]+[A-Za-z0-9]$.
func checkName(s string) string {
	const reason = "must consist of 3 or more letters, digits and hyphens, and begin and end with a letter or digit"
	if len(s) < 3 || s[0] == '-' || s[len(s)-1] == '-' {
		return reason
	}
	if !isPlain(s) {
		return reason
	}
	return ""
}

// checkSegment allows every name that can be one segment of a path.
func checkSegment(s string) string {
	switch {
	case s == "":
		return "must not be empty"
	case isPlain(s):
		return ""
	case s == ".", s == "..":
		return "must not be a relative path segment"
	case strings.ContainsAny(s, "/?#"):
		return "must not contain /, ? or #"
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return "must be text without control characters"
	}
	return ""
}

// checkScope goes by the form of every resource id: pairs of a type and a name,
// the first type being subscriptions or providers. It refuses a URL with a host.
func checkScope(s string) string {
	const reason = "must be a resource id, as in /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/name," +
		" without host, query and fragment"
	if strings.HasSuffix(s, "/") {
		return "must not end in a slash"
	}
	segments := strings.Split(trimSlash(s), "/")
	if len(segments)%2 != 0 {
		return reason
	}
	switch strings.ToLower(segments[0]) {
	case "subscriptions":
		if rule := checkUUID(segments[1]); rule != "" {
			return "must be below a subscription: its id " + rule
		}
	case "providers":
	default:
		return reason
	}
	for i, segment := range segments {
		if checkSegment(segment) != "" || i%2 == 0 && !isScopePart(segments[:i], segment, len(segments)-i) {
			return reason
		}
	}
	return ""
}

// isScopePart reports whether a name may follow the parts of a scope before it:
// /subscriptions/ID, /resourceGroups/NAME, and /providers/NAMESPACE with one or more
// /TYPE/NAME.
//   - left: the number of segments from the name to the end
func isScopePart(before []string, name string, left int) bool {
	at := len(before)
	switch {
	case at == 0:
		return true
	case strings.EqualFold(name, "providers"):
		return left > 2 && !strings.EqualFold(before[at-2], "providers")
	case at == 2 && strings.EqualFold(before[0], "subscriptions"):
		return strings.EqualFold(name, "resourceGroups")
	}
	return slices.ContainsFunc(before, func(s string) bool { return strings.EqualFold(s, "providers") })
}

// checkBracedUUID is ^[{]?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}[}]?$.
func checkBracedUUID(s string) string {
	if rule := checkUUID(strings.TrimSuffix(strings.TrimPrefix(s, "{"), "}")); rule != "" {
		return rule + ", with or without braces"
	}
	return ""
}

// isPlain reports whether there are only letters, digits and hyphens.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] != '-' && !isAlphanumeric(s[i]) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}

// checkPolicyExemptionName is the rule for new names. Azure Policy has exemptions
// of older names, which are read and deleted under any name of one segment.
func checkPolicyExemptionName(s string) string {
	if strings.ContainsAny(s, `<>*%&:\?.+/`) || strings.HasSuffix(s, " ") {
		return `must not contain any of <>*%&:\?.+/ and not end in a space`
	}
	return checkSegment(s)
}
