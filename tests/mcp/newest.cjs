// The official client of 2026-07-28, over HTTP, over a relay to the same gateway, and with a gateway of its own.
'use strict';

const assert = require('node:assert/strict');
const { Client, StreamableHTTPClientTransport } = require('@modelcontextprotocol/client');
const { StdioClientTransport } = require('@modelcontextprotocol/client/stdio');
const { talk } = require('./talk.cjs');

const { URL: base, KEY, KEY_FILE, MOSAIC, CONFIG } = process.env;

const talked = async (name, transport) => {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(transport);
  assert.equal(client.getNegotiatedProtocolVersion(), '2026-07-28');
  await talk(client, name, (params, options) => client.callTool(params, options));
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
