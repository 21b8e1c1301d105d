import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseDescription } from '../../../agents/descriptions/parse.ts';
import { kubernetesLease } from '../../../agents/election/kubernetes-lease.ts';
import { sharedState } from '../../../agents/election/shared-state.ts';
import { KubernetesOrchestrator } from '../../../agents/orchestration/kubernetes.ts';
import { agentSettingsSchema } from '../../../agents/settings.ts';
import { systemClock } from '../../../agents/system-clock.ts';
import { makeTls } from '../../twin/api/access.ts';
import { type KubernetesApi, startKubernetesApi } from '../../twin/api/server.ts';
import { type AccessRule, clusterRules, namespaceRules } from './access.ts';

// The twin's API lets every certificate do everything: what the agent asks of it is noted on the way, and held against the rules.
interface Asked {
  verb: string;
  group: string;
  resource: string;
  name: string | undefined;
  namespace: string | undefined;
}
let api: KubernetesApi;
const asked: Asked[] = [];
const recorder = createServer((from, to) => {
  asked.push(read(from));
  const { hostname, port } = new URL(api.url);
  const headers = { ...from.headers, authorization: 'Bearer the-token' };
  const on = request({ hostname, port, path: from.url, method: from.method, headers, rejectUnauthorized: false }, (answer) => {
    to.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(to);
  });
  on.on('error', () => to.destroy());
  to.on('close', () => on.destroy());
  from.pipe(on);
});

function read({ method, url = '/' }: IncomingMessage): Asked {
  const { pathname, searchParams } = new URL(url, 'http://api');
  const parts = pathname.split('/').filter(Boolean);
  const group = parts[0] === 'api' ? '' : (parts[1] ?? '');
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const namespace = rest[0] === 'namespaces' && rest.length > 2 ? rest[1] : undefined;
  const [resource = '', name, sub] = namespace === undefined ? rest : rest.slice(2);
  const reading = searchParams.get('watch') === 'true' ? 'watch' : name === undefined ? 'list' : 'get';
  const verbs: Record<string, string> = { GET: reading, POST: 'create', PATCH: 'patch', PUT: 'update', DELETE: 'delete' };
  return { verb: verbs[method ?? ''] ?? String(method), group, resource: sub ? `${resource}/${sub}` : resource, name, namespace };
}

const allows = (rules: readonly AccessRule[], { verb, group, resource, name }: Asked): boolean =>
  rules.some(
    (rule) =>
      rule.apiGroups.includes(group) &&
      rule.resources.includes(resource) &&
      rule.verbs.includes(verb) &&
      (rule.resourceNames === undefined || (name !== undefined && rule.resourceNames.includes(name))),
  );

beforeAll(async () => {
  api = await startKubernetesApi({
    name: 'test',
    host: '127.0.0.1',
    port: 0,
    tls: await makeTls('test', ['127.0.0.1'], Date.now()),
    tokens: [{ token: 'the-token', user: 'admin', groups: [] }],
    podCidr: '10.11.0.0/16',
    serviceCidr: '198.51.100.0/24',
    clock: systemClock,
  });
  await new Promise<void>((resolve) => recorder.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  recorder.closeAllConnections();
  recorder.close();
  await api.close();
});

it('all that a cluster agent asks of its cluster is granted to it, and no secret is', async () => {
  const text = await readFile(new URL('../../../assets/applications/smart-camera.yaml', import.meta.url), 'utf8');
  const parsed = parseDescription(text, 'smart-camera.yaml');
  if (parsed.kind !== 'MLSysOpsApp') throw new Error(`unexpected ${parsed.kind}`);
  const { port } = recorder.address() as AddressInfo;
  const kubeConfig = new KubeConfig();
  // The recorder on loopback has no TLS, which the client takes for skipping it.
  const cluster = { name: 'test', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
  kubeConfig.loadFromClusterAndUser(cluster, { name: 'agent' });
  const complaints: string[] = [];
  const orchestrator = new KubernetesOrchestrator(kubeConfig, (_level, said) => complaints.push(said));
  try {
    await orchestrator.start();
    const description = parsed.value;
    await orchestrator.deploy({ uid: 'test', description }, 'classifier', 'worker-1', 'plan-1');
    await expect.poll(() => orchestrator.components().length, { timeout: 10_000 }).toBe(1);
    await orchestrator.pin(description.name, 'classifier', 'worker-2', 'plan-2');
    const classifier = description.components.find(({ metadata }) => metadata.name === 'classifier')!;
    await (await orchestrator.respec(description.name, classifier, 'plan-3'))();
    await orchestrator.report(description.name, { phase: 'Deployed', ready: '1/1', clusters: 'c', components: [] });
    await orchestrator.remove(description.name, 'classifier');
    const lease = kubernetesLease(kubeConfig);
    const held = { holder: 'a', durationMs: 6000, acquiredAt: 0, renewedAt: 0, transitions: 0 };
    await lease.create(held);
    const found = await lease.get();
    expect(await lease.update(held, found!.version)).toMatchObject(held);
    const { settings } = sharedState({ kubeConfig, log: () => {}, leads: () => true });
    await settings.load();
    for (const mode of [0, 1] as const) await settings.save(agentSettingsSchema.parse({ mode }));
    expect(await settings.load()).toMatchObject({ mode: 1 });
  } finally {
    orchestrator.stop();
  }
  expect(new Set(asked.map(({ verb }) => verb))).toEqual(
    new Set(['create', 'patch', 'list', 'watch', 'delete', 'get', 'update']),
  );
  const refused = asked.filter(
    (one) => !allows(clusterRules, one) && !(one.namespace === 'mlsysops' && allows(namespaceRules, one)),
  );
  expect(refused).toEqual([]);
  for (const resource of ['secrets', 'configmaps', 'pods/exec', 'clusterroles', '*'])
    for (const verb of ['get', 'list', 'create', 'patch', 'delete', '*'])
      for (const group of ['', 'rbac.authorization.k8s.io', '*'])
        expect(allows([...clusterRules, ...namespaceRules], { verb, group, resource, name: 'any', namespace: 'mlsysops' })).toBe(
          // What its agents hand on to each other is one by its name; a new one of another name harms nobody.
          resource === 'configmaps' && verb === 'create' && group === '',
        );
});
