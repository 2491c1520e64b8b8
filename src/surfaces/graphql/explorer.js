// Asks what stands in this page, and shows the answers and the schema. A token stays in this page's memory.
"use strict";

const SCHEMA = `{ __schema {
  queryType { name } mutationType { name } subscriptionType { name }
  types { kind name description
    fields { name description args { name description type { ...T } } type { ...T } }
    inputFields { name description type { ...T } }
    possibleTypes { name } enumValues { name } } } }
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
  ofType { kind name ofType { kind name ofType { kind name } } } } } } } }`;

// A type as the language writes it.
function typeOf(type) {
  if (type.kind === "NON_NULL") return `${typeOf(type.ofType)}!`;
  if (type.kind === "LIST") return `[${typeOf(type.ofType)}]`;
  return type.name;
}

// The event streams of this surface, from their text: yields what each `next` event tells, until `complete`.
async function* events(parts) {
  let text = "";
  for await (const part of parts) {
    text += part;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const of = (name) =>
        lines
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).replace(/^ /, ""))
          .join("\n");
      if (of("event") === "complete") return;
      if (of("event") === "next") yield JSON.parse(of("data"));
    }
  }
  throw new Error("the stream broke off");
}

async function* textOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

// The answers to a request: one, or those of a subscription.
async function* answers(request, token, signal) {
  const headers = {
    "Content-Type": "application/json",
    Accept: "text/event-stream, application/graphql-response+json, application/json",
  };
  if (token) headers.Authorization = `Bearer ${token}`;
  const body = JSON.stringify(request);
  const answer = await fetch("graphql", { method: "POST", headers, body, signal, credentials: "omit" });
  const isStream = (answer.headers.get("content-type") ?? "").startsWith("text/event-stream");
  if (isStream) yield* events(textOf(answer.body));
  else yield await answer.json();
}

function element(name, text, ...within) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...within);
  return made;
}

function rowsOf(fields) {
  const table = element("table", "");
  for (const { name, description, args = [], type } of fields) {
    const given = args.map((arg) => `${arg.name}: ${typeOf(arg.type)}`).join(", ");
    const told = element("code", `${name}${given ? `(${given})` : ""}: ${typeOf(type)}`);
    table.append(element("tr", "", element("td", "", told), element("td", description ?? "")));
  }
  return table;
}

function shown(type) {
  const details = element("details", "", element("summary", `${type.kind.toLowerCase()} ${type.name}`));
  if (type.description) details.append(element("p", type.description));
  const words = (type.enumValues ?? []).concat(type.possibleTypes ?? []).map((one) => one.name);
  if (words.length > 0) details.append(element("p", words.join(" | ")));
  const fields = type.fields ?? type.inputFields ?? [];
  if (fields.length > 0) details.append(rowsOf(fields));
  return details;
}

function showSchema(schema, place) {
  const roots = [schema.queryType, schema.mutationType, schema.subscriptionType].filter(Boolean).map((type) => type.name);
  const rank = (type) => (roots.includes(type.name) ? roots.indexOf(type.name) : roots.length);
  const types = schema.types.filter((type) => !type.name.startsWith("__") && type.kind !== "SCALAR");
  types.sort((one, other) => rank(one) - rank(other) || (one.name < other.name ? -1 : 1));
  place.replaceChildren(element("h2", "Schema"), ...types.map(shown));
}

function start() {
  const at = (id) => document.getElementById(id);
  let asking;
  const ask = async (request, told) => {
    asking?.abort();
    const own = new AbortController();
    asking = own;
    at("stop").disabled = false;
    try {
      for await (const answer of answers(request, at("token").value, own.signal)) told(answer);
    } catch (error) {
      if (!own.signal.aborted) at("answer").textContent += `\n${error}`;
    }
    if (asking === own) at("stop").disabled = true;
  };
  at("stop").addEventListener("click", () => {
    asking?.abort();
    at("stop").disabled = true;
  });
  at("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    at("answer").textContent = "";
    let variables;
    try {
      variables = JSON.parse(at("variables").value || "{}");
    } catch (error) {
      at("answer").textContent = `The variables are no JSON: ${error}`;
      return;
    }
    const operationName = at("operation").value || undefined;
    ask({ query: at("query").value, variables, operationName }, (answer) => {
      at("answer").textContent += `${JSON.stringify(answer, null, 2)}\n`;
    });
  });
  at("schema").addEventListener("click", () => {
    ask({ query: SCHEMA }, (answer) => {
      if (answer.data) showSchema(answer.data.__schema, at("types"));
      else at("answer").textContent = JSON.stringify(answer, null, 2);
    });
  });
}

if (typeof document !== "undefined") start();
if (typeof module !== "undefined") module.exports = { typeOf, events };
