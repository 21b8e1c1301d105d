import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseDescription } from '../../../agents/descriptions/parse.ts';
import { NorthboundClient } from '../../../agents/northbound/client.ts';
import { EventLog } from '../../../agents/northbound/events.ts';
import { startNorthboundServer } from '../../../agents/northbound/server.ts';
import { agentConfiguration } from '../../../provisioning/phases/agents/configuration.ts';
import { busKeys } from '../../../provisioning/phases/bus/keys.ts';
import { contextDouble, exampleTestbed } from '../../../provisioning/phases/support/context-double.ts';
import { startTwin, type Twin } from '../../../provisioning/twin/testbed.ts';
import { makeProgram, run } from '../cli.ts';
import { testApplication } from './test-application.ts';

/** Every verb of the framework's own tool, with the options that it has there. */
const framework: Record<string, string[]> = {
  'apps deploy-app': ['--path', '--uri'],
  'apps list-all': [],
  'apps get-app-status': [],
  'apps get-app-details': [],
  'apps get-app-performance': [],
  'apps remove-app': [],
  'infra list-infra': ['--type', '--name'],
  'infra register': ['--path', '--uri'],
  'infra unregister': [],
  'ml deploy-ml': ['--path', '--uri'],
  'ml list-all': [],
  'ml get-status': [],
  'ml remove-ml': [],
  'framework deploy-all': ['--inventory'],
  'framework deploy-services': [],
  'framework deploy-continuum': ['--inventory'],
  'framework deploy-cluster': ['--inventory'],
  'framework deploy-node': ['--inventory'],
  'framework create-test-app-description': ['--inventory', '--cluster'],
  'manage ping-agent': [],
  'manage set-mode': ['--mode'],
  'manage set-system-target': [],
  'manage config-trust': ['--nodes', '--indexes', '--weights'],
  'agent set-policy': ['--agent', '--file'],
  'agent delete-policy': ['--agent'],
  'agent set-config': ['--agent', '--file'],
  'agent delete-config': ['--agent'],
};

test('has every verb of the framework’s own tool, with its options and a line of help', () => {
  const program = makeProgram(
    async () => {},
    async () => {},
  );
  const find = (words: string): Command | undefined =>
    words.split(' ').reduce<Command | undefined>((at, word) => at?.commands.find((one) => one.name() === word), program);
  const missing = Object.entries(framework).flatMap(([verb, options]) => {
    const command = find(verb);
    if (!command?.description()) return [verb];
    return options.filter((option) => command.options.every(({ long }) => long !== option)).map((option) => `${verb} ${option}`);
  });
  expect(missing).toEqual([]);
});

