import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LoopbackSshd, startLoopbackSshd } from '../../provisioning/ssh/sshd.fixture.ts';
import { type Core, startCore } from './core.ts';

/** A service on a host of a real sshd, found and reached over a port of this computer's loopback. */
const folder = mkdtempSync(join(tmpdir(), 'mls-forwards-'));
const web = createServer((_request, response) => response.end('served'));
let sshd: LoopbackSshd;
let core: Core;
beforeAll(async () => {
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  sshd = await startLoopbackSshd('gate');
  const assetsFolder = fileURLToPath(new URL('../../assets', import.meta.url));
  core = await startCore({ dataFolder: folder, distFolder: join(folder, 'dist'), assetsFolder, log: () => {}, env: {} });
  const { labels: _labels, ...host } = sshd.host;
  const clusters = { management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' } };
  const file = JSON.stringify({ name: 'office', kind: 'hosts', hosts: [host], clusters });
  await core.handlers['testbeds.create']({ name: 'office', kind: 'hosts', file });
  const [key] = await core.handlers['testbeds.hostKeys']({ testbed: 'office' });
  await core.handlers['testbeds.trust']({ testbed: 'office', host: 'gate', fingerprint: key?.fingerprint ?? '' });
});
afterAll(async () => {
  await core?.close();
  await sshd?.stop();
  web.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a service of a host is listed, and reached as long as the stream is open', async () => {
  const address = web.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const target = { kind: 'host' as const, host: 'gate', port };
  const { listeners, problems } = await core.handlers['forwards.list']({ testbed: 'office' });
  expect(problems).toEqual([]);
  expect(listeners.map((one) => one.target)).toContainEqual(target);

  const abort = new AbortController();
  const ports: number[] = [];
  const held = core.handlers['forwards.open'](
    { testbed: 'office', target },
    async (event) => void ports.push(event.port),
    abort.signal,
  );
  await expect.poll(() => ports.length, { timeout: 10_000 }).toBe(1);
  expect(ports[0]).not.toBe(port);
  const url = `http://127.0.0.1:${ports[0]}/`;
  expect(await (await fetch(url)).text()).toBe('served');
  abort.abort();
  await held;
  await expect(fetch(url)).rejects.toThrow();
});
