package routes

import "strings"

// SubscriptionOf returns the subscription that a resource id begins with, or ""
// if it begins with something else.
func SubscriptionOf(id string) string { return nameAt(id, 0, "subscriptions") }

// ResourceGroupOf returns the resource group of a resource id, or "" if it has none.
func ResourceGroupOf(id string) string {
	if SubscriptionOf(id) == "" {
		return ""
	}
	return nameAt(id, 1, "resourceGroups")
}

// nameAt returns the name of the nth pair of an id if the pair has the type, or else "".
func nameAt(id string, n int, kind string) string {
	id = trimSlash(id)
	for ; ; n-- {
		found, rest, _ := strings.Cut(id, "/")
		name, rest, _ := strings.Cut(rest, "/")
		switch {
		case n == 0 && equalFold(found, kind):
			return name
		case n == 0 || rest == "":
			return ""
		}
		id = rest
	}
}

// IsBelow reports whether a resource is below another one, or below a scope,
// ignoring case. A scope that is empty is above all.
func IsBelow(id, above string) bool {
	id, above = trimSlash(id), trimSlash(above)
	if above == "" {
		return true
	}
	return len(id) > len(above) && id[len(above)] == '/' && strings.EqualFold(id[:len(above)], above)
}

// ScopeOf returns the scope of an extension resource, with its first slash: what its
// id has before the last provider. It is "" for an id of another form.
func ScopeOf(id string) string {
	segments := strings.Split(trimSlash(id), "/")
	n := len(segments) - 4 // providers, namespace, type and name
	if n < 1 || !equalFold(segments[n], "providers") {
		return ""
	}
	return "/" + strings.Join(segments[:n], "/")
}

// trimSlash returns an id without its first slash, which a caller may leave out.
func trimSlash(id string) string { return strings.TrimPrefix(id, "/") }

// Ancestor is one of the resources above another one, or that one itself.
type Ancestor struct {
	Type string // as in "Microsoft.Security/assignments", "subscriptions" or "resourceGroups"
	ID   string // with a first slash
	Name string
}

// Ancestors returns the resources that a resource id names, from the outermost to
// the resource itself. It ends where the id isn't one.
func Ancestors(id string) []Ancestor { return AncestorsIn(strings.Split(trimSlash(id), "/")) }

// AncestorsIn is Ancestors for the segments of a path. It ignores one at the end
// that isn't followed by a name.
func AncestorsIn(segments []string) []Ancestor {
	var ancestors []Ancestor
	namespace, path := "", ""
	for i := 0; i+1 < len(segments); i += 2 {
		kind, name := segments[i], segments[i+1]
		path += "/" + kind + "/" + name
		switch {
		case equalFold(kind, "providers"):
			namespace = name
			continue
		case namespace == "":
			ancestors = append(ancestors, Ancestor{kind, path, name})
			continue
		}
		namespace += "/" + kind
		ancestors = append(ancestors, Ancestor{namespace, path, name})
	}
	return ancestors
}

// NamespaceIn returns the first resource provider that the segments of a path
// name, such as "Microsoft.Security", or "".
func NamespaceIn(segments []string) string {
	for i := 0; i+1 < len(segments); i += 2 {
		if equalFold(segments[i], "providers") {
			return segments[i+1]
		}
	}
	return ""
}
