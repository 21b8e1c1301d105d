import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDoublesBundle } from '../doubles/bundle.ts';
import { useHosts } from './fixture.ts';
import { changedSteps, failuresOf, provision, testbedOf } from './provision.ts';

/** Provisioning as a whole, on four real hosts; doubles stand in for the server binaries of Kubernetes and Karmada alone. */
describe('a testbed on four real hosts', () => {
  const fixture = useHosts(['management', 'master-1', 'worker-1', 'worker-2']);
  let bundle: string;
  beforeAll(async () => {
    bundle = mkdtempSync(join(tmpdir(), 'mlsysops-bundle-'));
    await makeDoublesBundle(bundle);
  });
  afterAll(() => rmSync(bundle, { recursive: true, force: true }));

  it('is set up from nothing', async () => {
    const { finished, events } = await provision(fixture, testbedOf(fixture, bundle), 'up');
    process.stdout.write(`up: ${finished.summary}\n`);
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
    const nodes = fixture.ssh('master-1', 'sudo kubectl --kubeconfig=/etc/kubernetes/admin.conf get nodes --no-headers');
    expect(nodes.split('\n').filter((line) => / Ready /.test(line))).toHaveLength(3);
    const members = fixture.ssh(
      'management',
      'sudo kubectl --kubeconfig=/etc/karmada/karmada-apiserver.config get clusters --no-headers',
    );
    expect(members).toMatch(/^cluster1 .*True/);
  });

  it('is left alone by a second run', async () => {
    const { finished, events } = await provision(fixture, testbedOf(fixture, bundle), 'up');
    process.stdout.write(`again: ${finished.summary}\n`);
    expect({ state: finished.state, changed: changedSteps(events), failures: failuresOf(events) }).toEqual({
      state: 'done',
      changed: [],
      failures: [],
    });
  });

  it('is taken down without a trace', async () => {
    const { finished, events } = await provision(fixture, testbedOf(fixture, bundle), 'down');
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
    for (const host of fixture.hosts) {
      const left = fixture.ssh(
        host.name,
        'ls -d /etc/kubernetes /opt/mlsysops /etc/mlsysops /var/lib/kubelet /usr/local/bin/kube* /etc/karmada 2>/dev/null; systemctl list-units --all --no-legend "mlsysops*" "kube*" "karmada*" "nats*"; ip route | grep "10.1[0-3]"; sudo nft list ruleset | grep -i kube; pgrep -af "kube|nats|mlsysops" | grep -v pgrep; true',
      );
      expect({ host: host.name, left: left.trim() }).toEqual({ host: host.name, left: '' });
    }
  });
});