describe('against the API of a twin', () => {
  let folder: string;
  let twin: Twin;
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const cli = async (...words: string[]): Promise<[number, string]> => {
    const said: string[] = [];
    const spies = [process.stdout, process.stderr].map((stream) =>
      vi.spyOn(stream, 'write').mockImplementation((text) => said.push(String(text)) > 0),
    );
    try {
      return [await run(['node', 'mlsysops-cli', ...words]), said.join('')];
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  };
  const application = (name: string) =>
    `MLSysOpsApp: { name: ${name}, components: [{ metadata: { name: front }, containers: [{ image: "x:1" }] }] }`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mls-cli-'));
    twin = await startTwin({ name: 'twin', speed: 4, stateFolder: join(folder, 'twin'), applications: [] });
    const { url, token } = twin.ready.northbound;
    vi.stubEnv('MLSYSOPS_API', url);
    vi.stubEnv('MLSYSOPS_TOKEN_FILE', await file('token', token));
    vi.stubEnv('NO_COLOR', '1');
  }, 60_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await twin?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('an application is deployed, waited for, looked at and removed', { timeout: 60_000 }, async () => {
    const path = await file('app.yaml', application('shop'));
    expect(await cli('apps', 'deploy-app', '--path', path, '--wait', '40')).toEqual([
      0,
      expect.stringMatching(/shop: deployed \(front running on worker-\d\)\n$/),
    ]);
    expect(await cli('apps', 'list-all')).toEqual([0, expect.stringMatching(/^APPLICATION +STATE.*\nshop +deployed +cluster1/)]);
    expect(await cli('apps', 'get-app-details', 'shop')).toEqual([0, expect.stringContaining('Placed front on worker-')]);
    const [code, text] = await cli('apps', 'get-app-performance', 'shop', '--json');
    expect([code, JSON.parse(text)]).toMatchObject([0, { application: 'shop', windowS: 300 }]);
    expect((await cli('apps', 'remove-app', 'shop'))[0]).toBe(0);
    expect(await cli('apps', 'remove-app', 'shop')).toEqual([3, 'mlsysops-cli: there is no application "shop"\n']);
  });

  test('what is wrong is said with line and remedy, and an exit code of its own', async () => {
    const wrong = await file('wrong.yaml', 'MLSysOpsApp:\n  name: shop\n  componets: []\n');
    const [code, text] = await cli('apps', 'deploy-app', '--path', wrong);
    expect(code).toBe(2);
    expect(text).toContain('3: unknown key "componets"; did you mean "components"?');
    expect((await cli('apps', 'deploy-app'))[1]).toContain('either --path FILE or --uri ADDRESS');
    expect((await cli('apps', 'deploy-app', '--path', join(folder, 'none')))[0]).toBe(2);
    expect((await cli('apps', 'deploy-app', '--uri', 'file:///etc/passwd'))[0]).toBe(2);
    vi.stubEnv('MLSYSOPS_TOKEN_FILE', await file('other', 'no-such-token'));
    expect(await cli('apps', 'list-all')).toEqual([6, 'mlsysops-cli: a bearer token is needed\n']);
    vi.stubEnv('MLSYSOPS_TOKEN_FILE', join(folder, 'token'));
  });

  test('agents are asked and told, and what changed is shown as a diff', async () => {
    expect(await cli('manage', 'ping-agent')).toEqual([0, expect.stringMatching(/node-worker-2 +node +worker-2 +[\d.]+ ms/)]);
    expect((await cli('manage', 'set-mode', '--mode', '1'))[1]).toContain('node-worker-1: done');
    expect((await cli('manage', 'set-mode', '--mode', '2'))[0]).toBe(2);
    expect((await cli('manage', 'set-system-target', 'power_w<=50'))[1]).toContain('+    "metric": "power_w"');
    expect((await cli('manage', 'set-system-target'))[1]).toMatch(/power_w +lower or equal 50/);
    expect((await cli('manage', 'set-system-target', 'much'))[0]).toBe(2);
    const settings = ['agent', 'set-policy', '--agent', 'cluster', '--name', 'relocate-by-latency', '--settings'];
    expect(await cli(...settings, '{"margin": 0.2}')).toEqual([
      0,
      expect.stringMatching(/^cluster-cluster1: changed, from now on\n[\s\S]*\+ {2}"margin": 0.2/),
    ]);
    expect((await cli(...settings, '{"margin": 0.2}'))[1]).toBe('cluster-cluster1: nothing changed\n');
    expect((await cli(...settings, '{"margn": 0.2}'))[0]).toBe(10);
    expect((await cli('agent', 'set-policy', '--agent', 'cluster', '--settings', '{}'))[0]).toBe(2);
    const policy = await file('policy-silent.py', 'def initialize():\n    return {"scope": "application"}\n');
    expect(await cli('agent', 'set-policy', '--agent', 'cluster', '--file', policy)).toEqual([
      10,
      expect.stringMatching(/^cluster-cluster1: NOT changed: .*refused/),
    ]);
    expect((await cli('agent', 'policies', 'cluster-cluster1'))[1]).toMatch(/relocate-by-latency +shipped +\S+ +deciding/);
    const config = await file('config.yaml', 'telemetryMs: 2000\n');
    expect((await cli('agent', 'set-config', '--agent', 'node', '--file', config))[1]).toContain('node-worker-2: changed');
    expect((await cli('agent', 'delete-config', '--agent', 'node-worker-2', 'telemetryMs'))[1]).toContain('-  "telemetryMs"');
    expect((await cli('agent', 'status', 'nobody'))[0]).toBe(3);
  });

  test('infrastructure and models are registered, told and forgotten', async () => {
    const node = `MLSysOpsNode: { name: worker-1, continuum_layer: edge, environment: { node_type: virtualized, os: ubuntu }, hardware: {} }`;
    expect((await cli('infra', 'register', '--path', await file('node.yaml', node)))[1]).toBe('Registered node worker-1.\n');
    expect((await cli('infra', 'list-infra', '--type', 'Node'))[1]).toMatch(/node +worker-1 +cluster1 +yes +yes +yes/);
    expect((await cli('infra', 'get-details', 'cluster1'))[1]).toContain('nodes: master-1, worker-1, worker-2');
    expect((await cli('infra', 'unregister', 'worker-1'))[1]).toBe('Forgot node worker-1.\n');
    const model = await file('model.yaml', 'name: latency\nendpoint: http://127.0.0.1:1\n');
    expect((await cli('ml', 'deploy-ml', '--path', model))[1]).toMatch(/^Registered latency as .*: FAILING/);
    expect((await cli('ml', 'list-all'))[1]).toMatch(/latency +– +http:\/\/127.0.0.1:1/);
    expect((await cli('ml', 'remove-ml', 'latency'))[1]).toBe('Forgot latency.\n');
    expect((await cli('framework', 'status'))[1]).toMatch(/node +4 +–/);
  });

  test('events are heard as they happen', async () => {
    const api = new NorthboundClient(twin.ready.northbound);
    const over = new AbortController();
    const heard = api.events(['application'], over.signal);
    const first = heard.next();
    await api.call('apps.deploy', { body: application('heard') });
    expect((await first).value).toMatchObject({ event: { kind: 'application', application: { application: 'heard' } } });
    over.abort();
    expect((await heard.next()).done).toBe(true);
  });
});

