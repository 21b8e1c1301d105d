import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkOpenMetrics } from '../../agents/telemetry/openmetrics-checker.fixture.ts';
import { fetchText } from '../../agents/telemetry/scrape.ts';
import { podTroubles } from '../../provisioning/phases/karmada/pod-troubles.ts';
import { makeDoublesBundle } from '../doubles/bundle.ts';
import { useHosts } from './fixture.ts';
import { changedSteps, failuresOf, provision, testbedOf } from './provision.ts';

/** Stands in for flannel, Calico and the like: what pods of theirs leave on a node, without a network. */
const networkOfOthers = `---
apiVersion: v1
kind: Namespace
metadata: { name: kube-others }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: others, namespace: kube-others }
spec:
  selector: { matchLabels: { app: others } }
  template:
    metadata: { labels: { app: others } }
    spec:
      hostNetwork: true
      tolerations: [{ operator: Exists }]
      containers:
        - name: others
          image: others.example/network:1
          command:
            - sh
            - -c
            - |
              echo {} >/etc/cni/net.d/10-others.conflist
              echo : >/opt/cni/bin/others
              ip link add flannel.9 type vxlan id 9 dstport 8472
              iptables -w -t nat -N FLANNEL-POSTRTG
              iptables -w -t nat -A POSTROUTING -j FLANNEL-POSTRTG
              exec sleep infinity
`;

