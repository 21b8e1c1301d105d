import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addHost } from '../../provisioning/day2/add-host.ts';
import { readCertificates } from '../../provisioning/day2/certificates.ts';
import type { Operation } from '../../provisioning/day2/operation.ts';
import { removeHost } from '../../provisioning/day2/remove-host.ts';
import { replaceHost } from '../../provisioning/day2/replace-host.ts';
import { resetHost } from '../../provisioning/day2/reset-host.ts';
import { rotateCertificates } from '../../provisioning/day2/rotate-certificates.ts';
import { upgrade } from '../../provisioning/day2/upgrade.ts';
import { makeRecipe } from '../../provisioning/recipe.ts';
import { replaceHostKey } from '../../provisioning/ssh/host-keys.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';
import { makeDoublesBundle } from '../doubles/bundle.ts';
import { carryOut, recipeOptions as installed, stateFolderOf } from './carry-out.ts';
import { describeAgents } from './describe-agents.ts';
import { useHosts } from './fixture.ts';
import { difference, pictureOf } from './picture.ts';
import { changedSteps, failuresOf, testbedOf } from './provision.ts';

/** What agents are on a testbed, and what a lab does with it after its first day, on real hosts with doubles of the server binaries. */
describe('a testbed after its first day', () => {
  const fixture = useHosts(['management', 'master-1', 'worker-1', 'worker-2']);
  const bundle = mkdtempSync(join(tmpdir(), 'mlsysops-bundle-'));
  // Programs of its own, one of which is changed on the way.
  const recipeOptions = { ...installed, distFolder: join(bundle, 'dist') };
  let testbed: Testbed;
  const before = new Map<string, string[]>();

  beforeAll(async () => {
    await makeDoublesBundle(bundle);
    cpSync(join(installed.distFolder, 'agents'), join(recipeOptions.distFolder, 'agents'), { recursive: true });
  });
  afterAll(() => rmSync(bundle, { recursive: true, force: true }));

  const kubectl = (command: string): string =>
    fixture.ssh('master-1', `sudo kubectl --cache-dir=/tmp/kubectl --kubeconfig=/etc/kubernetes/admin.conf ${command}`).trim();
  const apply = (object: object): string =>
    fixture.ssh(
      'master-1',
      `echo '${JSON.stringify(object)}' | sudo kubectl --cache-dir=/tmp/kubectl --kubeconfig=/etc/kubernetes/admin.conf apply -f -`,
    );
  /** Carries it out, sees that it went well, and keeps the testbed that it leads to. */
  async function succeed(operation: Operation): Promise<string[]> {
    testbed = operation.before;
    const { finished, events } = await carryOut(fixture, operation);
    process.stdout.write(`${operation.verb}: ${finished.summary}\n`);
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
    testbed = operation.after;
    return changedSteps(events);
  }
  const provision = (verb: 'up' | 'down') =>
    carryOut(fixture, { verb, testbed, phases: makeRecipe(recipeOptions), before: testbed, after: testbed });
  const all = ['master-1 Ready', 'worker-1 Ready', 'worker-2 Ready'];
  const nodes = () =>
    kubectl('get nodes --no-headers')
      .split('\n')
      .map((line) => line.trim().split(/\s+/).slice(0, 2).join(' '));

  /** Name and node of both pods, once both run. */
  async function running(): Promise<string[]> {
    const look = () => {
      const lines = kubectl('get pods -o wide --no-headers').split('\n');
      return lines.flatMap((line) => {
        const [name, ready, phase, , , , node] = line.trim().split(/\s+/);
        return ready === '1/1' && phase === 'Running' ? [`${name} ${node}`] : [];
      });
    };
    await expect.poll(() => look().length, { timeout: 20_000 }).toBe(2);
    return look().sort();
  }

  it('is up', async () => {
    testbed = testbedOf(fixture, bundle);
    for (const { name } of fixture.hosts) before.set(name, pictureOf(fixture, name));
    const { finished, events } = await provision('up');
    process.stdout.write(`up: ${finished.summary}\n`);
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
  });

  describeAgents({ fixture, testbed: () => testbed, distFolder: recipeOptions.distFolder, up: () => provision('up') });

  it('lets a worker go: its pods move, the host is as it was found, nobody knows it any more', async () => {
    const address = fixture.host('worker-2').address;
    apply(deployment('web', 2));
    await running();

    const changed = await succeed(removeHost(testbed, 'worker-2', recipeOptions));
    expect(changed.filter((step) => step.startsWith('master-1'))).toContain('master-1 drain/cordon');
    expect(nodes()).toEqual(['master-1 Ready', 'worker-1 Ready']);
    expect(difference(before.get('worker-2') ?? [], pictureOf(fixture, 'worker-2'))).toEqual({ left: [], lost: [] });
    const known = 'ip route; cat /etc/hosts; sudo cat /etc/mlsysops/bus/nats.conf 2>/dev/null; true';
    for (const host of ['management', 'master-1', 'worker-1'])
      expect({ host, knows: fixture.ssh(host, known).match(new RegExp(`${address}\\b|worker-2`)) }).toEqual({
        host,
        knows: null,
      });
    expect((await running()).every((pod) => pod.endsWith(' worker-1'))).toBe(true);
  });

  it('takes it back, changing nothing on the others but the ways to it', async () => {
    const host = testbedOf(fixture, bundle).hosts.find(({ name }) => name === 'worker-2')!;
    const changed = await succeed(addHost(testbed, host, recipeOptions));
    const others = changed.filter((step) => !step.startsWith('worker-2'));
    expect(others.filter((step) => !/ (prepare\/host-names|network\/|bus\/)/.test(step))).toEqual([]);
    expect(others).toContain('worker-1 network/pod-network');
    expect(nodes()).toEqual(all);
  });

  it('resets one host while the others are out of reach', async () => {
    for (const name of ['management', 'master-1']) await fixture.controls.partition(fixture.testbed, name);
    try {
      await succeed(resetHost(testbed, 'worker-2', recipeOptions));
      expect(difference(before.get('worker-2') ?? [], pictureOf(fixture, 'worker-2'))).toEqual({ left: [], lost: [] });
    } finally {
      for (const name of ['management', 'master-1']) await fixture.controls.heal(fixture.testbed, name);
    }
  });

  it('takes a host that was installed anew for the one it was, its key declared', async () => {
    await fixture.controls.reImage(fixture.testbed, 'worker-2');
    const former = kubectl('get node worker-2 -o jsonpath={.metadata.uid}');
    const host = testbed.hosts.find(({ name }) => name === 'worker-2')!;
    await replaceHostKey(host, { knownHosts: new KnownHosts(fixture.knownHostsFile) });
    before.set('worker-2', pictureOf(fixture, 'worker-2'));
    const changed = await succeed(replaceHost(testbed, 'worker-2', recipeOptions));
    expect(changed).toContain('master-1 forget/forget');
    expect(nodes()).toEqual(all);
    expect(kubectl('get node worker-2 -o jsonpath={.metadata.uid}')).not.toBe(former);
  });

  it('goes up one minor version: control planes, then workers one by one; an interrupted upgrade goes on', async () => {
    const newer = join(bundle, 'newer');
    await makeDoublesBundle(newer, '1.37.0');
    const operation = () => upgrade(testbed, '1.37.0', recipeOptions, { bundle: newer, timeoutS: 60 });
    const cancel = new AbortController();
    const cut = await carryOut(fixture, operation(), cancel.signal, (event) => {
      if (event.type === 'step' && event.step === 'drain' && event.state === 'changed') cancel.abort();
    });
    expect(cut.finished.state).toBe('cancelled');
    expect(
      kubectl('get nodes --no-headers')
        .split('\n')
        .filter((line) => line.includes('v1.36.2')).length,
    ).toBeGreaterThan(0);

    const changed = await succeed(operation());
    expect(changed.filter((step) => step.startsWith('master-1 control-planes/'))).toEqual([]);
    const drained = changed.filter((step) => step.endsWith('workers/drain'));
    expect(drained).toEqual(['worker-1 workers/drain', 'worker-2 workers/drain']);
    expect(
      kubectl('get nodes --no-headers')
        .split('\n')
        .map((line) =>
          line
            .trim()
            .split(/\s+/)
            .slice(0, 2)
            .concat(line.trim().split(/\s+/).at(-1) ?? '')
            .join(' '),
        ),
    ).toEqual(all.map((node) => `${node} v1.37.0-double`));
    // The distribution's is too old for it.
    for (const { name } of fixture.hosts)
      expect(fixture.ssh(name, 'systemctl is-active containerd; systemctl show containerd -p ExecStart')).toMatch(
        /^active\n.*path=\/opt\/mlsysops\/runtime\/containerd\/bin\/containerd /,
      );
    expect(await running()).toHaveLength(2);
  });

  it('has new certificates everywhere, while its pods run on', async () => {
    const read = async () => {
      const execute = async (host: string, script: string) =>
        fixture.ssh(host, `sudo sh -c '${script.replaceAll("'", `'\\''`)}'`);
      const found = await readCertificates(testbed.hosts, execute);
      return new Map(
        found
          .filter(({ authority, path }) => !authority && !path.includes('karmada'))
          .map((one) => [`${one.host} ${one.path}`, one.expiresAt]),
      );
    };
    const was = await read();
    expect(was.size).toBeGreaterThan(12);
    const pods = await running();
    await succeed(rotateCertificates(testbed, recipeOptions));
    const is = await read();
    expect([...is.keys()].sort()).toEqual([...was.keys()].sort());
    expect([...is].filter(([key, expiresAt]) => expiresAt <= (was.get(key) ?? 0))).toEqual([]);
    expect(await running()).toEqual(pods);
    const kept = readFileSync(join(stateFolderOf(fixture), 'kubeconfig-cluster1'), 'utf8');
    expect(kept.trim()).toBe(fixture.ssh('master-1', 'sudo cat /etc/kubernetes/admin.conf').trim());
  });

  it('is in place for an "up", and leaves every host as it was found', async () => {
    const up = await provision('up');
    expect({ state: up.finished.state, changed: changedSteps(up.events), failures: failuresOf(up.events) }).toEqual({
      state: 'done',
      changed: [],
      failures: [],
    });
    const down = await provision('down');
    expect({ state: down.finished.state, failures: failuresOf(down.events) }).toEqual({ state: 'done', failures: [] });
    const names = fixture.hosts.map(({ name }) => name);
    expect(names.map((name) => ({ name, ...difference(before.get(name) ?? [], pictureOf(fixture, name)) }))).toEqual(
      names.map((name) => ({ name, left: [], lost: [] })),
    );
  });
});

/** Pods that do nothing, and end at once when they are asked to. */
const deployment = (name: string, replicas: number) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'main', image: 'x', command: ['sleep', 'infinity'], resources: { requests: { cpu: '10m' } } }],
      },
    },
  },
});
