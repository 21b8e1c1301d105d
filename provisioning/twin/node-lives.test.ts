import { expect, test } from 'vitest';
import { ManualClock } from '../../agents/manual-clock.ts';
import { twinSchema } from '../testbed/twin-schema.ts';
import { ObjectStore } from './api/store.ts';
import type { TwinHost } from './hosts.ts';
import { makeWorld } from './make-world.ts';
import { NodeLives, tellFault } from './node-lives.ts';
import { planTwin } from './plan.ts';
import { SimulatedKubelets } from './simulation/kubelets.ts';
import { storeKubeletApi } from './simulation/store-kubelet-api.ts';

const stepMs = 1000;

/** The agents of a twin, as far as nodes are concerned: which run, and who starts or stops when. A double, for this file alone. */
class AgentsDouble {
  readonly running = new Set<string>();
  readonly history: string[] = [];
  /** What a start waits for, by node. */
  readonly slow = new Map<string, Promise<void>>();
  readonly broken = new Set<string>();
  readonly #second: () => number;

  constructor(second: () => number) {
    this.#second = second;
  }

  async startOn({ simulated: { name } }: TwinHost): Promise<void> {
    if (this.running.has(name)) return;
    await this.slow.get(name);
    if (this.broken.has(name)) throw new Error('no port is free');
    this.running.add(name);
    this.history.push(`${this.#second()} ${name} starts`);
  }

  async stopOn(node: string): Promise<void> {
    if (this.running.delete(node)) this.history.push(`${this.#second()} ${node} stops`);
  }
}

/** Nodes of a twin's file, their physics, their real kubelets over a store, and their lives. */
async function livesOf(failures: object, seed = 1) {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const startAt = clock.now();
  const second = () => (clock.now() - startAt) / 1000;
  const plan = planTwin({ twin: twinSchema.parse({ nodes: [{ name: 'post', count: 3 }], failures }) });
  const faults: string[] = [];
  const tell = tellFault((_level, text) => void faults.push(`${second()} ${text}`));
  const world = makeWorld({ plan, seed, startAt, onFault: tell });
  const store = new ObjectStore(clock);
  const kubelets = new Map<string, SimulatedKubelets>();
  for (const { name } of plan.clusters) {
    const nodes = plan.hosts
      .filter(({ cluster }) => cluster === name)
      .map(({ simulated, ...rest }) => ({ node: simulated, ...rest }));
    const own = new SimulatedKubelets({ api: storeKubeletApi(store), world, clock, log: () => {}, nodes });
    kubelets.set(name, own);
    await own.start();
  }
  const agents = new AgentsDouble(second);
  const logged: string[] = [];
  const lives = new NodeLives({ world, hosts: plan.hosts, kubelets, agents, log: (_level, text) => void logged.push(text) });
  await lives.start();
  const until = async (at: number): Promise<void> => {
    while (second() < at) {
      await clock.advance(stepMs);
      world.step(clock.now(), stepMs / 1000);
      // Agents follow in their own time, which is none here.
      for (const name of world.names) if (!agents.slow.has(name)) await lives.settled(name);
    }
  };
  /** Seconds since the kubelet of a node was heard last; it renews its lease every 10 s. */
  const silentS = (node: string): number => {
    const { renewTime } = store.get('coordination.k8s.io/leases', 'kube-node-lease', node)!.spec as { renewTime: string };
    return (clock.now() - Date.parse(renewTime)) / 1000;
  };
  await until(1);
  agents.history.length = 0;
  return { agents, lives, world, store, faults, logged, until, silentS };
}

