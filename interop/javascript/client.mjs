// Lists, polls, meets a 429, and has a workspace manager's resources made, read and
// deleted, with the packages that Microsoft's JavaScript clients are made of. Prints
// one line of JSON with what it saw.
//
//   NODE_EXTRA_CA_CERTS=ca.pem node client.mjs ENDPOINT CONTROL
import assert from "node:assert";
import { ServiceClient } from "@azure/core-client";
import { createPipelineRequest, RestError } from "@azure/core-rest-pipeline";

const [endpoint, control] = process.argv.slice(2);
const version = "api-version=2025-04-01-preview";
const workspace =
  "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/myRg/providers/Microsoft.OperationalInsights/workspaces/myWorkspace";
const insights = `${workspace}/providers/Microsoft.SecurityInsights`;
const jobs = `${insights}/workspaceManagerAssignments/47cdc5f5-37c4-47b5-bd5f-83c84b8bdd58/jobs`;

const client = new ServiceClient({
  endpoint,
  credential: { getToken: async () => ({ token: "any", expiresOnTimestamp: Date.now() + 3600_000 }) },
  credentialScopes: "https://management.example/.default",
});

async function request(method, url, resource) {
  const body = resource && JSON.stringify(resource);
  const request = createPipelineRequest({ method, url: new URL(url, endpoint).href, body });
  if (body) {
    request.headers.set("Content-Type", "application/json");
  }
  return client.sendRequest(request);
}

async function send(method, url) {
  const response = await request(method, url);
  if (response.status >= 300) {
    throw new RestError(response.bodyAsText, { statusCode: response.status });
  }
  return JSON.parse(response.bodyAsText);
}

// Three jobs are started and polled to their end.
const states = new Set();
for (let n = 0; n < 3; n++) {
  let job = await send("POST", `${jobs}?${version}`);
  for (let polls = 0; job.properties.provisioningState === "InProgress" && polls < 100; polls++) {
    states.add(job.properties.provisioningState);
    await new Promise((resolve) => setTimeout(resolve, 10));
    job = await send("GET", `${jobs}/${job.name}?${version}`);
  }
  states.add(job.properties.provisioningState);
}

// The list has the started ones and the sample, two on a page.
let pages = 0;
const names = new Set();
for (let link = `${jobs}?${version}`; link; pages++) {
  const page = await send("GET", link);
  page.value.forEach((job) => names.add(job.name));
  link = page.nextLink;
}

// A 429 is waited for and tried again by the pipeline's own policy.
const fault = { operation: "WorkspaceManagerJobsClient.NewListPager", statusCode: 429, retryAfter: "1s" };
const injected = await fetch(`${control}/inject`, { method: "POST", body: JSON.stringify(fault) });
const start = Date.now();
await send("GET", `${jobs}?${version}`);

// Each kind of resource is created, read, listed and deleted, and then it is gone.
const kinds = {
  workspaceManagerConfigurations: { mode: "Enabled" },
  workspaceManagerMembers: { targetWorkspaceResourceId: workspace, targetWorkspaceTenantId: "f676d436-8d16-42db-81b7-ab578e110ccd" },
  workspaceManagerGroups: { displayName: "Banks", description: "Of the region", memberResourceNames: ["afbd324f-6c48-459c-8710-8d1e1cd03812"] },
  workspaceManagerAssignments: { targetResourceName: "37207a7a-3b8a-438f-a559-c7df400e1b96", items: [{ resourceId: `${insights}/alertRules/rule` }] },
};
const statuses = {};
for (const [kind, properties] of Object.entries(kinds)) {
  const list = `${insights}/${kind}?${version}`;
  const resource = list.replace("?", `/${kind === "workspaceManagerConfigurations" ? "default" : "afbd324f-6c48-459c-8710-8d1e1cd03812"}?`);
  const responses = [await request("PUT", resource, { properties }), await request("GET", resource), await request("GET", list)];
  responses.push(await request("DELETE", resource), await request("GET", resource));
  statuses[kind] = responses.map((response) => response.status);
  const [created, read, listed] = responses.map((response) => response.bodyAsText && JSON.parse(response.bodyAsText));
  for (const [name, value] of Object.entries(properties)) {
    assert.deepStrictEqual(created.properties[name], value);
  }
  assert.deepStrictEqual([read, listed.value], [created, [created]]);
}

console.log(JSON.stringify({ statuses, states: [...states], pages, jobs: names.size, injected: injected.status, waited: Date.now() - start >= 900 }));
