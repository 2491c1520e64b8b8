// OpenAI's JavaScript client at /openai/v1, answered by either vendor.
"use strict";

const assert = require("node:assert/strict");
const { OpenAI, toFile } = require("openai");

const [base, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${base}/openai/v1`, apiKey, maxRetries: 0 });
const models = ["openai-a~sandbox-large", "anthropic-a~sandbox-large"];
const user = (content) => ({ role: "user", content });
const tool = {
  type: "function",
  function: { name: "look", parameters: { type: "object", properties: { city: { type: "string" } } } },
};

async function chat(model) {
  const asked = { model, max_completion_tokens: 50, messages: [user("say 5 words")] };
  const { data: whole, response } = await client.chat.completions.create(asked).withResponse();
  const text = whole.choices[0].message.content;
  assert.equal(text, "word1 word2 word3 word4 word5");
  assert.equal(response.headers.get("x-mosaic-provider"), model.split("~")[0]);
  assert.equal(whole._request_id, response.headers.get("x-request-id"));
  const stream = client.chat.completions.stream({ ...asked, stream_options: { include_usage: true } });
  assert.equal(await stream.finalContent(), text);
  assert.equal((await stream.totalUsage()).completion_tokens, whole.usage.completion_tokens);
  const calls = client.chat.completions.stream({ model, tools: [tool], messages: [user('call look {"city": "Paris"}')] });
  const message = await calls.finalMessage();
  assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: "Paris" });
  const results = message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "sun" }));
  const after = await client.chat.completions.create({
    model,
    tools: [tool],
    messages: [user('call look {"city": "Paris"}'), message, ...results],
  });
  assert.equal(after.choices[0].message.content, "The tools said: sun");
  await assert.rejects(client.chat.completions.create({ ...asked, n: 2 }), (error) => {
    assert.deepEqual([error.status, error.param, error.code], [400, "n", "unsupported_parameter"]);
    return true;
  });
}

async function responses(model) {
  const made = await client.responses.create({ model, input: "say 4 words" });
  assert.equal(made.output_text, "word1 word2 word3 word4");
  const stream = client.responses.stream({ model, input: "say 4 words" });
  assert.equal((await stream.finalResponse()).output[0].content[0].text, made.output_text);
}

async function main() {
  for (const model of models) {
    await chat(model);
    await responses(model);
    assert.equal((await client.models.retrieve(model)).id, model);
  }
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(models.every((model) => ids.includes(model)), ids.join());
  // By itself the client asks for base64, and reads it.
  const made = await client.embeddings.create({ model: "openai-a~sandbox-small", input: "a" });
  assert.ok(made.data[0].embedding.every((number) => typeof number === "number"));
  const judged = await client.moderations.create({ input: "hello" }, { headers: { "x-mosaic-provider": "openai-a" } });
  assert.equal(judged.results[0].flagged, false);
  // What it is for stands behind the file in this client's form.
  const pinned = { headers: { "x-mosaic-provider": "openai-a" } };
  const file = await client.files.create({ file: await toFile(Buffer.from("{}\n"), "a.jsonl"), purpose: "batch" }, pinned);
  assert.equal(await (await client.files.content(file.id)).text(), "{}\n");
  const listed = [];
  for await (const one of client.files.list({ limit: 2 })) listed.push(one.id);
  assert.ok(listed.includes(file.id), listed.join());
  assert.equal((await client.files.delete(file.id)).deleted, true);
  await assert.rejects(client.chat.completions.create({ model: "no-such", messages: [user("x")] }), {
    status: 404,
    code: "model_not_found",
  });
  const stranger = new OpenAI({ baseURL: `${base}/openai/v1`, apiKey: "nobody-knows-it", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), { status: 401, code: "invalid_api_key" });
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
