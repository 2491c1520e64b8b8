// OpenAI's JavaScript client through the gateway, on OpenAI's own description.
"use strict";

const assert = require("node:assert/strict");
const { OpenAI, toFile } = require("openai");

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

async function main() {
  const { data: models } = await client.models.list();
  assert.equal(models[0].object, "model");
  const messages = [{ role: "user", content: [{ type: "text", text: "Say a few words" }] }];
  const chat = await client.chat.completions.create({ model: "gpt-4o", messages, max_completion_tokens: 64 });
  assert.equal(chat.object, "chat.completion");
  const told = await client.responses.create({ model: "gpt-4o", input: [{ role: "user", content: "Say a few words" }] });
  assert.equal(told.object, "response");
  const embedded = await client.embeddings.create({ model: "text-embedding-3-small", input: "a", encoding_format: "float" });
  assert.ok(embedded.data[0].embedding);
  const file = await client.files.create({ file: await toFile(Buffer.from("{}\n"), "a.jsonl"), purpose: "batch" });
  assert.equal(file.object, "file");
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
