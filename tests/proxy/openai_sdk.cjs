// OpenAI's JavaScript client through the gateway.
"use strict";

const assert = require("node:assert/strict");
const { OpenAI, toFile } = require("openai");

const [proxy, apiKey] = process.argv.slice(2);
const baseURL = `${proxy}openai-a`;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 2 });

async function main() {
  const models = await client.models.list();
  const asked = { model: models.data[0].id, messages: [{ role: "user", content: "Say a few words" }] };
  // The first attempt fails, and the client tries again.
  const whole = await client.chat.completions.create(asked);
  const text = whole.choices[0].message.content;
  assert.ok(text.length > 0 && whole.usage.completion_tokens > 0);
  let [said, usage] = ["", null];
  const stream = await client.chat.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } });
  for await (const chunk of stream) {
    said += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(said, text);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
  await assert.rejects(client.models.retrieve("no-such-model"), (error) => {
    assert.deepEqual([error.status, error.code], [404, "model_not_found"]);
    return true;
  });
  await assert.rejects(client.chat.completions.create({ ...asked, messages: [] }), { status: 400 });
  const stranger = new OpenAI({ baseURL, apiKey: "nobody-knows-it", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), { status: 401 });

  // Files, to the last page.
  const mirror = new OpenAI({ baseURL: `${proxy}mirror-openai`, apiKey });
  const content = Buffer.alloc(1 << 20, "~");
  const file = await mirror.files.create({ file: await toFile(content, "a.bin"), purpose: "batch" });
  assert.equal(file.bytes, content.length);
  const ids = [];
  for await (const one of mirror.files.list()) ids.push(one.id);
  assert.deepEqual(ids, ["file-1", "file-2"]);
  const read = await mirror.files.content("file-1");
  assert.deepEqual(Buffer.from(await read.arrayBuffer()), content);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