test('on schedule, a node that crashes takes its agent and kubelet along and brings them back; one that is cut off goes on unheard', async () => {
  const { agents, world, store, faults, until, silentS } = await livesOf({
    planned: [
      { kind: 'crash', node: 'post-1', afterS: 30, forS: 60 },
      { kind: 'crash', node: 'post-1', afterS: 60, forS: 60 },
      { kind: 'cut', node: 'post-2', afterS: 40, forS: 50 },
      { kind: 'slow', node: 'post-3', afterS: 40, forS: 50 },
    ],
  });
  store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'work' } });
  for (const node of ['post-1', 'post-2'])
    store.create('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `on-${node}`, namespace: 'work' },
      spec: { nodeName: node, containers: [{ name: 'main', image: 'work:1' }] },
    });
  await until(25);
  expect(agents.running.size).toBe(world.names.length);
  expect(['post-1', 'post-2'].map((node) => world.workloadsOn(node).length)).toEqual([1, 1]);

  await until(85);
  expect(agents.running.has('post-1')).toBe(false);
  expect(world.workloadsOn('post-1')).toEqual([]);
  expect(silentS('post-1')).toBeGreaterThan(50);
  // Cut off: its agent and its pod go on, nobody hears of it.
  expect(agents.running.has('post-2')).toBe(true);
  expect(world.workloadsOn('post-2').length).toBe(1);
  expect(silentS('post-2')).toBeGreaterThan(40);
  expect(silentS('post-3')).toBeLessThanOrEqual(10);

  // The first crash is over and the second is not; the link is whole again.
  await until(115);
  expect(agents.running.has('post-1')).toBe(false);
  expect(silentS('post-2')).toBeLessThanOrEqual(10);
  await until(125);
  expect(agents.history).toEqual(['30 post-1 stops', '120 post-1 starts']);
  expect(silentS('post-1')).toBeLessThanOrEqual(10);
  expect(world.workloadsOn('post-1').length).toBe(1);
  expect(faults.filter((text) => text.includes('post-2'))).toEqual(['40 post-2 was cut off', '90 post-2 is connected again']);
});

test('at random, agents follow their nodes through every crash, the same for the same seed', async () => {
  const run = async (seed: number) => {
    const { agents, world, until } = await livesOf({ random: [{ kind: 'crash', nodes: ['post'], everyS: 300, forS: 60 }] }, seed);
    for (let at = 60; at <= 7200; at += 60) {
      await until(at);
      for (const name of world.names) expect(agents.running.has(name)).toBe(world.conditions.stateOf(name).up);
    }
    return agents.history;
  };
  const history = await run(3);
  // Three nodes for two hours, off once in six minutes: sixty times, give or take.
  const stops = history.filter((line) => line.endsWith('stops')).length;
  expect(stops).toBeGreaterThan(35);
  expect(stops).toBeLessThan(90);
  expect(await run(3)).toEqual(history);
  expect(await run(4)).not.toEqual(history);
});

test('an agent that is slow to start, or cannot, keeps nobody else from following', async () => {
  const { agents, lives, logged, until } = await livesOf({
    planned: [
      { kind: 'crash', node: 'post-1', afterS: 10, forS: 10 },
      { kind: 'crash', node: 'post-1', afterS: 30, forS: 100 },
      { kind: 'crash', node: 'post-2', afterS: 10, forS: 10 },
      { kind: 'crash', node: 'post-2', afterS: 30, forS: 10 },
    ],
  });
  let start = (): void => {};
  agents.slow.set('post-1', new Promise<void>((resolve) => (start = resolve)));
  agents.broken.add('post-2');
  await until(25);
  expect(logged).toEqual(['the agent of post-2 could not follow its node']);
  agents.broken.clear();
  await until(50);
  expect(agents.running.has('post-2')).toBe(true);
  const ofFirst = () => agents.history.filter((line) => line.includes('post-1'));
  expect(ofFirst()).toEqual(['10 post-1 stops']);
  start();
  await lives.settled('post-1');
  // It has started when its node is off again: it is stopped at once.
  expect(ofFirst()).toEqual(['10 post-1 stops', '50 post-1 starts', '50 post-1 stops']);
  await lives.close();
});
