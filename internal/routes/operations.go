package routes

import (
	"fmt"
	"strings"
)

// others has the methods of the clients whose requests belong to other operations.
var others = map[string]string{
	"WorkspaceManagerJobsClient.BeginCreate":            "WorkspaceManagerJobsClient.Create",
	"WorkspaceManagerJobsClient.NewJobPoller":           "WorkspaceManagerJobsClient.Get",
	"SecurityAssignmentsClient.ListAcrossSubscriptions": "SecurityAssignmentsClient.NewListBySubscriptionPager",
	"PolicyExemptionsClient.ListAcrossSubscriptions":    "PolicyExemptionsClient.NewListPager",
	"StandardAssignmentsClient.ListAcrossSubscriptions": "StandardAssignmentsClient.NewListPager",
	"SecurityStandardsClient.ListAcrossSubscriptions":   "SecurityStandardsClient.NewListPager",
	"AssessmentsMetadataClient.ListAcrossSubscriptions": "AssessmentsMetadataClient.NewListBySubscriptionPager",
	"ExemptionsClient.ListAcrossSubscriptions":          "the lists of the three clients, such as PolicyExemptionsClient.NewListPager",
	"ExemptionsClient.Get":                              "the Get of the exemption's client, such as PolicyExemptionsClient.Get",
	"ExemptionsClient.CreateOrUpdate":                   "the CreateOrUpdate of the exemption's client, such as PolicyExemptionsClient.CreateOrUpdate",
	"ExemptionsClient.Renew":                            "the Get and CreateOrUpdate of the exemption's client, such as PolicyExemptionsClient.Get",
	"ExemptionsClient.Delete":                           "the Get and Delete of the exemption's client, such as PolicyExemptionsClient.Get",
}

// ByOperation returns the route of an operation. A list also has the REST API's
// name: "X.List" is "X.NewListPager". The error names the operations that the
// caller may have meant.
func ByOperation(operation string) (*Route, error) {
	if other, ok := others[operation]; ok {
		return nil, fmt.Errorf("the requests of %s are those of %s: use that", operation, other)
	}
	var all, similar []string
	client, method, _ := strings.Cut(operation, ".")
	for _, route := range All {
		routeClient, routeMethod, _ := strings.Cut(route.Operation, ".")
		short := strings.TrimSuffix(strings.TrimPrefix(routeMethod, "New"), "Pager")
		switch {
		case client == routeClient && (method == routeMethod || method == short):
			return route, nil
		case strings.EqualFold(client, routeClient), strings.EqualFold(method, routeMethod), strings.EqualFold(method, short):
			similar = append(similar, route.Operation)
		}
		all = append(all, route.Operation)
	}
	if similar == nil {
		similar = all
	}
	return nil, fmt.Errorf("no client has the operation %q; there are %s", operation, strings.Join(similar, ", "))
}
