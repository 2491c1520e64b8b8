// Anthropic's JavaScript client at /anthropic, answered by either vendor.
"use strict";

const assert = require("node:assert/strict");
const Anthropic = require("@anthropic-ai/sdk");

const [base, apiKey] = process.argv.slice(2);
const client = new Anthropic({ baseURL: `${base}/anthropic`, apiKey, maxRetries: 0 });
const models = ["openai-a~sandbox-large", "anthropic-a~sandbox-large"];
const user = (content) => ({ role: "user", content });
const tool = { name: "look", input_schema: { type: "object", properties: { city: { type: "string" } } } };

async function messages(model) {
  const asked = { model, max_tokens: 50, messages: [user("say 5 words")] };
  const { data: whole, response } = await client.messages.create(asked).withResponse();
  assert.equal(whole.content[0].text, "word1 word2 word3 word4 word5");
  assert.equal(whole.stop_reason, "end_turn");
  assert.equal(response.headers.get("x-mosaic-provider"), model.split("~")[0]);
  assert.equal(whole._request_id, response.headers.get("request-id"));
  const final = await client.messages.stream(asked).finalMessage();
  assert.equal(final.content[0].text, whole.content[0].text);
  assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
  const calls = { model, max_tokens: 99, tools: [tool], messages: [user('call look {"city": "Paris"}')] };
  const called = await client.messages.stream(calls).finalMessage();
  const block = called.content.find((one) => one.type === "tool_use");
  assert.deepEqual([block.name, block.input], ["look", { city: "Paris" }]);
  const result = { type: "tool_result", tool_use_id: block.id, content: "sun" };
  const said = [...calls.messages, { role: "assistant", content: called.content }, user([result])];
  const after = await client.messages.create({ ...calls, messages: said });
  assert.equal(after.content[0].text, "The tools said: sun");
  await assert.rejects(client.messages.create({ ...asked, max_tokens: 0 }), { status: 400 });
}

async function main() {
  for (const model of models) await messages(model);
  const ids = [];
  for await (const model of client.models.list({ limit: 2 })) ids.push(model.id);
  assert.ok(models.every((model) => ids.includes(model)), ids.join());
  const count = await client.messages.countTokens({ model: models[1], messages: [user("say 5 words")] });
  assert.ok(count.input_tokens > 0);
  await assert.rejects(client.messages.create({ model: "no-such", max_tokens: 9, messages: [user("x")] }), (error) => {
    assert.deepEqual([error.status, error.error.error.type], [404, "not_found_error"]);
    return true;
  });
  const requests = [{ custom_id: "r1", params: { model: models[1], max_tokens: 9, messages: [user("say 1 words")] } }];
  let batch = await client.messages.batches.create({ requests });
  const fresh = { headers: { "x-mosaic-no-cache": "true" } };
  for (let looks = 0; batch.processing_status !== "ended"; looks++) {
    assert.ok(looks < 100);
    batch = await client.messages.batches.retrieve(batch.id, {}, fresh);
  }
  const texts = [];
  for await (const row of await client.messages.batches.results(batch.id)) texts.push(row.result.message.content[0].text);
  assert.deepEqual(texts, ["word1"]);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
