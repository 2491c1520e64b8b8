// Sends what a form of this page says, and shows the answer. A token stays in this page's memory.
"use strict";

// The request that a form stands for. What is left empty is left out.
function requestOf(method, path, fields, token) {
  const query = new URLSearchParams();
  const headers = {};
  let body;
  for (const { place, name, type, value } of fields) {
    if (value === "" || value === undefined) continue;
    if (place === "path") path = path.replace(`{${name}}`, () => encodeURIComponent(value));
    else if (place === "query") query.append(name, value);
    else if (place === "header") headers[name] = value;
    else {
      body = value;
      headers["Content-Type"] = type;
    }
  }
  if (token) headers.Authorization = `Bearer ${token}`;
  const asked = query.toString();
  return [asked ? `${path}?${asked}` : path, { method, headers, body }];
}

function fieldOf(input) {
  const value = input.type === "file" ? input.files[0] : input.value;
  return { place: input.dataset.in, name: input.name, type: input.dataset.type, value };
}

async function send(form, token) {
  const shown = form.querySelector("pre.answer");
  shown.textContent = "…";
  try {
    const fields = [...form.querySelectorAll("[data-in]")].map(fieldOf);
    const [url, request] = requestOf(form.dataset.method, form.dataset.path, fields, token);
    // Any mode of the browser's cache but the default one goes past the gateway's cache as well.
    const answer = await fetch(url, { ...request, credentials: "omit" });
    shown.textContent = `${answer.status} ${answer.headers.get("content-type") ?? ""}\n\n`;
    if (!answer.body) return;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) shown.textContent += part.value;
  } catch (error) {
    shown.textContent += `\n${error}`;
  }
}

// A link to a call opens it.
function unfold() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named && "open" in named) named.open = true;
}

if (typeof document !== "undefined") {
  unfold();
  addEventListener("hashchange", unfold);
  document.addEventListener("submit", (event) => {
    event.preventDefault();
    send(event.target, document.getElementById("token").value);
  });
}
