// Opens the page of the API's description in a browser, and tries calls on it: ADDRESS TOKEN.
"use strict";

const assert = require("node:assert/strict");
const { shows, visit } = require("../harness/browser.cjs");

const [base, token] = process.argv.slice(2);

visit(base, 6, async (page) => {
  // A link to a call opens it; others stay closed.
  await page.goto(`${base}/docs#git.repo.get`);
  const call = page.locator('details[id="git.repo.get"]');
  assert.equal(await call.evaluate((details) => details.open), true);
  assert.equal(await page.locator("details[open]").count(), 1);
  const answer = call.locator("pre.answer");

  await call.locator('input[name="repo"]').fill("acme/api");
  await call.getByRole("button", { name: "Send" }).click();
  // Nobody has said who asks.
  await shows(answer, /^401 application\/problem\+json[^]*"code":"unauthenticated"/);
  await page.locator("#token").fill(token);
  await call.getByRole("button", { name: "Send" }).click();
  await shows(answer, /^200 application\/json[^]*"path":"acme\/api"/);

  // A body stands there as an example that can be sent as it is; a stream is shown as it comes.
  const chat = page.locator('details[id="ai.chat.stream"]');
  await chat.locator("summary").click();
  assert.ok(JSON.parse(await chat.locator("textarea").inputValue()).model);
  await chat.getByRole("button", { name: "Send" }).click();
  const told = chat.locator("pre.answer", { hasText: "event: done" });
  await told.waitFor();
  assert.match(await told.textContent(), /^200 text\/event-stream[^]*id: 1\n/);

  // A code leads to what it means.
  await page.getByRole("link", { name: "rate_limited", exact: true }).click();
  await page.getByRole("heading", { name: "Rate limited" }).waitFor();
});
