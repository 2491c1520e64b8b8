// What a client asks, whichever SDK and transport it is of.
'use strict';

const assert = require('node:assert/strict');

// `call` calls a tool with options: the SDKs take them in different places.
exports.talk = async (client, name, call) => {
  // v2 gives all pages at once.
  const { tools } = await client.listTools();
  assert(tools.length >= 18 && tools.length <= 28, `${name}: ${tools.length} tools`);
  const list = tools.find((tool) => tool.name === 'git_repo_list');
  assert.equal(list.annotations.readOnlyHint, true);
  assert.equal(list.inputSchema.type, 'object');

  // Both SDKs check the structure against the tool's output schema.
  const repos = await client.callTool({ name: 'git_repo_list', arguments: { limit: 5 } });
  assert(repos.structuredContent.items.length > 0, JSON.stringify(repos));
  for (const [tool, args] of [
    ['projects_issue_list', { project: repos.structuredContent.items[0].id }],
    ['git_tree_list', { repo: repos.structuredContent.items[0].id }],
    ['git_pr_list', { repo: repos.structuredContent.items[0].id }],
    ['docs_search', { query: 'a', provider: 'bookstack-a' }],
    ['mosaic_instances', {}],
  ]) {
    const result = await client.callTool({ name: tool, arguments: args });
    assert(!result.isError, `${name}: ${tool}: ${JSON.stringify(result)}`);
  }

  const refused = await client.callTool({ name: 'git_pr_get', arguments: { pr: 'github-a~acme/none#99999' } });
  assert.equal(refused.isError, true);
  assert.equal(refused.structuredContent.error.code, 'not_found');
  await assert.rejects(client.callTool({ name: 'no_such_tool', arguments: {} }), /tool/);

  const { resources } = await client.listResources();
  const root = resources.find((one) => one.uri === 'mosaic:///v1/git/repos');
  const read = await client.readResource({ uri: root.uri });
  assert(JSON.parse(read.contents[0].text).items.length > 0);
  const { resourceTemplates } = await client.listResourceTemplates();
  const template = resourceTemplates.find((one) => one.name === 'git.file.get');
  const completed = await client.complete({
    ref: { type: 'ref/resource', uri: template.uriTemplate },
    argument: { name: 'repo', value: '' },
  });
  assert(completed.completion.values.length > 0);
  await assert.rejects(client.readResource({ uri: 'mosaic:///v1/none/such' }));

  const { prompts } = await client.listPrompts();
  assert.equal(prompts.length, 5);
  const prompt = await client.getPrompt({ name: 'answer_from_docs', arguments: { question: 'Why?' } });
  assert(prompt.messages[0].content.text.includes('Why?'));

  // Several at once, answered each.
  const many = await Promise.all([1, 2, 3, 4, 5].map((limit) =>
    client.callTool({ name: 'git_repo_list', arguments: { limit, provider: 'github-a' } })));
  many.forEach((result, at) => assert(result.structuredContent.items.length <= at + 1));

  // A server that never answers: the client is told that it goes on, and gives it up.
  const given = new AbortController();
  const heard = [];
  await assert.rejects(
    call({ name: 'docs_search', arguments: { query: 'a', provider: 'bookstack-b' } }, {
      signal: given.signal,
      onprogress: (progress) => {
        heard.push(progress.progress);
        given.abort('heard enough');
      },
    }),
    /heard enough/,
  );
  assert.equal(heard.length, 1);
  const after = await client.callTool({ name: 'mosaic_instances', arguments: {} });
  assert(!after.isError, `${name}: ${JSON.stringify(after)}`);
  await client.close();
  console.log(`${name} done`);
};
