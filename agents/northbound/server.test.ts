import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApplicationStatus } from '../bus/messages.ts';
import { parseDescription } from '../descriptions/parse.ts';
import { startNorthbound } from './server.ts';

const token = 'a-long-random-token';
let folder: string;
let server: { close(): void; port: number };
const applications = new Map<string, string>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-northbound-'));
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${token}\n`);
  const status: ApplicationStatus = {
    application: 'shop',
    cluster: 'c',
    time: 1,
    state: 'deployed',
    targets: [],
    components: [],
  };
  server = await startNorthbound(
    { host: '127.0.0.1', port: 0, tokenFile },
    {
      deploy: async (text) => {
        const { value } = parseDescription(text, 'description');
        const name = 'name' in value && value.name ? value.name : '';
        applications.set(name, text);
        return { application: name, uid: `uid-${name}` };
      },
      list: async () => [...applications.keys()].map((application) => ({ application, uid: `uid-${application}`, clusters: [] })),
      status: async (id) => (applications.has(id) ? status : undefined),
      remove: async (id) => applications.delete(id),
    },
    () => {},
  );
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function call(method: string, path: string, options: { body?: string; type?: string; token?: string } = {}) {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${options.token ?? token}`,
      ...(options.body !== undefined && { 'content-type': options.type ?? 'application/yaml' }),
    },
    body: options.body,
  });
  return [response.status, await response.json()];
}

test('deploys, lists, tells and removes, with the verbs of the framework', async () => {
  expect(await call('GET', '/manage/ping')).toEqual([200, { status: 'ok' }]);
  const description = 'MLSysOpsApp:\n  name: shop\n  components: [{metadata: {name: front}}]\n';
  expect(await call('POST', '/apps/deploy', { body: description })).toEqual([200, { application: 'shop', uid: 'uid-shop' }]);
  const json = JSON.stringify({ MLSysOpsApp: { name: 'shop2', components: [{ metadata: { name: 'front' } }] } });
  expect((await call('POST', '/apps/deploy', { body: json, type: 'application/json' }))[0]).toBe(200);
  expect((await call('GET', '/apps/list_all/'))[1]).toHaveLength(2);
  expect((await call('GET', '/apps/status/shop'))[1]).toMatchObject({ state: 'deployed' });
  expect(await call('DELETE', '/apps/remove/shop')).toEqual([200, { application: 'shop' }]);
  expect((await call('GET', '/apps/status/shop'))[0]).toBe(404);
});

test('refuses who has no token, what does not fit, and what is too large', async () => {
  expect((await call('GET', '/manage/ping', { token: 'wrong' }))[0]).toBe(401);
  expect((await call('GET', '/apps/status/%ff'))[0]).toBe(400);
  expect((await call('POST', '/manage/ping', { body: '' }))[0]).toBe(404);
  expect((await call('POST', '/apps/deploy', { body: '[1', type: 'application/json' }))[0]).toBe(400);
  expect(await call('POST', '/apps/deploy', { body: 'MLSysOpsApp:\n  nam: x' })).toEqual([
    422,
    expect.objectContaining({ error: expect.stringContaining('did you mean "name"?') }),
  ]);
  const tooLarge = await call('POST', '/apps/deploy', { body: 'x'.repeat(1_500_000) }).catch(() => [413]);
  expect(tooLarge[0]).toBe(413);
});
