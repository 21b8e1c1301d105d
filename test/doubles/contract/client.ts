import {
  type CallName,
  type ContractClient,
  ContractError,
  type EventOf,
  type InputOf,
  type OutputOf,
  type StreamName,
} from '../../../main/contract/contract.ts';
import type { Series, TestbedSummary, Topology } from '../../../renderer/state/types.ts';
import { demoDecisions } from './decisions.ts';
import { demoRun } from './run.ts';
import { hostMetrics, latencyAt, nodes, peopleAt, placeAt, readingAt } from './world.ts';

/**
 * DOUBLE of the core behind the contract, for looking at the renderer without one. Everything it says is made up; it is used by tests and by
 * dev.html alone and is no part of what ships.
 */
export type Scenario = 'empty' | 'new' | 'up' | 'moving' | 'run' | 'done' | 'twin';

const application = 'smart-camera';

export function createContractDouble(scenario: Scenario, clock: () => number = () => Date.now()): ContractClient {
  const began = clock();
  let testbeds: TestbedSummary[] = scenario === 'empty' ? [] : [summary('lab-4', scenario, began)];
  if (scenario === 'up') testbeds.push({ ...summary('twin', 'twin', began - 60_000), name: 'twin', state: 'down' });
  const listeners = new Set<(list: TestbedSummary[]) => void>();
  const changed = () => {
    for (const listener of listeners) listener(testbeds);
  };

  const calls: { [K in CallName]?: (input: InputOf<K>) => OutputOf<K> } = {
    'system.info': () => ({
      version: '0.1.0',
      core: { pid: 1, node: 'v20.20.2', startedAt: began, dataFolder: '~/.local/share/mlsysops-desktop' },
      platform: 'linux',
      restored: [],
      localHostsUnavailable:
        scenario === 'empty' ? 'systemd-nspawn is missing: run “sudo apt-get install systemd-container”.' : null,
    }),
    'testbeds.list': () => testbeds,
    'testbeds.create': ({ name, kind, file }) => {
      if (kind === 'hosts' && !file?.includes('hosts:'))
        throw new ContractError('invalid-file', 'the pasted file, line 1: unknown key "hots".', 'Did you mean "hosts"?');
      const made = { ...summary(name, kind === 'twin' ? 'twin' : 'new', clock()), name, kind };
      testbeds = [...testbeds, made];
      changed();
      return made;
    },
    'testbeds.up': ({ testbed }) => {
      testbeds = testbeds.map((known) => (known.name === testbed ? { ...known, state: 'up' as const } : known));
      changed();
      return { run: 'run-1' };
    },
    'testbeds.down': ({ testbed }) => {
      testbeds = testbeds.map((known) => (known.name === testbed ? { ...known, state: 'down' as const } : known));
      changed();
      return { run: 'run-1' };
    },
    'testbeds.remove': ({ testbed }) => {
      testbeds = testbeds.filter((known) => known.name !== testbed);
      changed();
      return {};
    },
    'testbeds.plan': () => ({
      version: 1,
      testbed: 'lab-4',
      testbedDigest: '0'.repeat(64),
      verb: 'up',
      chosen: { phases: ['prepare'], hosts: nodes.map(({ name }) => name) },
      hosts: nodes.map(({ name }) => ({ name, facts: {} })),
      madeAt: clock(),
      phases: [{ id: 'prepare', title: 'Prepare' }],
      steps: nodes.flatMap(({ name }) =>
        ['Load the kernel modules', 'Forward IPv4 packets', 'Install containerd'].map((title, index) => ({
          phase: 'prepare',
          host: name,
          step: `s${index}`,
          title,
          state: index === 0 ? ('in-place' as const) : index === 1 ? ('change' as const) : ('later' as const),
        })),
      ),
      warnings: [{ host: 'worker-1', text: 'The clock is 0.8 s behind.', remedy: 'Start systemd-timesyncd.' }],
    }),
    'testbeds.hostKeys': () => [
      { host: 'management', state: 'known' },
      { host: 'master-1', state: 'known' },
      { host: 'worker-1', state: 'new', algorithm: 'ED25519', fingerprint: 'SHA256:Zx7mQ0pY1uVbT4nK9hRc2LwEoS6dAfG8jXiN3yBqMtU' },
      {
        host: 'worker-2',
        state: 'changed',
        algorithm: 'ED25519',
        was: 'SHA256:h4KcT9xWq2vRzN7pJ1mYbE5sLdUoA0gF6iXnQ8tCyVk',
        fingerprint: 'SHA256:P2vJd8nLw5yRqB1tXe7KmHs0cZuOf4gAiT9kNbQ6xVo',
      },
    ],
    'testbeds.trust': () => ({}),
    'runs.list': () =>
      scenario === 'new'
        ? []
        : [
            {
              run: 'run-1',
              testbed: 'lab-4',
              verb: 'up',
              state: scenario === 'run' ? 'running' : 'done',
              startedAt: began - 72_000,
              finishedAt: null,
              summary: null,
            },
          ],
    'runs.cancel': () => ({}),
    'decisions.list': () => demoDecisions(began),
    'telemetry.query': ({ metrics, from, to, stepMs }: InputOf<'telemetry.query'>) =>
      metrics.flatMap((metric) => seriesOf(metric, from, to, Math.max(stepMs, 1000), began, scenario)),
    'terminals.write': () => ({}),
    'terminals.resize': () => ({}),
  };

  const streams: { [K in StreamName]?: (input: InputOf<K>, emit: (event: EventOf<K>) => void) => () => void } = {
    'testbeds.watch': (_, emit) => {
      emit(testbeds);
      listeners.add(emit);
      return () => listeners.delete(emit);
    },
    'topology.watch': (_, emit) => every(1000, () => emit(topologyAt(clock(), began, scenario))),
    'decisions.watch': () => () => {},
    'telemetry.watch': ({ metrics }, emit) =>
      every(1000, () =>
        emit(
          (metrics ?? []).flatMap((metric) =>
            seriesOf(metric, clock() - 999, clock(), 1000, began, scenario).flatMap(({ key, times, values }) => {
              const time = times.at(-1);
              const value = values.at(-1);
              return time === undefined || value === undefined || value === null ? [] : [{ key, time, value }];
            }),
          ),
        ),
      ),
    'runs.watch': ({ run }, emit) => {
      emit(demoRun(run, began, scenario === 'run' ? 'running' : 'done'));
      return () => {};
    },
    'terminals.open': ({ host }, emit) => {
      emit({ type: 'opened', resumed: false });
      emit({
        type: 'output',
        data: `\x1b[32mresearcher@${host}\x1b[0m:~$ hostname\r\n${host}\r\n\x1b[38;2;200;60;20mtrue colour\x1b[0m \x1b[31mred\x1b[0m\r\n\x1b[32mresearcher@${host}\x1b[0m:~$ `,
      });
      return () => {};
    },
  };

  return {
    call: async (name, input) => {
      const handler: ((input: InputOf<typeof name>) => OutputOf<typeof name>) | undefined = calls[name];
      if (!handler) throw new ContractError('not-in-double', `The double does not answer ${name}.`);
      return handler(input);
    },
    open: (name, input, onEvent) => {
      const start: ((input: InputOf<typeof name>, emit: (event: EventOf<typeof name>) => void) => () => void) | undefined =
        streams[name];
      const stop = start?.(input, (event) => void onEvent(event));
      return { close: () => stop?.() };
    },
  };
}

