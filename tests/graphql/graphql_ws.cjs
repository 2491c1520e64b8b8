// The clients graphql-ws and graphql-js against the gateway: a subscription, a query and an error over a socket, and the schema
// as the reference implementation reads it.
"use strict";

const assert = require("node:assert/strict");
const { buildClientSchema, getIntrospectionQuery, parse, validate } = require("graphql");
const { createClient } = require("graphql-ws");
const WebSocket = require("ws");

const [url, key] = process.argv.slice(2);
const client = createClient({
  url: url.replace(/^http/, "ws"),
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${key}` },
  retryAttempts: 0,
});

async function all(query, variables) {
  const told = [];
  for await (const answer of client.iterate({ query, variables })) told.push(answer);
  return told;
}

async function main() {
  const [repo] = await all("query($repo: String!) { gitRepoGet(repo: $repo) { path visibility } }", { repo: "acme/api" });
  assert.equal(repo.data.gitRepoGet.path, "acme/api");
  assert.match(repo.data.gitRepoGet.visibility, /^[A-Z]+$/);

  const events = await all(
    `subscription($model: String!) { aiChatStream(model: $model, prompt: "Say a few words") {
       __typename ... on ChatEventDelta { text } } }`,
    { model: "gpt-4o-mini" },
  );
  const words = events.map((event) => event.data.aiChatStream.text ?? "").join("");
  assert.ok(words.length > 0 && events.length > 3, JSON.stringify(events));

  await assert.rejects(all("{ nothing }"), (errors) => {
    assert.equal(errors[0].extensions.code, "invalid_input");
    return true;
  });

  // One that is left ends, and the socket with it.
  const feed = client.iterate({ query: "subscription { events { __typename } }" });
  setTimeout(() => feed.return(), 50);
  assert.equal((await feed.next()).done, true);
  await client.dispose();

  const stranger = createClient({
    url: url.replace(/^http/, "ws"),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: "Bearer nobody" },
    retryAttempts: 0,
  });
  await assert.rejects(stranger.iterate({ query: "{ __typename }" }).next(), { code: 4403 });

  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}` };
  const body = JSON.stringify({ query: getIntrospectionQuery({ descriptions: true }) });
  const answer = await (await fetch(url, { method: "POST", headers, body })).json();
  assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
  const schema = buildClientSchema(answer.data);
  const valid = (query) => validate(schema, parse(query));
  assert.deepEqual(valid("{ gitRepoList(first: 2) { edges { cursor node { id prs { nodes { title } } } } } }"), []);
  assert.equal(valid("{ gitRepoList(first: true) { nothing } }").length, 2);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
