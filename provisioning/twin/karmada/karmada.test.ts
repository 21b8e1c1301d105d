import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../agents/system-clock.ts';
import { makeTls } from '../api/access.ts';
import { at } from '../api/objects.ts';
import { type KubernetesApi, startKubernetesApi } from '../api/server.ts';
import { clusterResource } from './definitions.ts';
import { type MiniKarmada, startMiniKarmada } from './karmada.ts';

const token = 'a-token-of-this-test';
async function start(name: string, port = 0): Promise<KubernetesApi> {
  return startKubernetesApi({
    name,
    host: '127.0.0.1',
    port,
    tls: await makeTls(name, ['127.0.0.1'], Date.now()),
    tokens: [{ token, user: 'admin', groups: [] }],
    podCidr: '10.11.0.0/16',
    serviceCidr: '10.21.0.0/16',
    clock: systemClock,
    controllers: false,
  });
}

let control: KubernetesApi;
let members: KubernetesApi[];
let karmada: MiniKarmada;

beforeAll(async () => {
  control = await start('karmada');
  members = await Promise.all(['member1', 'member2'].map((name) => start(name)));
  karmada = startMiniKarmada({ api: control, clock: systemClock, log: () => {} });
  for (const member of members) join(member);
});
afterAll(async () => {
  karmada.close();
  await Promise.all([control, ...members].map((api) => api.close()));
});

function join(member: KubernetesApi): void {
  control.store.create('secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: member.name, namespace: 'karmada-cluster' },
    stringData: { token, caBundle: member.tls.ca },
  });
  const spec = { apiEndpoint: member.url, syncMode: 'Push', secretRef: { namespace: 'karmada-cluster', name: member.name } };
  control.store.create(clusterResource, {
    apiVersion: 'cluster.karmada.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name: member.name },
    spec,
  });
}

const on = (member: KubernetesApi | undefined) => member?.store.list('apps/deployments').map((one) => one.metadata.name);
const ready = (name: string) => at(control.store.get(clusterResource, undefined, name), 'status', 'ready');
const policy = (...clusterNames: string[]) => ({
  apiVersion: 'policy.karmada.io/v1alpha1',
  kind: 'PropagationPolicy',
  metadata: { name: 'p', namespace: 'mlsysops' },
  spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }], placement: { clusterAffinity: { clusterNames } } },
});

describe('the mini-Karmada', () => {
  it('sees members become ready, and places, updates, moves and removes what policies select', async () => {
    await expect.poll(() => [ready('member1'), ready('member2')], { timeout: 10_000 }).toEqual(['True', 'True']);
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', namespace: 'mlsysops' },
      spec: { replicas: 1 },
    };
    control.store.create('apps/deployments', deployment);
    control.store.create('policy.karmada.io/propagationpolicies', policy('member1'));
    await expect.poll(() => [on(members[0]), on(members[1])], { timeout: 10_000 }).toEqual([['d'], []]);

    members[0]?.store.patchStatus('apps/deployments', 'mlsysops', 'd', { readyReplicas: 1 });
    await expect
      .poll(() => control.store.get('apps/deployments', 'mlsysops', 'd')?.status, { timeout: 10_000 })
      .toEqual({ readyReplicas: 1 });

    control.store.update('apps/deployments', { ...deployment, spec: { replicas: 4 } });
    await expect
      .poll(() => members[0]?.store.get('apps/deployments', 'mlsysops', 'd')?.spec, { timeout: 10_000 })
      .toEqual({ replicas: 4 });

    control.store.update('policy.karmada.io/propagationpolicies', policy('member2'));
    await expect.poll(() => [on(members[0]), on(members[1])], { timeout: 10_000 }).toEqual([[], ['d']]);
    control.store.delete('policy.karmada.io/propagationpolicies', 'mlsysops', 'p');
    await expect.poll(() => on(members[1]), { timeout: 10_000 }).toEqual([]);
  }, 40_000);

  it('says when a member is gone, and goes on when it is back', async () => {
    const [, second] = members;
    await second?.close();
    await expect.poll(() => ready('member2'), { timeout: 15_000 }).toBe('False');
    control.store.create('policy.karmada.io/propagationpolicies', policy('member2'));
    const again = await startKubernetesApi({
      name: 'member2',
      host: '127.0.0.1',
      port: second?.port ?? 0,
      tls: second?.tls ?? (await makeTls('member2', ['127.0.0.1'], Date.now())),
      tokens: [{ token, user: 'admin', groups: [] }],
      podCidr: '10.11.0.0/16',
      serviceCidr: '10.21.0.0/16',
      clock: systemClock,
      controllers: false,
    });
    members[1] = again;
    await expect.poll(() => [ready('member2'), on(again)], { timeout: 15_000 }).toEqual(['True', ['d']]);
  }, 40_000);
});
