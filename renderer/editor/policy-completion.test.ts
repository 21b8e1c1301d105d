import { readFileSync } from 'node:fs';
import { CompletionContext } from '@codemirror/autocomplete';
import { EditorState } from '@codemirror/state';
import { parseSync } from 'vite';
import { expect, test } from 'vitest';
import { imported, interfaces } from './policy-api.ts';
import { completePolicy } from './policy-completion.ts';

const source = readFileSync(new URL('../../agents/policies/typescript/mlsysops.ts', import.meta.url), 'utf8');

/** What the module really has. */
function moduleApi() {
  const functions: string[] = [];
  const types: string[] = [];
  const members: Record<string, string[]> = {};
  for (const statement of parseSync('mlsysops.ts', source).program.body) {
    if (statement.type !== 'ExportNamedDeclaration' || !statement.declaration) continue;
    const { declaration } = statement;
    if (declaration.type === 'VariableDeclaration')
      for (const { id } of declaration.declarations) if (id.type === 'Identifier') functions.push(id.name);
    if (declaration.type === 'TSTypeAliasDeclaration') types.push(declaration.id.name);
    if (declaration.type === 'TSInterfaceDeclaration') {
      types.push(declaration.id.name);
      members[declaration.id.name] = declaration.body.body.flatMap((one) =>
        'key' in one && one.key.type === 'Identifier' ? [one.key.name] : [],
      );
    }
  }
  return { functions, types, members };
}

test('offers just what the module has', () => {
  const api = moduleApi();
  expect(imported.functions.map(({ label }) => label)).toEqual(api.functions);
  expect(imported.types.map(({ label }) => label)).toEqual(api.types);
  const offered = Object.fromEntries(Object.entries(interfaces).map(([name, words]) => [name, words.map(({ label }) => label)]));
  expect(offered).toEqual(api.members);
});

async function offered(text: string, language: 'typescript' | 'python' = 'typescript', explicit = false) {
  const state = EditorState.create({ doc: text });
  const found = await completePolicy(new CompletionContext(state, text.length, explicit), language, async () => ['power_w']);
  return found && { from: found.from, labels: found.options.map(({ label }) => label) };
}

test('offers members after a dot, by what the name is usually of', async () => {
  expect((await offered('view.'))?.labels).toEqual(expect.arrayContaining(['nodes', 'members', 'mode']));
  expect((await offered('    const a = node.fre'))?.labels).toContain('frequencyGHz');
  expect((await offered('node?.'))?.labels).not.toContain('nodes');
  expect((await offered('something.'))?.labels).toEqual(expect.arrayContaining(['pin', 'ready']));
});

test('offers metrics in quotes where one is named, and nothing in other quotes', async () => {
  expect(await offered("usual({ metric: 'po")).toEqual({ from: 17, labels: ['power_w'] });
  expect((await offered("  metrics: ['cpu_used_ratio', '"))?.labels).toEqual(['power_w']);
  expect(await offered("layer: '")).toBeNull();
});

test('offers words of the API elsewhere, once a word is begun or when asked', async () => {
  expect(await offered('  ')).toBeNull();
  expect((await offered('  coo'))?.labels).toContain('coolDownS');
  expect((await offered('', 'typescript', true))?.labels).toEqual(expect.arrayContaining(['times', 'ClusterPolicy', 'layer']));
  expect(await offered('async def an', 'python')).toMatchObject({ from: 0, labels: ['initialize', 'analyze', 'plan'] });
  expect((await offered('    x = sys', 'python'))?.labels).toContain('system_description');
});
