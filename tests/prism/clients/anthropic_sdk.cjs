// Anthropic's JavaScript client through the gateway, on Anthropic's own description.
"use strict";

const assert = require("node:assert/strict");
const { Anthropic } = require("@anthropic-ai/sdk");

const [baseURL, apiKey] = process.argv.slice(2);
const client = new Anthropic({ baseURL, apiKey, maxRetries: 0 });

async function main() {
  const { data: models } = await client.models.list({ limit: 1 });
  assert.equal(models[0].type, "model");
  const messages = [{ role: "user", content: [{ type: "text", text: "Say a few words" }] }];
  const asked = { model: "claude-opus-4-6", messages };
  const said = await client.messages.create({ ...asked, max_tokens: 2048, thinking: { type: "enabled", budget_tokens: 1024 } });
  assert.equal(said.type, "message");
  assert.ok((await client.messages.countTokens(asked)).input_tokens !== undefined);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
