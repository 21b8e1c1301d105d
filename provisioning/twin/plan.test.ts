import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseTestbedFile } from '../testbed/parse.ts';
import { writeTestbedFile } from '../testbed/write.ts';
import { makeWorld } from './make-world.ts';
import { describeTwinHost, planTwin } from './plan.ts';

const sample = (name: string) => {
  const text = readFileSync(new URL(`../../assets/testbeds/${name}`, import.meta.url), 'utf8');
  return { text, testbed: parseTestbedFile(text, name) };
};
const startAt = Date.UTC(2026, 5, 21);
const minute = 60_000;

/** In steps of a second. */
function run(world: ReturnType<typeof makeWorld>, fromMs: number, toMs: number): void {
  for (let at = fromMs + 1000; at <= toMs; at += 1000) world.step(startAt + at, 1);
}

const readingsOf = (world: ReturnType<typeof makeWorld>, node: string): Record<string, number> =>
  Object.fromEntries(world.readings(node));

test('the sample of a farm moves, drains, and cuts as it says, the same for the same seed', () => {
  const { testbed } = sample('twin-field.yaml');
  const told: string[] = [];
  const start = () => {
    const world = makeWorld({
      plan: planTwin(testbed),
      seed: testbed.twin!.seed,
      startAt,
      onFault: ({ kind, node }, isOver) => told.push(`${kind} ${node} ${isOver ? 'over' : 'begins'}`),
    });
    const before = readingsOf(world, 'tractor');
    run(world, 0, 5.5 * minute);
    const duringCut = world.conditions.stateOf('mast').reachable;
    run(world, 5.5 * minute, 10 * minute);
    return { before, duringCut, world };
  };
  const first = start();
  expect(first.duringCut).toBe(false);
  expect(first.world.conditions.stateOf('mast').reachable).toBe(true);
  expect(told).toEqual(expect.arrayContaining(['cut mast begins', 'cut mast over']));
  const [tractor, drone, mast] = ['tractor', 'drone', 'mast'].map((node) => readingsOf(first.world, node));
  expect(tractor!.position_x_m).not.toBe(first.before.position_x_m);
  expect(drone!.battery_charge_ratio).toBeLessThan(1);
  expect(mast!.solar_power_w).toBeGreaterThan(0);
  const second = start();
  for (const node of first.world.names) expect(readingsOf(second.world, node)).toEqual(readingsOf(first.world, node));
});

test('a node of a twin is described as it is', () => {
  const { hosts } = planTwin(sample('twin-field.yaml').testbed);
  expect(hosts.map(({ simulated, role, cluster }) => `${simulated.name} ${role} ${cluster}`)).toEqual([
    'management management management',
    'master-cluster1 master cluster1',
    'farm-server worker cluster1',
    'mast worker cluster1',
    'tractor worker cluster1',
    'drone worker cluster1',
  ]);
  expect(describeTwinHost(hosts.at(-1)!)).toMatchObject({
    continuum_layer: ['far_edge'],
    mobile: true,
    availability: 'transient',
    hardware: { cpu: { architecture: 'arm64', cores: 2 } },
  });
});

test('a thousand nodes by count have names, addresses, masters and networks of their own', () => {
  const { text, testbed } = sample('twin-thousand-nodes.yaml');
  const plan = planTwin(testbed);
  expect(plan.hosts).toHaveLength(1005);
  expect(new Set(plan.hosts.map(({ address }) => address)).size).toBe(1005);
  expect(new Set(plan.hosts.map(({ simulated }) => simulated.name)).size).toBe(1005);
  expect(plan.clusters.map(({ name }) => name)).toEqual(['management', 'cluster1', 'cluster2', 'cluster3', 'cluster4']);
  const world = makeWorld({ plan, seed: 1, startAt });
  run(world, 0, 10_000);
  expect(world.names).toHaveLength(1005);
  // Written, it stays as short as it was, and says the same.
  const written = writeTestbedFile(testbed);
  expect(written.length).toBeLessThan(4 * text.length);
  expect(parseTestbedFile(written, 'again.yaml')).toEqual(testbed);
});

test.each([
  ['a gateway that is not there', 'nodes: [{ name: a, gateway: nowhere }]', 'there is no gateway "nowhere"'],
  ['two of one name', 'nodes: [{ name: a, count: 2 }, { name: a-1 }]', 'two nodes are called "a-1"'],
  [
    'a way without gateways',
    'nodes: [{ name: a, moves: { metresPerSecond: 1, from: [0, 0], to: [1, 1] } }]',
    'no gateway has a position',
  ],
  [
    'a fault of nobody',
    'nodes: [{ name: a }]\n  failures: { planned: [{ kind: crash, node: b, afterS: 1, forS: 1 }] }',
    'no node "b"',
  ],
  [
    'more than can be',
    'nodes: [{ name: a, count: 9999 }, { name: b, count: 9999 }, { name: c, count: 9999 }]',
    'more than 20000',
  ],
])('refuses %s, and says where', (_, twin, message) => {
  expect(() => parseTestbedFile(`name: t\nkind: twin\ntwin:\n  ${twin}\n`, 't.yaml')).toThrow(message);
});

test('an application of its own takes the times that the file gives it, and tells them by its own metrics', () => {
  const text = `name: own
kind: twin
twin:
  nodes: [{ name: slow, frequencyGHz: 1.8 }, { name: fast, frequencyGHz: 3.6 }]
  services:
    - { application: weeds, component: eye, makes: 2, fixedMs: 5, sendsTo: [{ component: spotter, bytes: 1000 }], items: { mean: 3, stayS: 20, now: 6 } }
    - { application: weeds, component: spotter, perItemMs: 12, threads: 2, tells: { spot_ms: stay, weeds_in_view: items, spot_total: served } }
`;
  const testbed = parseTestbedFile(text, 'own.yaml');
  const tellsOn = (node: string): Record<string, number> => {
    const world = makeWorld({ plan: planTwin(testbed), seed: 1, startAt });
    const put = (component: string, on: string) =>
      world.put({ uid: component, node: on, application: 'weeds', component, cores: 0.1, memoryBytes: 2 ** 26, serving: true });
    put('eye', 'slow');
    put('spotter', node);
    run(world, 0, 1000);
    return Object.fromEntries(world.toldBy('spotter'));
  };
  const [slow, fast] = [tellsOn('slow'), tellsOn('fast')];
  const { weeds_in_view: weeds } = slow;
  expect(weeds).toBeGreaterThan(3);
  expect(slow.spot_ms! / (12 * weeds!)).toBeGreaterThan(0.9);
  expect(slow.spot_ms! / (12 * weeds!)).toBeLessThan(1.25);
  expect(slow.spot_ms! / fast.spot_ms!).toBeGreaterThan(1.8);
  expect(slow.spot_ms! / fast.spot_ms!).toBeLessThan(2.4);
  expect(slow.spot_total).toBeGreaterThanOrEqual(1);
});

test('a service that is described twice, or sends to one that is not, is told with its place', () => {
  const file = (services: string) => `name: own\nkind: twin\ntwin:\n  nodes: [{ name: a }]\n  services: ${services}\n`;
  expect(() =>
    parseTestbedFile(file('[{ application: x, component: y }, { application: x, component: y }]'), 'own.yaml'),
  ).toThrow(/y of x has two services/);
  expect(() => parseTestbedFile(file('[{ application: x, component: y, sendsTo: [{ component: z }] }]'), 'own.yaml')).toThrow(
    /z of x has no service here/,
  );
});
