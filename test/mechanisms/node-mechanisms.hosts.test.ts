import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeSchema } from '../../agents/descriptions/node.ts';
import { hierarchyFolder } from '../../agents/host/linux/cgroup.ts';
import { kernelFiles } from '../../agents/host/linux/files.ts';
import { PolicyRoutes } from '../../agents/host/linux/policy-routes.ts';
import { CpusetCgroups } from '../../agents/host/linux/processor-sets.ts';
import { kernelSettings } from '../../agents/host/linux/settings.ts';
import { TrafficControl } from '../../agents/host/linux/traffic-control.ts';
import type { TrackedComponent } from '../../agents/host/signals.ts';
import { CpuFrequencyMechanism } from '../../agents/mechanisms/cpu-frequency.ts';
import { CpusetMechanism } from '../../agents/mechanisms/cpuset.ts';
import type { Mechanism, Step } from '../../agents/mechanisms/mechanism.ts';
import { applyAll } from '../../agents/mechanisms/steps.ts';
import { TrafficRedirectionMechanism } from '../../agents/mechanisms/traffic-redirection.ts';
import { TrafficShapingMechanism } from '../../agents/mechanisms/traffic-shaping.ts';
import { systemClock } from '../../agents/system-clock.ts';
import { NamespaceNetwork } from './namespaces.ts';

// Needs root. All is done to cgroups and network namespaces of this test's own, which it takes away.
const tag = `mlsk${process.pid}`;
const network = new NamespaceNetwork(tag);
const detector: TrackedComponent = {
  application: 'camera',
  component: 'detector',
  podUid: `${tag}-0000-4000-8000-000000000001`,
  podIp: network.podIp,
  permittedActions: ['*'],
};
const components = () => [detector];
const target = { application: 'camera', component: 'detector' };
const apply = async (mechanism: Mechanism, command: unknown): Promise<Step[]> => {
  let steps: Step[] = [];
  await applyAll([{ mechanism, command }], { planId: 'p', clock: systemClock, report: (told) => (steps = told) });
  return steps;
};

beforeAll(() => network.make());
afterAll(() => network.remove());

test('frequency acts on this host, or is reported absent', async () => {
  const mechanism = new CpuFrequencyMechanism(kernelSettings());
  if (!existsSync('/sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq')) {
    expect(mechanism.options()).toEqual({ absent: 'this kernel or machine has no cpufreq' });
    await expect(apply(mechanism, { command: 'set', frequency: 'min' })).rejects.toThrow('no cpufreq');
    return;
  }
  const before = mechanism.state();
  await apply(mechanism, { command: 'set', frequency: 'max' });
  await apply(mechanism, { command: 'reset' });
  expect(mechanism.state()).toEqual(before);
});

