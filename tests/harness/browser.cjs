// A browser for the tests of our pages. Whatever a page asks for is noted, and must be ours; what its policy refuses, and what
// its script throws, is a fault.
"use strict";

const assert = require("node:assert/strict");
const { chromium } = require("playwright-core");

const PATIENCE = 30_000;

// The text of an element, as soon as it fits.
async function shows(locator, pattern) {
  const deadline = Date.now() + PATIENCE;
  let text = "";
  while (Date.now() < deadline) {
    text = await locator.textContent();
    if (pattern.test(text)) return text;
    await locator.page().waitForTimeout(20);
  }
  throw new Error(`${pattern} is not in: ${text}`);
}

async function visited(browser, base, least, visit) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  const asked = [];
  const faults = [];
  context.on("request", (request) => asked.push(request.url()));
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (said) => /policy|refused to/i.test(said.text()) && faults.push(said.text()));
  await visit(page);
  assert.ok(asked.length >= least, asked.join("\n"));
  for (const url of asked) assert.ok(url.startsWith(`${base}/`), url);
  assert.deepEqual(faults, []);
}

// Runs a visit to the pages of `base`, which asks for so many things at least, to a good end.
async function run(base, least, visit) {
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
    await visited(browser, base, least, visit);
  } finally {
    await browser.close();
  }
}

exports.shows = shows;
exports.visit = (base, least, visit) =>
  run(base, least, visit).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