/** Provisioning as a whole, on real hosts; doubles stand in for the server binaries of Kubernetes and Karmada alone. */
describe('a testbed of two member clusters on six real hosts', () => {
  const fixture = useHosts(['management', 'master-1', 'worker-1', 'worker-2', 'worker-3', 'master-2']);
  let bundle: string;
  let manifest: string;
  beforeAll(async () => {
    bundle = mkdtempSync(join(tmpdir(), 'mlsysops-bundle-'));
    await makeDoublesBundle(bundle);
    manifest = join(bundle, 'network.yaml');
    writeFileSync(manifest, networkOfOthers);
  });
  afterAll(() => rmSync(bundle, { recursive: true, force: true }));

  const karmada = 'sudo kubectl --cache-dir=/tmp/kubectl --kubeconfig=/etc/karmada/karmada-apiserver.config';
  const member = 'sudo kubectl --cache-dir=/tmp/kubectl --kubeconfig=/etc/kubernetes/admin.conf';
  /** What a node may change on a host, as lines: files, units, packet filter, interfaces, routes, network namespaces, control groups, programs. */
  const pictureOf = (host: string): string[] => {
    const commands = [
      // It makes folders of its own as it starts, and a host answers on SSH before.
      'systemctl start containerd',
      'find /etc /opt /root /usr/local /var/log/pods /var/log/containers /var/lib/mlsysops /var/lib/kubelet /var/lib/etcd /var/lib/cni 2>/dev/null | grep -v "^/etc/systemd/system/.*wants$" | sort',
      'systemctl list-unit-files --no-legend "mlsysops*" "kube*" "karmada*" "nats*"; systemctl list-units --all --no-legend "mlsysops*" "kube*" "karmada*" "nats*"',
      'for tool in iptables ip6tables; do for table in filter nat mangle; do $tool -t $table -S; done; done',
      'nft list tables',
      'ip -o link | cut -d: -f2 | cut -d@ -f1; ip route; ls /run/netns 2>/dev/null',
      'find /sys/fs/cgroup -maxdepth 2 -name "kubepods*"',
      'pgrep -af "kube|nats-server|/opt/mlsysops" | grep -v pgrep | cut -d" " -f2-',
    ];
    return fixture
      .ssh(host, `sudo sh -c '${commands.join('\n')}\ntrue' 2>/dev/null`)
      .trim()
      .split('\n');
  };
  const before = new Map<string, string[]>();

  /** The testbed with each member joined in that way. */
  const joined = (cluster1: 'push' | 'pull', cluster2: 'push' | 'pull') => {
    const testbed = testbedOf(fixture, bundle);
    for (const [cluster, join] of Object.entries({ cluster1, cluster2 }))
      testbed.clusters[cluster] = { ...testbed.clusters[cluster]!, join };
    testbed.clusters.cluster2!.network = { manifest };
    return testbed;
  };
  /** Name, way and readiness of each member of Karmada. */
  const members = () => {
    const columns =
      '{range .items[*]}{.metadata.name} {.spec.syncMode} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
    return fixture.ssh('management', `${karmada} get clusters -o jsonpath='${columns}'`).trim().split('\n').sort();
  };

  it('is set up from nothing, one member by push and one by pull', async () => {
    for (const { name } of fixture.hosts) before.set(name, pictureOf(name));
    const { finished, events } = await provision(fixture, joined('push', 'pull'), 'up');
    process.stdout.write(`up: ${finished.summary}\n`);
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
    const ready = (master: string) =>
      fixture
        .ssh(master, `${member} get nodes --no-headers`)
        .split('\n')
        .flatMap((line) => (/ Ready /.test(line) ? [line.split(' ')[0]] : []))
        .sort();
    expect({ cluster1: ready('master-1'), cluster2: ready('master-2') }).toEqual({
      cluster1: ['master-1', 'worker-1', 'worker-2', 'worker-3'],
      cluster2: ['master-2'],
    });
    expect(members()).toEqual(['cluster1 Push True', 'cluster2 Pull True']);
    // The second has its pod network by a manifest, the first one ours.
    const network = (host: string) =>
      fixture.ssh(host, 'sudo ls /etc/cni/net.d /opt/cni/bin 2>/dev/null; ip -o link; sudo iptables -t nat -S');
    await expect
      .poll(() => network('master-2'), { timeout: 30_000 })
      .toMatch(/10-others\.conflist[\s\S]*bridge\n[\s\S]*others[\s\S]*flannel\.9[\s\S]*-j FLANNEL-POSTRTG/);
    expect(network('master-2')).not.toContain('10-mlsysops');
    expect(network('worker-1')).toContain('10-mlsysops.conflist');
  });

  it('runs on both members what Karmada is told to run everywhere', async () => {
    const name = 'everywhere';
    const labels = { app: name };
    const containers = [{ name, image: 'x', command: ['sleep', 'infinity'] }];
    const spec = { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' }, spec };
    const policy = {
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'PropagationPolicy',
      metadata: { name, namespace: 'default' },
      spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', name }], placement: {} },
    };
    const onKarmada = (verb: string, object: object) =>
      fixture.ssh('management', `echo '${JSON.stringify(object)}' | ${karmada} ${verb} -f -`);
    const running = () =>
      ['master-1', 'master-2'].map((master) => fixture.ssh(master, `${member} get pods -l app=${name} --no-headers 2>/dev/null`));
    for (const object of [deployment, policy]) onKarmada('apply', object);
    const isRunning = expect.stringMatching(/^everywhere-\S+ +1\/1 +Running/);
    await expect.poll(running, { timeout: 30_000 }).toEqual([isRunning, isRunning]);
    for (const object of [policy, deployment]) onKarmada('delete', object);
    await expect.poll(running, { timeout: 30_000 }).toEqual(['', '']);
  });

  it('tells what happened to a pod that keeps dying, as it does where one of Karmada keeps a run waiting', async () => {
    const containers = [{ name: 'main', image: 'x', command: ['sh', '-c', 'exit 7'] }];
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'dying', namespace: 'default' }, spec: { containers } };
    const onMember = (verb: string) => fixture.ssh('master-1', `echo '${JSON.stringify(pod)}' | ${member} ${verb} -f -`);
    const script = Buffer.from(podTroubles(`${member} -n default`)).toString('base64');
    onMember('apply');
    await expect
      .poll(() => fixture.ssh('master-1', `echo ${script} | base64 -d | sh 2>&1`), { timeout: 30_000 })
      .toMatch(
        /^pods and what happened to them:\n[\s\S]*^dying +0\/1 +(Error|CrashLoopBackOff)[\s\S]* Warning +BackOff +pod\/dying [\s\S]*^dying:$/m,
      );
    onMember('delete');
  });

  it('is left alone by a second run', async () => {
    const { finished, events } = await provision(fixture, joined('push', 'pull'), 'up');
    process.stdout.write(`again: ${finished.summary}\n`);
    expect({ state: finished.state, changed: changedSteps(events), failures: failuresOf(events) }).toEqual({
      state: 'done',
      changed: [],
      failures: [],
    });
  });

  it('measures the links between its nodes', async () => {
    const metrics = `http://${fixture.host('worker-1').address}:9999/metrics`;
    const of = (metric: string) => `${metric}{cluster="cluster1",node="worker-1",peer="worker-2"}`;
    const links = async (): Promise<(number | undefined)[]> => {
      const series = checkOpenMetrics(await fetchText(metrics, { timeoutMs: 3000 }));
      return ['link_round_trip_ms', 'link_loss_ratio', 'link_throughput_bytes_per_second'].map((name) => series.get(of(name)));
    };
    // One of its peers has a turn every five seconds or so, and is told of in that second's readings.
    let seen: (number | undefined)[] = [];
    const look = async () => {
      seen = await links();
      return seen;
    };
    await expect
      .poll(look, { timeout: 90_000, interval: 300 })
      .toEqual([expect.any(Number), expect.any(Number), expect.any(Number)]);
    process.stdout.write(`link worker-1 → worker-2: ${seen.join(' ')}\n`);
    expect(seen[0]).toBeGreaterThan(0);
    expect(seen[1]).toBe(0);
    expect(seen[2]).toBeGreaterThan(0);
  });

  it('has members change from push to pull and back', async () => {
    const { finished, events } = await provision(fixture, joined('pull', 'push'), 'up');
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
    expect(members()).toEqual(['cluster1 Pull True', 'cluster2 Push True']);
    const again = await provision(fixture, joined('pull', 'push'), 'up');
    expect(changedSteps(again.events)).toEqual([]);
  });

  it('has what was only begun, or reset behind our back, made anew', async () => {
    fixture.ssh('management', 'sudo rm /var/lib/mlsysops/provisioning/karmada-done');
    // Its cluster goes on taking it for Ready for a while.
    fixture.ssh('worker-2', 'sudo kubeadm reset -f');
    const { finished, events } = await provision(fixture, joined('pull', 'push'), 'up');
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
    expect(changedSteps(events)).toEqual(
      expect.arrayContaining([
        'management karmada/karmada-init',
        'master-1 karmada/register-cluster1',
        'worker-2 kubernetes/kubeadm-join',
      ]),
    );
    expect(members()).toEqual(['cluster1 Pull True', 'cluster2 Push True']);
  });

  it('is taken down without a trace', async () => {
    const { finished, events } = await provision(fixture, joined('pull', 'push'), 'down');
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
    const after = fixture.hosts.map(({ name }) => {
      const [was, is] = [before.get(name) ?? [], pictureOf(name)];
      return { name, left: is.filter((line) => !was.includes(line)), lost: was.filter((line) => !is.includes(line)) };
    });
    expect(after).toEqual(fixture.hosts.map(({ name }) => ({ name, left: [], lost: [] })));
  });
});
