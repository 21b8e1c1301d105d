import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addHost } from '../../provisioning/day2/add-host.ts';
import type { Operation } from '../../provisioning/day2/operation.ts';
import { removeHost } from '../../provisioning/day2/remove-host.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';
import { makeDoublesBundle } from '../doubles/bundle.ts';
import { carryOut, recipeOptions } from './carry-out.ts';
import { useHosts } from './fixture.ts';
import { difference, pictureOf } from './picture.ts';
import { changedSteps, failuresOf, provision, testbedOf } from './provision.ts';

/** What a lab does with a testbed after its first day, on real hosts with doubles of the server binaries. */
describe('a testbed after its first day', () => {
  const fixture = useHosts(['management', 'master-1', 'worker-1', 'worker-2']);
  let bundle: string;
  let testbed: Testbed;
  const before = new Map<string, string[]>();

  beforeAll(async () => {
    bundle = mkdtempSync(join(tmpdir(), 'mlsysops-bundle-'));
    await makeDoublesBundle(bundle);
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
  const nodes = () =>
    kubectl('get nodes --no-headers')
      .split('\n')
      .map((line) => line.trim().split(/\s+/).slice(0, 2).join(' '));

  it('is up', async () => {
    testbed = testbedOf(fixture, bundle);
    for (const { name } of fixture.hosts) before.set(name, pictureOf(fixture, name));
    const { finished, events } = await provision(fixture, testbed, 'up');
    process.stdout.write(`up: ${finished.summary}\n`);
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
  });

  it('lets a worker go: its pods move, the host is as it was found, nobody knows it any more', async () => {
    const address = fixture.host('worker-2').address;
    apply(deployment('web', 2));
    await expect
      .poll(
        () =>
          kubectl('get pods -o wide --no-headers')
            .split('\n')
            .filter((line) => /Running/.test(line)).length,
        { timeout: 20_000 },
      )
      .toBe(2);

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
    await expect
      .poll(
        () =>
          kubectl('get pods -o wide --no-headers')
            .split('\n')
            .filter((line) => /Running.*worker-1/.test(line)).length,
        { timeout: 20_000 },
      )
      .toBe(2);
  });

  it('takes it back, changing nothing on the others but the ways to it', async () => {
    const host = testbedOf(fixture, bundle).hosts.find(({ name }) => name === 'worker-2')!;
    const changed = await succeed(addHost(testbed, host, recipeOptions));
    const others = changed.filter((step) => !step.startsWith('worker-2'));
    expect(others.filter((step) => !/ (prepare\/host-names|network\/|bus\/)/.test(step))).toEqual([]);
    expect(others).toContain('worker-1 network/pod-network');
    expect(nodes()).toEqual(['master-1 Ready', 'worker-1 Ready', 'worker-2 Ready']);
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