function every(ms: number, work: () => void): () => void {
  work();
  const timer = setInterval(work, ms);
  return () => clearInterval(timer);
}

function summary(name: string, scenario: Scenario, createdAt: number): TestbedSummary {
  const states: Record<Scenario, TestbedSummary['state']> = {
    empty: 'new',
    new: 'new',
    up: 'up',
    moving: 'up',
    run: 'provisioning',
    done: 'up',
    twin: 'up',
  };
  return {
    name,
    kind: scenario === 'twin' ? 'twin' : 'hosts',
    state: states[scenario],
    hosts: nodes.map(({ name: host, address, role, cluster }) => ({
      name: host,
      address,
      port: 22,
      user: 'researcher',
      role,
      cluster,
    })),
    doubles: scenario === 'done' ? ['kubeadm', 'kubelet', 'karmadactl'] : [],
    lastRun: scenario === 'new' || scenario === 'twin' ? null : 'run-1',
    recording: null,
    createdAt,
  };
}

function topologyAt(now: number, began: number, scenario: Scenario): Topology {
  const readings: Topology['readings'] = {};
  for (const metric of hostMetrics) {
    for (const node of nodes) {
      const value = readingAt(metric, node.name, now, began);
      if (value !== undefined) readings[`${metric}|${node.name}|`] = { value, time: now };
    }
  }
  const place = scenario === 'moving' ? 'worker-1' : placeAt(now, began);
  const latency = scenario === 'moving' ? 76 : latencyAt(now, began);
  readings[`frame_classify_latency_ms|${place}|classifier`] = { value: latency, time: now };
  readings[`people_in_view|${place}|classifier`] = { value: peopleAt(now, began), time: now };
  for (const [name, node, cores] of [
    ['camera', 'worker-1', 0.3],
    ['detector', 'worker-1', 0.8],
    ['classifier', place, 1.6],
  ] as const) {
    readings[`component_cpu_cores|${node}|${name}`] = { value: cores, time: now };
    readings[`component_memory_bytes|${node}|${name}`] = { value: 120 * 2 ** 20 * (1 + cores), time: now };
  }
  const component = (name: string, node: string, state: 'running' | 'leaving' | 'starting', sendsTo: string[]) => ({
    name,
    state,
    node,
    pod: `${name}-${node}`,
    sendsTo,
  });
  return {
    time: now,
    testbed: scenario === 'twin' ? 'lab-4' : 'lab-4',
    kind: scenario === 'twin' ? 'twin' : 'hosts',
    doubles: [],
    continuum: { name: 'continuum', karmada: '1.19' },
    clusters: [
      { name: 'management', kubernetes: '1.36.2', joined: true, role: 'management' },
      { name: 'cluster1', kubernetes: '1.36.2', joined: true, role: 'member' },
    ],
    nodes,
    agents: [
      { agent: 'continuum', layer: 'continuum', cluster: 'management', lastHeartbeat: now - 400, alive: true, version: '0.1.0' },
      {
        agent: 'cluster-cluster1',
        layer: 'cluster',
        cluster: 'cluster1',
        lastHeartbeat: now - 700,
        alive: true,
        version: '0.1.0',
      },
      ...nodes.map((node) => ({
        agent: `node-${node.name}`,
        layer: 'node' as const,
        cluster: node.cluster,
        node: node.name,
        lastHeartbeat: now - 500,
        alive: true,
        version: '0.1.0',
      })),
    ],
    applications: [
      {
        application,
        cluster: 'cluster1',
        time: now,
        state: 'deployed',
        targets: [{ metric: 'frame_classify_latency_ms', target: 50, relation: 'lower_or_equal', unit: 'ms' }],
        components: [
          component('camera', 'worker-1', 'running', ['detector']),
          component('detector', 'worker-1', 'running', ['classifier']),
          ...(scenario === 'moving'
            ? [component('classifier', 'worker-1', 'leaving', []), component('classifier', 'worker-2', 'starting', [])]
            : [component('classifier', place, 'running', [])]),
        ],
      },
    ],
    readings,
  };
}

