// The explorer in a browser: it asks queries, mutations and subscriptions, and shows their answers and the schema.
"use strict";

const assert = require("node:assert/strict");
const { shows, visit } = require("../harness/browser.cjs");

const [base, token] = process.argv.slice(2);

visit(base, 9, async (page) => {
  await page.goto(`${base}/graphql`);
  const answer = page.locator("#answer");
  const ask = async (query, variables) => {
    if (query) await page.locator("#query").fill(query);
    if (variables) await page.locator("#variables").fill(variables);
    await page.getByRole("button", { name: "Ask" }).click();
  };

  // Nobody has said who asks.
  await ask();
  await shows(answer, /"code": "unauthenticated"/);
  await page.locator("#token").fill(token);
  await ask();
  await shows(answer, /"path": "[a-z]+\/[a-z]+"[^]*"hasNextPage": (true|false)/);

  await ask("query A($repo: String!) { gitRepoGet(repo: $repo) { path } } query B { __typename }", "{");
  await shows(answer, /^The variables are no JSON/);
  await page.locator("#operation").fill("A");
  await ask(undefined, '{ "repo": "acme/api" }');
  const repo = { data: { gitRepoGet: { path: "acme/api" } } };
  assert.deepEqual(JSON.parse(await shows(answer, /acme\/api/)), repo);
  await page.locator("#operation").fill("");

  await ask(
    `mutation { projectsIssueCreate(project: "github-a~acme/web", title: "<img src=x onerror=alert(1)>") { title } }`,
    "{}",
  );
  await shows(answer, /"title": "<img src=x/);

  // A stream is shown as it comes, each answer by itself.
  await ask(`subscription { aiChatStream(model: "gpt-4o-mini", prompt: "say 3 words") {
    ... on ChatEventDelta { text } ... on ChatEventEnd { finish } } }`);
  await shows(answer, /"word1"[^]*" word2"[^]*" word3"[^]*"finish": "STOP"/);

  // And left where it has no end.
  await ask("subscription { events { __typename } }");
  const stop = page.getByRole("button", { name: "Stop" });
  await stop.click();
  assert.equal(await stop.isDisabled(), true);

  await page.getByRole("button", { name: "Load the schema" }).click();
  const query = page.locator("details", { hasText: "object Query" }).first();
  await query.locator("summary").click();
  await shows(query, /gitRepoList\([^)]*first: Int[^)]*\): RepoConnection/);
});
