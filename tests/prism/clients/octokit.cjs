// octokit through the gateway, on GitHub's own examples.
"use strict";

const assert = require("node:assert/strict");
const { Octokit } = require("@octokit/rest");

const [baseUrl, auth] = process.argv.slice(2);
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const octokit = new Octokit({ baseUrl, auth, log: silent });
// Prism answers no media type of GitHub's own, as the description has none.
octokit.hook.before("request", (options) => { options.headers.accept = "application/json"; });
const at = { owner: "octocat", repo: "Hello-World" };

async function main() {
  const { data: repo } = await octokit.repos.get(at);
  assert.equal(repo.full_name, "octocat/Hello-World");
  const { data: issue } = await octokit.issues.create({ ...at, title: "One", body: "A *word*", labels: ["bug"] });
  assert.ok(issue.number > 0);
  await octokit.issues.createComment({ ...at, issue_number: issue.number, body: "A word" });
  const { data: pull } = await octokit.pulls.create({ ...at, title: "One", head: "feature/one", base: "main" });
  await octokit.pulls.createReview({ ...at, pull_number: pull.number, event: "COMMENT", body: "A remark" });
  await octokit.repos.createOrUpdateFileContents({ ...at, path: "docs/a b.md", message: "Add", content: "YQo=" });
  await octokit.actions.createWorkflowDispatch({ ...at, workflow_id: "ci.yml", ref: "main", inputs: { note: "x" } });
  await octokit.issues.lock({ ...at, issue_number: issue.number, lock_reason: "resolved" });
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
