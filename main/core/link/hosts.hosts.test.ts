import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Heartbeat, heartbeatSchema, replySchema } from '../../../agents/bus/messages.ts';
import { NatsBus } from '../../../agents/bus/nats.ts';
import { removeRequestSchema } from '../../../agents/bus/requests.ts';
import { subjects } from '../../../agents/bus/subjects.ts';
import { type DecisionRecord, decisionRecordSchema } from '../../../agents/decision/record.ts';
import { hubConfiguration } from '../../../provisioning/phases/bus/configuration.ts';
import { busKeys, desktopUser } from '../../../provisioning/phases/bus/keys.ts';
import { hubUsers } from '../../../provisioning/phases/bus/users.ts';
import { SshPool } from '../../../provisioning/ssh/pool.ts';
import { freePort, type LoopbackSshd, startLoopbackSshd } from '../../../provisioning/ssh/sshd.fixture.ts';
import { testbedSchema } from '../../../provisioning/testbed/schema.ts';
import { openHostsLink } from './hosts.ts';

/** Real SSH to a real hub with the configuration that provisioning writes: users, rights, mutual TLS, JetStream. */
let folder: string;
let sshd: LoopbackSshd;
let port: number;
let hub: ChildProcess;
let agent: NatsBus;
const state = () => join(folder, 'state');

async function startHub(): Promise<void> {
  hub = spawn('/usr/sbin/nats-server', ['-c', join(folder, 'nats.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  hub.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await vi.waitFor(() => expect(said).toContain('Server is ready'), { timeout: 10_000 });
}
async function stopHub(): Promise<void> {
  const ended = once(hub, 'exit');
  hub.kill('SIGKILL');
  await ended;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mls-link-'));
  sshd = await startLoopbackSshd('management');
  port = await freePort();
  const testbed = testbedSchema.parse({ name: 'lab', kind: 'hosts', hosts: [sshd.host], clusters: {} });
  const keys = busKeys(state(), 'lab', Date.now);
  const users = await Promise.all(
    hubUsers(testbed, []).map(async (user) => ({ ...user, password: await keys.password(user.user) })),
  );
  const pair = await keys.certificate('server', ['localhost', '127.0.0.1']);
  await Promise.all([keys.certificate(desktopUser), keys.password(desktopUser)]);
  await writeFile(join(folder, 'ca.crt'), await keys.authorityCertificate());
  await writeFile(join(folder, 'server.crt'), pair.certificate);
  await writeFile(join(folder, 'server.key'), pair.key);
  const text = hubConfiguration({ users, folder, storeFolder: join(folder, 'store') })
    .replace('"port": 4222', `"port": ${port}`)
    .replace('"port": 7422', `"port": ${await freePort()}`)
    .replace('127.0.0.1:8222', `127.0.0.1:${await freePort()}`);
  await writeFile(join(folder, 'nats.conf'), text);
  await startHub();
  const own = await keys.certificate('continuum');
  agent = await NatsBus.connect({
    servers: [`tls://127.0.0.1:${port}`],
    name: 'continuum',
    user: 'continuum',
    password: await keys.password('continuum'),
    tls: { ca: await keys.authorityCertificate(), cert: own.certificate, key: own.key },
    connectTimeoutMs: 5000,
  });
});
afterAll(async () => {
  await agent?.close();
  await stopHub();
  await sshd.stop();
  await rm(folder, { recursive: true, force: true });
});

const heartbeat = (sequence: number): Heartbeat => ({
  agent: 'continuum',
  layer: 'continuum',
  cluster: 'management',
  time: Date.now(),
  sequence,
  intervalMs: 1000,
  version: '0.1.0',
  startedAt: 1,
});
const beat = (sequence: number) =>
  agent.publish(subjects.heartbeat('management', 'continuum', 'continuum'), heartbeatSchema, heartbeat(sequence));
const decision = (id: string): DecisionRecord => ({
  id,
  revision: 0,
  time: Date.now(),
  agent: { id: 'continuum', layer: 'continuum', cluster: 'management' },
  policy: { name: 'test', version: '1' },
  trigger: { kind: 'test', text: 'a test' },
  premises: [],
  candidates: [{ id: 'stay', label: 'Stay', action: { kind: 'stay' }, predicted: [], terms: [], score: 0 }],
  choice: 'stay',
  stay: 'stay',
  margin: null,
  neededMargin: 0.1,
  exploration: false,
  horizonS: 30,
  expected: [],
  title: 'Stayed',
  sentence: 'Stayed.',
});
const decide = (id: string) =>
  agent.publish(subjects.decision('management', 'continuum', 'continuum'), decisionRecordSchema, decision(id));

test('hears, asks, comes back after a lost connection, and fetches what it missed', { timeout: 60_000 }, async () => {
  await decide('before');
  await agent.flush();
  const pool = new SshPool({ knownHosts: sshd.knownHosts, agent: null });
  const logged: string[] = [];
  let closed = 0;
  const link = await openHostsLink({
    pool,
    management: sshd.host,
    stateFolder: state(),
    hubPort: port,
    knownUntil: async () => null,
    log: (text) => logged.push(text),
    onClose: () => closed++,
  });
  const beats: number[] = [];
  const decisions = new Set<string>();
  link.onHeartbeat(({ sequence }) => beats.push(sequence));
  link.onDecision(({ id }) => decisions.add(id));
  // The hub takes a moment to keep a decision that came before its stream was there.
  await expect
    .poll(async () => {
      await link.catchUp();
      return [...decisions];
    })
    .toEqual(['before']);

  await beat(1);
  await expect.poll(() => beats).toEqual([1]);
  agent.answer(subjects.request('continuum', 'remove'), removeRequestSchema, replySchema, async ({ application }) => ({
    ok: true as const,
    value: { application },
  }));
  await agent.flush();
  expect(await link.request(subjects.request('continuum', 'remove'), { application: 'x' })).toEqual({
    ok: true,
    value: { application: 'x' },
  });
  await expect(link.request(subjects.request('nobody', 'x'), {})).rejects.toThrow(/not answered/);

  (await pool.connect(sshd.host)).client.destroy();
  await decide('while away');
  await expect.poll(() => logged, { timeout: 10_000 }).toContain('management: connected again');
  await expect.poll(() => [...decisions], { timeout: 10_000 }).toContain('while away');
  await expect
    .poll(
      async () => {
        await beat(2);
        return beats;
      },
      { timeout: 10_000 },
    )
    .toContain(2);

  await stopHub();
  await startHub();
  await expect
    .poll(
      async () => {
        await beat(3);
        return beats;
      },
      { timeout: 20_000 },
    )
    .toContain(3);

  await link.close();
  await link.close();
  expect(closed).toBe(1);
  await pool.close();
});

test('says why there is no link', async () => {
  const pool = new SshPool({ knownHosts: sshd.knownHosts, agent: null });
  const options = { pool, management: sshd.host, knownUntil: async () => null, log: () => {} };
  await expect(openHostsLink({ ...options, stateFolder: join(folder, 'none') })).rejects.toThrow(/no credentials/);
  await expect(openHostsLink({ ...options, stateFolder: state(), hubPort: await freePort() })).rejects.toThrow(/does not answer/);
  await pool.close();
});
