// Notion's own client through the gateway.
"use strict";

const assert = require("node:assert/strict");
const { Client, collectPaginatedAPI } = require("@notionhq/client");

const [proxy, auth] = process.argv.slice(2);
const baseUrl = `${proxy}notion-a`;
const client = new Client({ auth, baseUrl, logger: () => {}, retry: { maxRetries: 2, initialRetryDelayMs: 10 } });

async function main() {
  // The first attempt fails, and the client tries again.
  const users = await collectPaginatedAPI(client.users.list, { page_size: 1 });
  assert.ok(users.length > 2 && new Set(users.map((user) => user.id)).size === users.length);
  const found = await client.search({ query: "Handbook", filter: { property: "object", value: "page" } });
  const parent = { page_id: found.results[0].id };
  const said = (text) => ({ paragraph: { rich_text: [{ text: { content: text } }] } });
  const page = await client.pages.create({
    parent,
    properties: { title: { title: [{ text: { content: "Through" } }] } },
    children: [said("one"), said("two")],
  });
  await client.blocks.children.append({ block_id: page.id, children: [said("three")] });
  const blocks = await collectPaginatedAPI(client.blocks.children.list, { block_id: page.id, page_size: 1 });
  assert.deepEqual(
    blocks.map((block) => block.paragraph.rich_text[0].plain_text),
    ["one", "two", "three"],
  );
  // A file goes to where its upload is.
  const content = Buffer.alloc(1 << 20, "~");
  const upload = await client.fileUploads.create({ filename: "a.txt", content_type: "text/plain" });
  const sent = await client.fileUploads.send({
    file_upload_id: upload.id,
    file: { filename: "a.txt", data: new Blob([content], { type: "text/plain" }) },
  });
  assert.equal(sent.status, "uploaded");
  await assert.rejects(client.pages.retrieve({ page_id: "00000000-0000-4000-8000-000000000000" }), {
    code: "object_not_found",
  });
  const stranger = new Client({ auth: "nobody-knows-it", baseUrl, logger: () => {}, retry: false });
  await assert.rejects(stranger.users.me({}), { status: 401 });
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
