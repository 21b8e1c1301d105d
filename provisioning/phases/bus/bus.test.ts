import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { subjects } from '../../../agents/bus/subjects.ts';
import { exampleTestbed } from '../support/context-double.ts';
import { hubConfiguration, leafConfiguration } from './configuration.ts';
import { type BusKeys, busKeys, readDesktopCredentials, revokeAgent } from './keys.ts';
import { type BusUser, hubUsers, leafUser, leafUsers } from './users.ts';

const natsServer = ['/usr/local/bin/nats-server', '/usr/sbin/nats-server'].find((file) => existsSync(file)) ?? 'nats-server';
const testbed = exampleTestbed();
const now = Date.now();
let folder: string;
let keys: BusKeys;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bus-'));
  keys = busKeys(path.join(folder, 'state'), 'lab', () => now);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const withPasswords = (users: BusUser[]) =>
  Promise.all(users.map(async (user) => ({ ...user, password: await keys.password(user.user) })));

describe('keys of the bus', () => {
  it('verify with openssl, for server and client use and the names they are for', async () => {
    const server = await keys.certificate('server-master-1', ['master-1', '10.77.0.11', 'localhost', '127.0.0.1']);
    const files = {
      ca: path.join(folder, 'ca.pem'),
      server: path.join(folder, 'server.pem'),
      key: path.join(folder, 'server.key'),
    };
    await writeFile(files.ca, await keys.authorityCertificate());
    await writeFile(files.server, server.certificate);
    await writeFile(files.key, server.key);
    for (const purpose of ['sslserver', 'sslclient']) {
      for (const name of [
        ['-verify_hostname', 'master-1'],
        ['-verify_ip', '10.77.0.11'],
      ]) {
        expect(
          execFileSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, ...name, '-CAfile', files.ca, files.server], {
            encoding: 'utf8',
          }),
        ).toContain('OK');
      }
    }
    const wrong = spawnSync('openssl', ['verify', '-verify_hostname', 'worker-1', '-CAfile', files.ca, files.server], {
      encoding: 'utf8',
    });
    expect(wrong.status).not.toBe(0);
    const ofKey = execFileSync('openssl', ['pkey', '-in', files.key, '-pubout'], { encoding: 'utf8' });
    expect(execFileSync('openssl', ['x509', '-in', files.server, '-noout', '-pubkey'], { encoding: 'utf8' })).toBe(ofKey);
  });

  it('are made once, kept for their user alone, and renewed in time or when names change', async () => {
    const [first, second] = await Promise.all([keys.certificate('one'), keys.certificate('one')]);
    expect(second).toEqual(first);
    expect((await stat(path.join(folder, 'state', 'bus', 'one.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(path.join(folder, 'state', 'bus'))).mode & 0o777).toBe(0o700);
    const later = busKeys(path.join(folder, 'state'), 'lab', () => now + 800 * 24 * 3600 * 1000);
    expect(await later.certificate('one')).not.toEqual(first);
    const named = await keys.certificate('server-x', ['x']);
    expect(await keys.certificate('server-x', ['x'])).toEqual(named);
    expect(await keys.certificate('server-x', ['x', 'y'])).not.toEqual(named);
  });
});

describe('hub and leaf', () => {
  const running: { stop(): Promise<void> }[] = [];
  const connections: NatsConnection[] = [];
  let ports: { hub: number; leafNodes: number; leaf: number; monitor: number };
  afterAll(async () => {
    for (const connection of connections) await connection.close();
    for (const server of running) await server.stop();
  });

  /** The generated configuration as it is, with this computer's folders and free ports in the place of the hosts'. */
  async function start(name: string, text: string): Promise<void> {
    const home = path.join(folder, name);
    const pair = await keys.certificate(`server-${name}`, ['localhost', '127.0.0.1']);
    await mkdir(home, { recursive: true });
    await writeFile(path.join(home, 'ca.crt'), await keys.authorityCertificate());
    await writeFile(path.join(home, 'server.crt'), pair.certificate);
    await writeFile(path.join(home, 'server.key'), pair.key);
    const ofLeaf = await keys.certificate(leafUser('cluster1'));
    await writeFile(path.join(home, 'leaf.crt'), ofLeaf.certificate);
    await writeFile(path.join(home, 'leaf.key'), ofLeaf.key);
    await writeFile(path.join(home, 'nats.conf'), text);
    const check = spawnSync(natsServer, ['-t', '-c', path.join(home, 'nats.conf')], { encoding: 'utf8' });
    expect(check.status, check.stderr).toBe(0);
    const server = spawn(natsServer, ['-c', path.join(home, 'nats.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
    running.push({
      stop: async () => {
        if (server.exitCode !== null) return;
        server.kill();
        await once(server, 'exit');
      },
    });
    let said = '';
    server.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await vi.waitFor(() => expect(said).toContain('Server is ready'), { timeout: 10_000 });
  }

  const dial = async (user: string, port: number, password?: string): Promise<NatsConnection> => {
    const pair = await keys.certificate(user);
    const connection = await connect({
      servers: [`tls://127.0.0.1:${port}`],
      user,
      pass: password ?? (await keys.password(user)),
      tls: { ca: await keys.authorityCertificate(), cert: pair.certificate, key: pair.key },
      reconnect: false,
    });
    connections.push(connection);
    return connection;
  };

  beforeAll(async () => {
    const [hub, leafNodes, leaf, monitorHub, monitorLeaf] = await freePorts(5);
    ports = { hub: hub!, leafNodes: leafNodes!, leaf: leaf!, monitor: monitorHub! };
    const move = (text: string, client: number, monitor: number) =>
      text
        .replace('"port": 4222', `"port": ${client}`)
        .replace('"port": 7422', `"port": ${ports.leafNodes}`)
        .replace('@127.0.0.1:7422', `@127.0.0.1:${ports.leafNodes}`)
        .replace('127.0.0.1:8222', `127.0.0.1:${monitor}`);
    const hubText = hubConfiguration({
      users: await withPasswords(hubUsers(testbed, ['cluster1'])),
      folder: path.join(folder, 'hub'),
      storeFolder: path.join(folder, 'store'),
    });
    const leafText = leafConfiguration({
      cluster: 'cluster1',
      users: await withPasswords(leafUsers(testbed, 'cluster1')),
      hub: { address: '127.0.0.1', user: leafUser('cluster1'), password: await keys.password(leafUser('cluster1')) },
      folder: path.join(folder, 'cluster1'),
    });
    await start('hub', move(hubText, ports.hub, monitorHub!));
    await start('cluster1', move(leafText, ports.leaf, monitorLeaf!));
  });

  /** Publishes until it is heard: interest travels from hub to leaf in its own time. */
  async function hears(listener: NatsConnection, subject: string, speaker: NatsConnection, said: string): Promise<boolean> {
    let heard = 0;
    const subscription = listener.subscribe(subject, { callback: (error) => void (error === null && heard++) });
    await listener.flush();
    for (let attempt = 0; attempt < 40 && heard === 0; attempt++) {
      speaker.publish(said, '{}');
      await speaker.flush();
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    subscription.unsubscribe();
    return heard > 0;
  }

  it('carry a node’s heartbeat to its cluster agent and, through the leaf, to continuum and desktop; and the state of applications', async () => {
    const node = await dial('node-worker-1', ports.leaf);
    const cluster = await dial('cluster-cluster1', ports.leaf);
    const continuum = await dial('continuum', ports.hub);
    await keys.certificate('desktop');
    await keys.password('desktop');
    const credentials = await readDesktopCredentials(path.join(folder, 'state'));
    const desktop = await dial(credentials.user, ports.hub, credentials.password);
    const heartbeat = 'mls.heartbeat.cluster1.node.node-worker-1';
    expect(await hears(cluster, 'mls.heartbeat.cluster1.>', node, heartbeat)).toBe(true);
    expect(await hears(continuum, 'mls.heartbeat.>', node, heartbeat)).toBe(true);
    expect(await hears(desktop, 'mls.heartbeat.>', node, heartbeat)).toBe(true);
    expect(await hears(desktop, 'mls.application.>', cluster, subjects.application('cluster1', 'smart-camera'))).toBe(true);
  });

  it('carry requests from the continuum to a node and the answer back', async () => {
    const node = await dial('node-worker-2', ports.leaf);
    node.subscribe('mls.request.node-worker-2.describe', { callback: (_error, message) => void message.respond('{"ok":true}') });
    await node.flush();
    const continuum = await dial('continuum', ports.hub);
    let answer = '';
    await expect
      .poll(
        async () => {
          answer =
            (await continuum.request('mls.request.node-worker-2.describe', '{}', { timeout: 500 }).catch(() => null))?.string() ??
            '';
          return answer;
        },
        { timeout: 10_000 },
      )
      .toBe('{"ok":true}');
  });

  it('keep decisions of a member cluster in the hub’s stream', async () => {
    const continuum = await dial('continuum', ports.hub);
    const manager = await jetstreamManager(continuum);
    await manager.streams.add({ name: 'MLS_DECISIONS', subjects: ['mls.decision.>'] });
    const cluster = await dial('cluster-cluster1', ports.leaf);
    await expect
      .poll(async () => (await (await jetstreamManager(cluster)).streams.info('MLS_DECISIONS')).config.name, { timeout: 10_000 })
      .toBe('MLS_DECISIONS');
    const acknowledged = await (await jetstreamManager(cluster))
      .jetstream()
      .publish('mls.decision.cluster1.cluster.cluster-cluster1', '{}');
    expect(acknowledged.stream).toBe('MLS_DECISIONS');
    expect((await manager.streams.info('MLS_DECISIONS')).state.messages).toBe(1);
  });

  it('carry upwards what nodes were like, from their cluster’s agent alone', async () => {
    const continuum = await dial('continuum', ports.hub);
    const cluster = await dial('cluster-cluster1', ports.leaf);
    const node = await dial('node-worker-1', ports.leaf);
    const subject = subjects.aggregate('cluster1', 'worker-1');
    expect(await hears(continuum, subjects.all.aggregates, cluster, subject)).toBe(true);
    const received: string[] = [];
    continuum.subscribe(subjects.all.aggregates, {
      callback: (_error, message) => void (message.string() !== '{}' && received.push(message.string())),
    });
    await continuum.flush();
    node.publish(subject, 'from a node');
    await node.flush();
    cluster.publish(subjects.aggregate('cluster2', 'worker-1'), 'of another cluster');
    cluster.publish(subject, 'from the cluster');
    await expect.poll(() => received, { timeout: 5000 }).toEqual(['from the cluster']);
  });

  it('take nothing from a leaf in another cluster’s name', async () => {
    const spoofed = 'mls.heartbeat.management.continuum.continuum';
    const honest = 'mls.telemetry.cluster1.master-1';
    const roguePort = (await freePorts(1))[0]!;
    await mkdir(path.join(folder, 'rogue'), { recursive: true });
    // A master that was taken over: its leaf lets anybody say anything.
    const rogue = leafConfiguration({
      cluster: 'rogue',
      users: [{ user: 'node-worker-1', password: await keys.password('node-worker-1'), publish: ['>'], subscribe: ['>'] }],
      hub: { address: '127.0.0.1', user: leafUser('cluster1'), password: await keys.password(leafUser('cluster1')) },
      folder: path.join(folder, 'rogue'),
    });
    await start(
      'rogue',
      rogue
        .replace('"port": 4222', `"port": ${roguePort}`)
        .replace('@127.0.0.1:7422', `@127.0.0.1:${ports.leafNodes}`)
        .replace('127.0.0.1:8222', `127.0.0.1:${(await freePorts(1))[0]}`),
    );
    const speaker = await dial('node-worker-1', roguePort);
    const desktop = await dial('desktop', ports.hub);
    const received = new Set<string>();
    desktop.subscribe('mls.>', { callback: (_error, message) => void received.add(message.subject) });
    await desktop.flush();
    expect(await hears(desktop, 'mls.telemetry.>', speaker, honest)).toBe(true);
    speaker.publish(spoofed, '{}');
    expect(await hears(desktop, 'mls.telemetry.>', speaker, honest)).toBe(true);
    expect([...received]).toEqual([honest]);
  });

  it('let nobody say what is not his, in without a password, or in without a certificate', async () => {
    const node = await dial('node-worker-1', ports.leaf);
    const cluster = await dial('cluster-cluster1', ports.leaf);
    const other = 'mls.heartbeat.cluster1.node.node-worker-2';
    const received: string[] = [];
    cluster.subscribe('mls.heartbeat.cluster1.>', { callback: (_error, message) => void received.push(message.subject) });
    await cluster.flush();
    node.publish(other, '{}');
    node.publish('mls.heartbeat.cluster1.node.node-worker-1', '{}');
    await expect.poll(() => received, { timeout: 5000 }).toContain('mls.heartbeat.cluster1.node.node-worker-1');
    expect(received).not.toContain(other);
    await expect(dial('node-worker-1', ports.leaf, 'guess')).rejects.toThrow(/authorization/i);
    await expect(
      connect({
        servers: [`tls://127.0.0.1:${ports.leaf}`],
        user: 'node-worker-1',
        pass: await keys.password('node-worker-1'),
        tls: { ca: await keys.authorityCertificate() },
        reconnect: false,
      }),
    ).rejects.toThrow();
  });

  it('let a worker’s certificate in as that worker alone, whatever user and password come with it', async () => {
    const pair = await keys.certificate('node-worker-2');
    const tls = { ca: await keys.authorityCertificate(), cert: pair.certificate, key: pair.key };
    const servers = [`tls://127.0.0.1:${ports.leaf}`];
    const stolen = { user: 'cluster-cluster1', pass: await keys.password('cluster-cluster1') };
    await expect(connect({ servers, ...stolen, tls, reconnect: false })).rejects.toThrow(/authorization/i);
    const posing = await connect({
      servers,
      user: 'cluster-cluster1',
      pass: await keys.password('node-worker-2'),
      tls,
      reconnect: false,
    });
    connections.push(posing);
    const refused: string[] = [];
    void (async () => {
      for await (const status of posing.status()) if (status.type === 'error') refused.push(status.error.message);
    })();
    posing.publish('mls.heartbeat.cluster1.cluster.cluster-cluster1', '{}');
    await posing.flush();
    await expect.poll(() => refused.join(), { timeout: 5000 }).toMatch(/permissions violation.*cluster-cluster1/i);
  });

  it('show their health over TLS', async () => {
    const ca = await keys.authorityCertificate();
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      get(`https://127.0.0.1:${ports.monitor}/healthz`, { ca }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on('error', reject);
    });
    expect(answer).toBe(200);
  });

  it('let a host in no more that has left the testbed, nor with its former password when it comes back', async () => {
    const without = { ...testbed, hosts: testbed.hosts.filter(({ name }) => name !== 'worker-2') };
    expect(leafUsers(testbed, 'cluster1').map(({ user }) => user)).toContain('node-worker-2');
    expect(leafUsers(without, 'cluster1').map(({ user }) => user)).not.toContain('node-worker-2');
    const [former, formerPair] = [await keys.password('node-worker-2'), await keys.certificate('node-worker-2')];
    await revokeAgent(path.join(folder, 'state'), 'node-worker-2');
    expect(await keys.password('node-worker-2')).not.toBe(former);
    expect(await keys.certificate('node-worker-2')).not.toEqual(formerPair);
    await revokeAgent(path.join(folder, 'state'), 'node-never-was');
  });
});

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return ports;
}
