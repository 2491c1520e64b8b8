// Anthropic's JavaScript client through the gateway.
"use strict";

const assert = require("node:assert/strict");
const { Anthropic, toFile } = require("@anthropic-ai/sdk");

const [proxy, apiKey] = process.argv.slice(2);
const baseURL = `${proxy}anthropic-a`;
const client = new Anthropic({ baseURL, apiKey, maxRetries: 2 });

async function main() {
  // Page by page.
  const models = [];
  for await (const model of client.models.list({ limit: 1 })) models.push(model.id);
  assert.ok(models.length > 2 && new Set(models).size === models.length, models);
  const asked = { model: models[0], max_tokens: 100, messages: [{ role: "user", content: "Say 5 words" }] };
  // The first attempt fails, and the client tries again.
  const whole = await client.messages.create(asked);
  const text = whole.content[0].text;
  assert.ok(text.length > 0 && whole.usage.output_tokens > 0);
  const counted = await client.messages.countTokens({ model: asked.model, messages: asked.messages });
  assert.equal(counted.input_tokens, whole.usage.input_tokens);
  const stream = client.messages.stream(asked);
  const final = await stream.finalMessage();
  assert.equal(final.content[0].text, text);
  assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
  await assert.rejects(client.models.retrieve("no-such-model"), (error) => {
    assert.deepEqual([error.status, error.error.error.type], [404, "not_found_error"]);
    return true;
  });
  await assert.rejects(client.messages.create({ ...asked, messages: [] }), { status: 400 });
  const stranger = new Anthropic({ baseURL, apiKey: "nobody-knows-it", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), { status: 401 });

  // Files, to the last page.
  const mirror = new Anthropic({ baseURL: `${proxy}mirror-anthropic`, apiKey });
  const content = Buffer.alloc(1 << 20, "~");
  const file = await mirror.beta.files.upload({ file: await toFile(content, "a.bin", { type: "application/octet-stream" }) });
  assert.equal(file.size_bytes, content.length);
  const ids = [];
  for await (const one of mirror.beta.files.list()) ids.push(one.id);
  assert.deepEqual(ids, ["file-1", "file-2"]);
  const read = await mirror.beta.files.download("file-1");
  assert.deepEqual(Buffer.from(await read.arrayBuffer()), content);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
