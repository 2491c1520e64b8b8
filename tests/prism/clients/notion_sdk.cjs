// Notion's own client through the gateway, on Notion's own description.
"use strict";

const { Client } = require("@notionhq/client");

const [baseUrl, auth] = process.argv.slice(2);
const client = new Client({ auth, baseUrl, logger: () => {}, retry: false });
const id = "59833787-2cf9-4fdf-8782-e53db20768a5";

// The description knows few kinds of blocks and has no examples: what is looked at is what arrives.
async function main() {
  await client.users.list({ page_size: 1 });
  await client.search({ query: "Handbook", filter: { property: "object", value: "page" } });
  const said = (content) => ({ type: "bulleted_list_item", bulleted_list_item: { rich_text: [{ type: "text", text: { content } }] } });
  await client.pages.create({
    parent: { type: "page_id", page_id: id },
    properties: { title: { title: [{ text: { content: "Through" } }] } },
  });
  await client.blocks.children.append({ block_id: id, children: [said("two")] });
  await client.comments.list({ block_id: id });
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
