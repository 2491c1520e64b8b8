// octokit on GitHub's sandbox: one change from a branch to its release, and a run from its start to what it left behind.
"use strict";

const assert = require("node:assert/strict");
const { Octokit } = require("@octokit/rest");

const [baseUrl, auth] = process.argv.slice(2);
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const octokit = new Octokit({ baseUrl, auth, log: silent });
const base64 = (text) => Buffer.from(text).toString("base64");

async function refused(status, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.status, status, error.message);
    return true;
  });
}

// Reads a run until it stands so: each read moves it on.
async function until(at, run_id, status) {
  for (let reads = 0; reads < 5; reads++) {
    const { data: run } = await octokit.actions.getWorkflowRun({ ...at, run_id });
    if (run.status === status) return run;
  }
  throw new Error(`run ${run_id} is never ${status}`);
}

// From a dispatch to the archive of what its run left behind.
async function actions() {
  const at = { owner: "acme", repo: "api" };
  const { data: workflows } = await octokit.actions.listRepoWorkflows(at);
  assert.equal(workflows.workflows[0].path, ".github/workflows/ci.yml");
  const start = { ...at, workflow_id: "ci.yml", ref: "main", inputs: { SANDBOX_OUTCOME: "flaky", note: "By octokit" } };
  const told = await octokit.actions.createWorkflowDispatch({ ...start, return_run_details: true });
  const run_id = told.data.workflow_run_id;
  await refused(422, () => octokit.actions.createWorkflowDispatch({ ...start, workflow_id: "retired.yml" }));
  const failed = await until(at, run_id, "completed");
  assert.deepEqual([failed.conclusion, failed.display_title], ["failure", "By octokit"]);
  await octokit.actions.reRunWorkflowFailedJobs({ ...at, run_id });
  const done = await until(at, run_id, "completed");
  assert.deepEqual([done.conclusion, done.run_attempt], ["success", 2]);
  const jobs = await octokit.paginate(octokit.actions.listJobsForWorkflowRun, { ...at, run_id, filter: "all" });
  assert.deepEqual(jobs.map((job) => job.conclusion), ["success", "failure", "success", "success"]);
  const log = await octokit.actions.downloadJobLogsForWorkflowRun({ ...at, job_id: jobs[1].id });
  assert.match(log.data, /##\[error\]make: \*\*\* \[test\] Error 1/);
  const { data: left } = await octokit.actions.listWorkflowRunArtifacts({ ...at, run_id });
  assert.deepEqual(left.artifacts.map((artifact) => artifact.name), ["report", "report"]);
  const zip = await octokit.actions.downloadArtifact({ ...at, artifact_id: left.artifacts[0].id, archive_format: "zip" });
  assert.equal(Buffer.from(zip.data).subarray(0, 2).toString(), "PK");
  const all = await octokit.paginate(octokit.actions.listWorkflowRunsForRepo, { owner: "acme", repo: "web", per_page: 50 });
  assert.equal(all.length, 122);

  const hold = { ...start, inputs: { SANDBOX_OUTCOME: "hold" }, return_run_details: true };
  const { data: held } = await octokit.actions.createWorkflowDispatch(hold);
  await until(at, held.workflow_run_id, "in_progress");
  await octokit.actions.cancelWorkflowRun({ ...at, run_id: held.workflow_run_id });
  assert.equal((await until(at, held.workflow_run_id, "completed")).conclusion, "cancelled");
  await refused(409, () => octokit.actions.cancelWorkflowRun({ ...at, run_id: held.workflow_run_id }));
  await octokit.actions.deleteWorkflowRun({ ...at, run_id });
  await refused(404, () => octokit.actions.getWorkflowRun({ ...at, run_id }));
}

async function main() {
  await actions();
  const { data: me } = await octokit.users.getAuthenticated();
  assert.equal(me.login, "sandbox-user");
  const many = await octokit.paginate(octokit.repos.listForOrg, { org: "many", per_page: 50 });
  assert.equal(many.length, 120);
  await refused(404, () => octokit.repos.get({ owner: "acme", repo: "none" }));

  const at = { owner: me.login, repo: "travel" };
  const { data: repo } = await octokit.repos.createForAuthenticatedUser({ name: "travel", auto_init: true });
  assert.equal(repo.full_name, "sandbox-user/travel");
  const { data: first } = await octokit.repos.getBranch({ ...at, branch: "main" });
  await octokit.git.createRef({ ...at, ref: "refs/heads/feature/one", sha: first.commit.sha });
  const path = "docs/a file #1 100%+ü?.md";
  const file = { ...at, path, branch: "feature/one" };
  const { data: made } = await octokit.repos.createOrUpdateFileContents({ ...file, message: "Add", content: base64("a\n") });
  assert.equal(made.content.path, path);
  const { data: read } = await octokit.repos.getContent({ ...at, path, ref: "feature/one" });
  assert.equal(Buffer.from(read.content, "base64").toString(), "a\n");
  const raw = await octokit.repos.getContent({ ...at, path, ref: "feature/one", mediaType: { format: "raw" } });
  assert.equal(raw.data, "a\n");
  await refused(422, () => octokit.repos.createOrUpdateFileContents({ ...file, message: "No sha", content: base64("b\n") }));

  const { data: pull } = await octokit.pulls.create({ ...at, title: "One", head: "feature/one", base: "main" });
  const listed = await octokit.paginate(octokit.pulls.list, { ...at, state: "open" });
  assert.deepEqual(listed.map((entry) => entry.number), [pull.number]);
  const { data: diff } = await octokit.pulls.get({ ...at, pull_number: pull.number, mediaType: { format: "diff" } });
  assert.match(diff, /^diff --git /);
  await octokit.pulls.createReview({ ...at, pull_number: pull.number, event: "COMMENT", body: "A remark" });
  await octokit.issues.createComment({ ...at, issue_number: pull.number, body: "A word" });
  const { data: merged } = await octokit.pulls.merge({ ...at, pull_number: pull.number, merge_method: "merge" });
  assert.equal(merged.merged, true);
  const { data: commit } = await octokit.repos.getCommit({ ...at, ref: merged.sha });
  assert.equal(commit.parents.length, 2);

  await octokit.git.createRef({ ...at, ref: "refs/tags/v1", sha: merged.sha });
  const { data: release } = await octokit.repos.createRelease({ ...at, tag_name: "v1", name: "One" });
  const { data: found } = await octokit.repos.getReleaseByTag({ ...at, tag: "v1" });
  assert.equal(found.id, release.id);
  await octokit.repos.delete(at);
  await refused(404, () => octokit.repos.get(at));

  // A representation that the client holds is not sent again.
  const { headers } = await octokit.repos.get({ owner: "acme", repo: "web" });
  await refused(304, () => octokit.repos.get({ owner: "acme", repo: "web", headers: { "if-none-match": headers.etag } }));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