function seriesOf(metric: string, from: number, to: number, stepMs: number, began: number, scenario: Scenario): Series[] {
  const source = scenario === 'twin' ? 'simulated' : 'measured';
  const build = (node: string, component: string, at: (time: number) => number | null): Series => {
    const times: number[] = [];
    const values: (number | null)[] = [];
    for (let time = Math.ceil(from / stepMs) * stepMs; time <= to; time += stepMs) {
      times.push(time);
      values.push(at(time));
    }
    return { key: { metric, node, component, application: component ? application : '' }, unit: '', source, times, values };
  };
  if (metric === 'frame_classify_latency_ms' || metric === 'people_in_view') {
    const read = metric === 'people_in_view' ? peopleAt : latencyAt;
    return ['worker-1', 'worker-2'].map((node) => {
      const whole = build(node, 'classifier', (time) => (placeAt(time, began) === node ? read(time, began) : null));
      const kept = whole.values.map((value) => value !== null);
      return {
        ...whole,
        times: whole.times.filter((_, index) => kept[index]),
        values: whole.values.filter((_, index) => kept[index]),
      };
    });
  }
  return nodes
    .map((node) => build(node.name, '', (time) => readingAt(metric, node.name, time, began) ?? null))
    .filter((series) => series.values.some((value) => value !== null));
}
