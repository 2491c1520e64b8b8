// Opens the page of the API's description in a browser, and tries calls on it: ADDRESS TOKEN.
"use strict";

const assert = require("node:assert/strict");
const { chromium } = require("playwright-core");

const [base, token] = process.argv.slice(2);
const PATIENCE = 30_000;

async function main() {
  // It gets a folder of its own, which ends with it.
  const browser = await chromium.launch({
    executablePath: process.env.MOSAIC_CHROMIUM,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  try {
    await tried(await browser.newContext());
  } finally {
    await browser.close();
  }
}

async function tried(context) {
  context.setDefaultTimeout(PATIENCE);
  const asked = [];
  const faults = [];
  context.on("request", (request) => asked.push(request.url()));
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (said) => /policy|refused to/i.test(said.text()) && faults.push(said.text()));

  // A link to a call opens it; others stay closed.
  await page.goto(`${base}/docs#git.repo.get`);
  const call = page.locator('details[id="git.repo.get"]');
  assert.equal(await call.evaluate((details) => details.open), true);
  assert.equal(await page.locator("details[open]").count(), 1);
  const answer = call.locator("pre.answer");
  const shows = async (pattern) => {
    const deadline = Date.now() + PATIENCE;
    let text = "";
    while (Date.now() < deadline) {
      text = await answer.textContent();
      if (pattern.test(text)) return text;
      await page.waitForTimeout(20);
    }
    throw new Error(`${pattern} is not in: ${text}`);
  };

  await call.locator('input[name="repo"]').fill("acme/api");
  await call.getByRole("button", { name: "Send" }).click();
  // Nobody has said who asks.
  await shows(/^401 application\/problem\+json[^]*"code":"unauthenticated"/);
  await page.locator("#token").fill(token);
  await call.getByRole("button", { name: "Send" }).click();
  await shows(/^200 application\/json[^]*"path":"acme\/api"/);

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

  assert.ok(asked.length >= 6, asked.join("\n"));
  for (const url of asked) assert.ok(url.startsWith(`${base}/`), url);
  assert.deepEqual(faults, []);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