test('a testbed of hosts serves it over TLS by the testbed’s own authority, and is refused without it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mls-cli-'));
  const keys = busKeys(folder, 'lab', Date.now);
  const pair = await keys.certificate('northbound', ['management', '127.0.0.1']);
  const testbed = exampleTestbed();
  const { northbound } = agentConfiguration('continuum', testbed.hosts[0]!, contextDouble(testbed, '/nowhere'));
  const [tokenFile, certFile, keyFile] = ['token', 'crt', 'key'].map((name) => join(folder, name)) as [string, string, string];
  await Promise.all([writeFile(tokenFile, 'secret'), writeFile(certFile, pair.certificate), writeFile(keyFile, pair.key)]);
  // As it is configured, but for the port and for where its files lie.
  const config = { ...northbound!, host: '127.0.0.1', port: 0, tokenFile, certFile, keyFile };
  const handlers = { 'agents.list': async () => [] } as never;
  const server = await startNorthboundServer({
    config,
    stateFolder: folder,
    version: '1',
    handlers,
    events: new EventLog(),
    log: () => {},
  });
  try {
    const access = { url: `https://127.0.0.1:${server.port}`, token: 'secret' };
    const authority = await keys.authorityCertificate();
    expect(await new NorthboundClient({ ...access, authority }).call('agents.list', {})).toEqual([]);
    await expect(new NorthboundClient(access).call('agents.list', {})).rejects.toThrow(/cannot be reached: .*certificate/);
    await expect(new NorthboundClient({ ...access, authority, token: 'x' }).call('agents.list', {})).rejects.toMatchObject({
      status: 401,
    });
  } finally {
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test('the framework’s test application is a description that holds, on two workers of one cluster', () => {
  const { value } = parseDescription(testApplication(exampleTestbed()), 'test-app.yaml');
  expect(value).toMatchObject({
    components: [{ node_placement: { node: 'worker-2' } }, { node_placement: { node: 'worker-1' } }],
    global_satisfaction: { threshold: 0.7 },
  });
  expect(() => testApplication(exampleTestbed(), 'management')).toThrow(/no worker/);
});