test('a component runs on the processors it is pinned to, or the kernel has no cpuset for it', async () => {
  const files = kernelFiles();
  const mechanism = new CpusetMechanism({ sets: new CpusetCgroups(files, kernelSettings()), components });
  const v1 = hierarchyFolder(files, 'cpuset');
  const tree = v1 ?? hierarchyFolder(files, '');
  const pod = join(tree ?? '/', `kubepods-${tag}`, `pod${detector.podUid}`);
  const container = join(pod, 'app');
  if (mechanism.absent !== undefined || !v1) {
    expect(mechanism.state()).toSatisfy((state: { cpus: unknown }[]) => state.every(({ cpus }) => cpus === null));
    await expect(apply(mechanism, { command: 'set', ...target, cpus: '0' })).rejects.toThrow(/cpuset/);
    return;
  }
  let child: ChildProcess | undefined;
  try {
    for (const folder of [join(pod, '..'), pod, container]) {
      mkdirSync(folder);
      for (const file of ['cpuset.mems', 'cpuset.cpus'])
        writeFileSync(join(folder, file), readFileSync(join(folder, '..', file)));
    }
    child = spawn('sleep', ['60']);
    writeFileSync(join(container, 'cgroup.procs'), String(child.pid));
    const allowed = () => /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/${child?.pid}/status`, 'utf8'))?.[1];
    const all = allowed();
    const [last] = [(mechanism.options() as { cpus: number[] }).cpus.at(-1)];
    await apply(mechanism, { command: 'set', ...target, cpus: String(last) });
    expect([allowed(), mechanism.state()]).toEqual([String(last), [{ ...target, pod: detector.podUid, cpus: [last] }]]);
    await apply(mechanism, { command: 'reset', ...target });
    expect(allowed()).toBe(all);
  } finally {
    child?.kill('SIGKILL');
    await new Promise((resolve) =>
      child === undefined || child.exitCode !== null ? resolve(null) : child.once('exit', resolve),
    );
    // A killed process leaves its cgroup a moment after its parent has seen it end.
    await expect.poll(() => !existsSync(container) || readFileSync(join(container, 'cgroup.procs'), 'utf8') === '').toBe(true);
    for (const folder of [container, pod, join(pod, '..')]) if (existsSync(folder)) rmdirSync(folder);
    expect(readdirSync(tree ?? '/')).not.toContain(`kubepods-${tag}`);
  }
});

test('what leaves by an interface is shaped, and passes again when that fails or is taken back', async () => {
  const mechanism = new TrafficShapingMechanism({
    shaping: new TrafficControl(network.programs()),
    components,
    clock: systemClock,
  });
  const links = network.in('host', 'ip', '-brief', 'link');
  const before = [network.in('host', 'tc', '-json', 'qdisc', 'show'), network.in('host', 'nft', 'list', 'ruleset')];
  const now = () => [network.in('host', 'tc', '-json', 'qdisc', 'show'), network.in('host', 'nft', 'list', 'ruleset')];
  const set = { command: 'set', interface: 'wlan0' };
  await apply(mechanism, { ...set, rate_bits_per_second: 64_000 });
  expect(mechanism.state()).toContainEqual({ interface: 'wlan0', rate_bits_per_second: 64_000, delay_ms: null, loss: null });
  expect(network.in('host', 'ip', '-brief', 'link')).toBe(links);
  network.send('host', '198.51.100.1', 100);
  const [queue] = JSON.parse(network.in('host', 'tc', '-json', '-statistics', 'qdisc', 'show', 'dev', 'wlan0'));
  expect([queue.kind, queue.drops > 20]).toEqual(['tbf', true]);
  await apply(mechanism, { command: 'reset', interface: 'wlan0' });
  expect(now()).toEqual(before);
  // Whether it is this kernel's netem or nft that loses them.
  await apply(mechanism, { ...set, loss: 0.5 });
  const got = network.packets('radio', 'eth0', 'rx');
  network.send('host', '198.51.100.1', 200);
  expect(network.packets('radio', 'eth0', 'rx') - got).toSatisfy((packets: number) => packets > 20 && packets < 195);
  // A second command replaces the first, and one that cannot be carried out leaves it.
  const lossy = now();
  const options = mechanism.options() as { interface: { delay: { absent?: string } } };
  const delayed = apply(mechanism, { ...set, delay_ms: 20 });
  if (options.interface.delay.absent === undefined) {
    await delayed;
    expect(mechanism.state()).toContainEqual({ interface: 'wlan0', rate_bits_per_second: null, delay_ms: 20, loss: null });
  } else {
    await expect(delayed).rejects.toThrow(/^delay cannot be set here: no netem/);
    expect(now()).toEqual(lossy);
  }
  await apply(mechanism, { command: 'reset', interface: 'wlan0' });
  expect(now()).toEqual(before);
  // Somebody else's is left alone.
  network.in(
    'host',
    'tc',
    'qdisc',
    'add',
    'dev',
    'eth0',
    'root',
    'handle',
    '1:',
    'tbf',
    'rate',
    '1gbit',
    'burst',
    '1mb',
    'latency',
    '5ms',
  );
  const theirs = now();
  await expect(apply(mechanism, { ...set, interface: 'eth0', rate_bits_per_second: 1e6 })).rejects.toThrow(
    'eth0 has a tbf that somebody else has set',
  );
  expect(now()).toEqual(theirs);
  network.in('host', 'tc', 'qdisc', 'del', 'dev', 'eth0', 'root');
});

test("a component's traffic is shaped in both directions, and nobody else's", async () => {
  const mechanism = new TrafficShapingMechanism({
    shaping: new TrafficControl(network.programs()),
    components,
    clock: systemClock,
  });
  const before = network.in('host', 'nft', 'list', 'ruleset');
  await apply(mechanism, { command: 'set', ...target, rate_bits_per_second: 64_000 });
  await apply(mechanism, { command: 'set', ...target, direction: 'receive', rate_bits_per_second: 128_000 });
  expect(mechanism.state()).toEqual(
    expect.arrayContaining([
      { ...target, pod_ip: network.podIp, direction: 'transmit', rate_bits_per_second: 64_000, delay_ms: null, loss: null },
      { ...target, pod_ip: network.podIp, direction: 'receive', rate_bits_per_second: 128_000, delay_ms: null, loss: null },
    ]),
  );
  const arrived = network.packets('wired', 'eth0', 'rx');
  network.send('pod', network.beyond, 100);
  expect(network.packets('wired', 'eth0', 'rx') - arrived).toBeLessThan(80);
  const got = network.packets('pod', 'eth0', 'rx');
  network.send('wired', network.podIp, 100);
  expect(network.packets('pod', 'eth0', 'rx') - got).toBeLessThan(80);
  const others = network.packets('wired', 'eth0', 'rx');
  network.send('host', '192.0.2.1', 100);
  expect(network.packets('wired', 'eth0', 'rx') - others).toBeGreaterThanOrEqual(100);
  await apply(mechanism, { command: 'reset', ...target });
  await apply(mechanism, { command: 'reset', ...target, direction: 'receive' });
  expect(network.in('host', 'nft', 'list', 'ruleset')).toBe(before);
  expect(network.in('host', 'tc', 'qdisc', 'show')).not.toContain('tbf');
});

test("a component's traffic leaves by another interface, and all else as before", async () => {
  const description = nodeSchema.parse({
    continuum_layer: 'edge',
    environment: { node_type: 'native', os: 'ubuntu' },
    hardware: {},
    network_resources: {
      basic_interface: { name: 'ethernet', interface_name: 'eth0' },
      redirection_interface: [{ connection_type: 'wifi', interface_name: 'wlan0' }],
    },
  });
  const mechanism = new TrafficRedirectionMechanism({
    redirection: new PolicyRoutes(network.programs()),
    components,
    description,
    clock: systemClock,
  });
  const settings = () =>
    [
      ['ip', '-json', 'rule'],
      ['ip', '-json', 'route', 'show', 'table', 'all'],
      ['nft', 'list', 'ruleset'],
    ].map((command) => network.in('host', ...command));
  const before = settings();
  // Packets of the pod's that arrive beyond each uplink, and from which address.
  for (const [uplink, own] of [
    ['wired', '192.0.2.2'],
    ['radio', '198.51.100.2'],
  ] as const) {
    network.in(
      uplink,
      'nft',
      'add table ip count; delete table ip count; add table ip count; add chain ip count in { type filter hook input priority 0; }',
    );
    for (const source of [own, network.podIp])
      network.in(uplink, 'nft', `add rule ip count in ip saddr ${source} udp dport 9 counter`);
  }
  const counted = (uplink: string): number[] =>
    [...network.in(uplink, 'nft', 'list', 'chain', 'ip', 'count', 'in').matchAll(/packets (\d+)/g)].map(([, packets]) =>
      Number(packets),
    );
  const set = { command: 'set', ...target, interface: 'wlan0', gateway: '198.51.100.1' };
  await apply(mechanism, set);
  network.send('pod', network.beyond, 3);
  network.send('host', network.beyond, 2);
  expect([counted('wired'), counted('radio')]).toEqual([
    [2, 0],
    [3, 0],
  ]);
  expect(mechanism.state()).toEqual([
    { ...target, pod_ip: network.podIp, interface: 'wlan0', gateway: '198.51.100.1', to: null, masquerade: true },
  ]);
  // What has a nearer way than a default route is not sent there.
  network.send('pod', '192.0.2.1', 1);
  expect(counted('wired')).toEqual([2, 1]);
  // Some destinations alone, with the pod's own address; a plan that fails later leaves the former way.
  const some = { ...set, to: `${network.beyond}/32`, masquerade: false };
  await expect(
    applyAll(
      [
        { mechanism, command: some },
        { mechanism, command: { ...set, interface: 'none' } },
      ],
      { planId: 'p', clock: systemClock, report: () => {} },
    ),
  ).rejects.toThrow("the node's description names no interface none for applications; it names eth0, wlan0");
  expect(mechanism.state()).toMatchObject([{ to: null, masquerade: true }]);
  await apply(mechanism, some);
  network.send('pod', network.beyond, 4);
  expect([counted('wired'), counted('radio')]).toEqual([
    [2, 1],
    [3, 4],
  ]);
  await apply(mechanism, { command: 'reset', ...target });
  network.send('pod', network.beyond, 5);
  expect([counted('wired'), counted('radio')]).toEqual([
    [2, 6],
    [3, 4],
  ]);
  expect(settings()).toEqual(before);
});
