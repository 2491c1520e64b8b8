// The official client of the older revisions, over HTTP, over a relay to the same gateway, and with a gateway of its own.
'use strict';

const assert = require('node:assert/strict');
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/sdk/client/streamableHttp.js');
const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js');
const { talk } = require('./talk.cjs');

const { URL: base, KEY, KEY_FILE, MOSAIC, CONFIG } = process.env;

const talked = async (name, transport) => {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  assert.equal(client.getServerVersion().name, 'mosaic');
  await talk(client, name, (params, options) => client.callTool(params, undefined, options));
};

const main = async () => {
  const http = new StreamableHTTPClientTransport(new globalThis.URL(`${base}/mcp`), {
    requestInit: { headers: { Authorization: `Bearer ${KEY}` } },
  });
  await talked('http', http);
  const relay = new StdioClientTransport({
    command: MOSAIC,
    args: ['mcp', '--server', base, '--key-file', KEY_FILE],
    env: { ...process.env },
  });
  await talked('relay', relay);
  const own = new StdioClientTransport({ command: MOSAIC, args: ['mcp', '--config', CONFIG], env: { ...process.env } });
  await talked('stdio', own);
  console.log('all done');
};

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
