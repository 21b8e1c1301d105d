import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../agents/system-clock.ts';
import { kubeconfigFor, makeTls } from '../twin/api/access.ts';
import { kubectls } from '../twin/api/kubectls.fixture.ts';
import type { StoredObject } from '../twin/api/objects.ts';
import { type KubernetesApi, startKubernetesApi } from '../twin/api/server.ts';
import { cordonStep, drainStep, forgetStep } from './drain.ts';

/** The steps' own scripts, run here against the twin's API: only where kubectl and its kubeconfig lie differs from a host. */
// At once: kubectl itself waits 5 s before it asks again about a pod that a budget keeps.
describe.concurrent.each(kubectls)('draining a node with kubectl $version', ({ program: kubectl }) => {
  const folder = mkdtempSync(join(tmpdir(), 'day2-drain-'));
  let api: KubernetesApi;
  let kubelet: { close(): void };

  const run = (script: string) =>
    new Promise<{ code: number; stderr: string }>((resolve) => {
      const here = script
        .replaceAll('kubectl --kubeconfig=/etc/kubernetes/admin.conf', `${kubectl} --kubeconfig=${folder}/kubeconfig`)
        .replaceAll(/--cache-dir=\S+/g, `--cache-dir=${folder}/cache`);
      const child = execFile('/bin/sh', ['-c', here], { timeout: 20_000 }, (error, _stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stderr }),
      );
      child.stdin?.end();
    });
  const isInPlace = async (step: { observe: string }) => (await run(step.observe)).code === 0;
  const podsOn = (node: string) =>
    api.store
      .list('pods')
      .filter((pod) => (pod.spec as { nodeName?: string }).nodeName === node)
      .map((pod) => pod.metadata.name);

  beforeAll(async () => {
    api = await startKubernetesApi({
      name: 'test',
      host: '127.0.0.1',
      port: 0,
      tls: await makeTls('test', ['127.0.0.1'], Date.now()),
      tokens: [{ token: 'a-token', user: 'admin', groups: ['system:masters'] }],
      podCidr: '10.11.0.0/16',
      serviceCidr: '10.21.0.0/16',
      clock: systemClock,
    });
    writeFileSync(join(folder, 'kubeconfig'), kubeconfigFor(api, { token: 'a-token' }));
    for (const name of ['one', 'two'])
      api.store.create('nodes', {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name },
        status: { allocatable: { cpu: '4' }, conditions: [{ type: 'Ready', status: 'True' }] },
      });
    kubelet = api.store.watch('pods', ({ type, object }) => {
      if (type !== 'DELETED') setImmediate(() => playKubelet(object));
    });
  });
  afterAll(async () => {
    kubelet.close();
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A pod with a node runs at once; one that is deleted goes. */
  function playKubelet({ metadata: { namespace, name } }: StoredObject): void {
    const pod = api.store.get('pods', namespace, name);
    if (!pod) return;
    if (pod.metadata.deletionTimestamp) return void api.store.delete('pods', namespace, name, 0);
    const { nodeName } = pod.spec as { nodeName?: string };
    if (!nodeName || (pod.status as { phase?: string })?.phase === 'Running') return;
    api.store.patchStatus('pods', namespace, name, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });
  }
  const deploy = (name: string, replicas: number) =>
    api.store.create('apps/deployments', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'default' },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: 'main', image: 'x', resources: { requests: { cpu: '500m' } } }] },
        },
      },
    });
  const budget = (name: string, minAvailable: number | string) =>
    api.store.create('policy/poddisruptionbudgets', {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, namespace: 'default' },
      spec: { minAvailable, selector: { matchLabels: { app: name } } },
    });

  it('names the pods that stay and why, and goes on once they may go', async () => {
    deploy('kept', 4);
    const kept = budget('kept', '100%');
    await expect.poll(() => podsOn('one').length + podsOn('two').length).toBe(4);
    await expect.poll(() => podsOn('two').length).toBeGreaterThan(0);
    expect((await run(cordonStep('two').change as string)).code).toBe(0);
    expect(await isInPlace(cordonStep('two'))).toBe(true);

    const step = drainStep('two', { timeoutS: 1 });
    const before = podsOn('two');
    const failed = await run(step.change as string);
    expect(failed.code).toBe(1);
    const last = failed.stderr.trim().split('\n').at(-1) ?? '';
    expect(last).toMatch(/^their disruption budget keeps them: two still has /);
    for (const pod of before) expect(last).toContain(`default/${pod}`);
    expect(step.remedies?.some(({ pattern }) => pattern.test(failed.stderr))).toBe(true);
    expect({ pods: podsOn('two'), inPlace: await isInPlace(step) }).toEqual({ pods: before, inPlace: false });

    api.store.delete('policy/poddisruptionbudgets', 'default', kept.metadata.name);
    budget('kept', '50%');
    expect(await run(drainStep('two', { timeoutS: 15 }).change as string)).toMatchObject({ code: 0 });
    expect({ pods: podsOn('two'), inPlace: await isInPlace(step), elsewhere: podsOn('one').length }).toEqual({
      pods: [],
      inPlace: true,
      elsewhere: 4,
    });

    // Nobody would make this one again: it is lost only when that is asked for; then the node is forgotten.
    api.store.create('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'single', namespace: 'default' },
      spec: { nodeName: 'two', containers: [{ name: 'main', image: 'x' }] },
    });
    const refused = await run(drainStep('two', { timeoutS: 5 }).change as string);
    expect(refused.stderr.trim().split('\n').at(-1)).toMatch(
      /^no controller would make them again: two still has default\/single\s*$/,
    );
    expect(podsOn('two')).toEqual(['single']);
    expect((await run(drainStep('two', { timeoutS: 5, force: true }).change as string)).code).toBe(0);
    expect(podsOn('two')).toEqual([]);

    expect(await isInPlace(forgetStep('two'))).toBe(false);
    expect((await run(forgetStep('two').change as string)).code).toBe(0);
    expect(await isInPlace(forgetStep('two'))).toBe(true);
    // A node that is not there (any more) needs neither.
    expect([await isInPlace(cordonStep('two')), await isInPlace(drainStep('two'))]).toEqual([true, true]);
  }, 60_000);
});

it('finds a kubectl to test with', () => expect(kubectls).not.toEqual([]));

it('believes nothing of an API that does not answer', async () => {
  const script = forgetStep('one').observe.replaceAll('/etc/kubernetes/admin.conf', '/nowhere');
  const code = await new Promise((resolve) => execFile('/bin/sh', ['-c', script], (error) => resolve(error === null ? 0 : 1)));
  expect(code).toBe(1);
});
