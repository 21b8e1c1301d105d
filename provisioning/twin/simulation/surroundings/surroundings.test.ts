import { describe, expect, test } from 'vitest';
import { Network } from '../network.ts';
import { powerModels } from '../power.ts';
import { RandomStreams } from '../random.ts';
import { SimulatedSignals } from '../signals.ts';
import { World } from '../world.ts';
import { startEnergy } from './energy.ts';
import { startFailures } from './failures.ts';
import { linkAt, startMobility } from './mobility.ts';
import { carbonIntensity, panelW, sunHeight, sunlightWPerM2 } from './sun.ts';

const start = Date.UTC(2026, 5, 21);
const hourMs = 3_600_000;
const node = (name: string, background = 0) => ({
  name,
  cores: 4,
  ghz: 2.4,
  memoryBytes: 2 ** 32,
  power: powerModels['X-Gene2'],
  background,
});
const streams = (seed = 1) => new RandomStreams(8, seed);

/** A world whose nodes hang on two gateways, and these on one switch. */
function field(names: readonly string[], seed = 1) {
  const network = new Network();
  const centre = network.addPlace();
  const [west, east] = [network.addPlace(), network.addPlace()];
  for (const gate of [west, east]) network.connect(gate, centre, { latencyMs: 1, bytesPerSecond: 1e9 });
  const places = names.map(() => {
    const place = network.addPlace();
    network.connect(place, west, { latencyMs: 2, bytesPerSecond: 1e7, loss: 0.01 });
    return place;
  });
  const world = new World(
    names.map((name) => node(name)),
    seed,
    { network, places },
  );
  return { world, network, west, east };
}
const read = (world: World, name: string): Record<string, number> => Object.fromEntries(world.readings(name));

describe('the sky', () => {
  test('is as high and as bright as astronomy has it', () => {
    // At noon of the longest day, 90° − 50° + 23.45° above the horizon; below it at midnight; level at the poles at the equinox.
    expect(Math.asin(sunHeight(start + 12 * hourMs, 50))).toBeCloseTo((63.45 * Math.PI) / 180, 2);
    expect(sunHeight(start, 50)).toBeLessThan(0);
    expect(Math.abs(sunHeight(Date.UTC(2026, 2, 21), 90))).toBeLessThan(0.02);
    // Noon is as much earlier as one is farther east.
    expect(sunHeight(start + 11 * hourMs, 50, 15)).toBeCloseTo(sunHeight(start + 12 * hourMs, 50), 6);
    expect(sunlightWPerM2(1)).toBeCloseTo(1098 * Math.exp(-0.057), 6);
    expect(sunlightWPerM2(1, 1) / sunlightWPerM2(1)).toBeCloseTo(0.25, 6);
    expect(panelW(50, 1000)).toBe(50);
  });

  test("makes the grid's power cleaner at noon than in the evening, within what power plants emit", () => {
    const day = Array.from({ length: 24 }, (_, hour) => carbonIntensity(start + hour * hourMs, 50, 0, 0.3));
    expect(Math.min(...day)).toBe(Math.min(...day.slice(10, 15)));
    expect(day[19]).toBeGreaterThan(1.3 * day[12]!);
    for (const value of day) expect(value > 11 && value < 490).toBe(true);
  });
});

test('a battery runs empty at night and takes its node down, and the sun brings it back', () => {
  const { world } = field(['lamp', 'shed']);
  startEnergy(
    world,
    [
      { node: 'lamp', latitude: 50, longitude: 0, battery: { capacityWh: 200, charge: 0.5 }, solarPeakW: 300, onGrid: false },
      { node: 'shed', latitude: 50, longitude: 0, onGrid: true },
    ],
    streams(),
  );
  const ups: [boolean, number][] = [];
  world.conditions.onChange((name, { up }) => {
    expect(name).toBe('lamp');
    ups.push([up, (world.now - start) / hourMs]);
  });
  const charges: number[] = [];
  let givenWh = 0;
  for (let minute = 1; minute <= 24 * 60; minute++) {
    world.step(start + minute * 60_000, 60);
    const { battery_charge_ratio: charge, solar_power_w: solarW } = read(world, 'lamp');
    charges.push(charge!);
    givenWh += solarW! / 60;
    expect(charge! >= 0 && charge! <= 1).toBe(true);
  }
  // 36 W idle from 100 Wh: about three hours.
  expect(ups[0]![0]).toBe(false);
  expect(ups[0]![1]).toBeGreaterThan(2.5);
  expect(ups[0]![1]).toBeLessThan(2.9);
  expect(ups[1]![0]).toBe(true);
  expect(ups[1]![1]).toBeGreaterThan(3);
  expect(ups[1]![1]).toBeLessThan(8);
  expect(Math.max(...charges)).toBeGreaterThan(0.6);
  expect(givenWh).toBeGreaterThan(700);
  expect(world.energyJ('lamp')).toBeLessThan(world.energyJ('shed'));
  expect(read(world, 'shed')).toEqual({
    carbon_intensity_g_per_kwh: expect.any(Number),
    grid_power_w: world.powerW[1],
  });
});

describe('a node that moves', () => {
  const radio = { latencyMs: 3, bytesPerSecond: 1e6 };
  function drive(seed: number) {
    const { world, network, west, east } = field(['tractor', 'barn'], seed);
    startMobility(
      world,
      [{ node: 'tractor', position: [0, 0], speedMPerS: 10, area: { from: [-400, 0], to: [1400, 100] }, restMs: 5000, radio }],
      [
        { place: west, position: [0, 0], radiusM: 500 },
        { place: east, position: [1000, 0], radiusM: 500 },
      ],
      streams(seed),
    );
    const seen: { x: number; distance: number; gateway: number; trip: number | null }[] = [];
    for (let second = 1; second <= 1800; second++) {
      world.step(start + second * 1000, 1);
      const { position_x_m: x, gateway_distance_m: distance } = read(world, 'tractor');
      const { ends } = network.link(world.conditions.accessLink('tractor'));
      seen.push({ x: x!, distance: distance!, gateway: ends[1], trip: world.probe('tractor', 'barn')?.roundTripMs ?? null });
    }
    return { seen, east };
  }

  test('goes no faster than it does, takes the nearer gateway, and is farther away the farther it is', () => {
    const { seen, east } = drive(3);
    for (const [index, { x }] of seen.entries())
      if (index > 0) expect(Math.abs(x - seen[index - 1]!.x)).toBeLessThanOrEqual(10 + 1e-9);
    expect(new Set(seen.map(({ gateway }) => gateway)).size).toBe(2);
    for (const { x, gateway } of seen) {
      if (x > 600) expect(gateway).toBe(east);
      if (x < 400) expect(gateway).not.toBe(east);
    }
    const near = seen.filter(({ distance, gateway }) => distance < 100 && gateway !== east);
    const far = seen.filter(({ distance, gateway }) => distance > 400 && gateway !== east);
    const worst = (of: typeof seen) => Math.max(...of.map(({ trip }) => trip!));
    expect(worst(far)).toBeGreaterThan(1.5 * worst(near));
    expect(drive(3)).toEqual({ seen, east });
    expect(drive(4).seen).not.toEqual(seen);
  });

  test('loses its link beyond the border of the coverage', () => {
    expect(linkAt(radio, 0, 500)).toEqual({ latencyMs: 3, bytesPerSecond: 1e6, loss: expect.closeTo(0.001, 9), up: true });
    expect(linkAt(radio, 250, 500).bytesPerSecond).toBe(750_000);
    expect(linkAt(radio, 501, 500).up).toBe(false);
  });
});

describe('failures', () => {
  test('happen when they are planned and heal by themselves, each for its own cause', () => {
    const { world, network } = field(['a', 'b']);
    const told: string[] = [];
    startFailures(
      world,
      {
        planned: [
          { afterMs: 1000, forMs: 2000, fault: { kind: 'crash', node: 'a' } },
          { afterMs: 2000, forMs: 4000, fault: { kind: 'crash', node: 'a' } },
          { afterMs: 1000, forMs: 2000, fault: { kind: 'cut', node: 'b' } },
          { afterMs: 1000, forMs: 4000, fault: { kind: 'slow', node: 'b', speed: 0.5 } },
          { afterMs: 1000, forMs: 4000, fault: { kind: 'misbehave', node: 'b', steals: 0.5, loses: 0.5 } },
        ],
        chance: [],
      },
      streams(),
      ({ kind, node: on }, isOver) => told.push(`${kind} ${on} ${isOver ? 'over' : 'begins'}`),
    );
    const at = (second: number) => {
      world.step(start + second * 1000 + 500, 1);
      const { up, reachable } = world.conditions.stateOf(second < 3 ? 'a' : 'b');
      return { up, reachable, usedB: world.used[1], probe: world.probe('a', 'b') };
    };
    // Time begins.
    world.step(start, 0);
    expect(at(0)).toMatchObject({ up: true, usedB: 0 });
    expect(at(1)).toMatchObject({ up: false, probe: null });
    expect(world.powerW[0]).toBe(0);
    expect(world.conditions.stateOf('b')).toEqual({ up: true, reachable: false });
    expect(world.machines.health[1]).toBe(0.5);
    // Half of it is taken by what no component accounts for; its own services strayed from nothing.
    expect(world.used[1]).toBeCloseTo(0.5, 1);
    at(3);
    // The first crash is over, the second one is not.
    expect(world.conditions.stateOf('a').up).toBe(false);
    expect(world.conditions.stateOf('b').reachable).toBe(true);
    expect(network.link(world.conditions.accessLink('b')).loss).toBeCloseTo(1 - 0.99 * 0.5, 9);
    at(6);
    expect(world.conditions.stateOf('a').up).toBe(true);
    expect(world.machines.health[1]).toBe(1);
    expect(network.link(world.conditions.accessLink('b')).loss).toBeCloseTo(0.01, 9);
    expect(world.probe('a', 'b')).not.toBeNull();
    expect(told.filter((text) => text.endsWith('begins')).length).toBe(5);
    expect(told.filter((text) => text.endsWith('over')).length).toBe(5);
  });

  test('come by chance as often as they are said to, the same for the same seed', () => {
    const run = (seed: number) => {
      const { world } = field(['a', 'b', 'c'], seed);
      const told: [string, number, boolean][] = [];
      startFailures(
        world,
        { planned: [], chance: [{ kind: 'crash', nodes: ['a', 'b', 'c'], everyMs: 600_000, forMs: 60_000 }] },
        streams(seed),
        ({ node: on }, isOver) => told.push([on, world.now, isOver]),
      );
      for (let hour = 1; hour <= 48; hour++) world.step(start + hour * hourMs, 3600);
      return told;
    };
    const told = run(5);
    const begins = told.filter(([, , isOver]) => !isOver).length;
    // 48 hours at one in eleven minutes on each of three nodes: 785, give or take.
    expect(begins).toBeGreaterThan(680);
    expect(begins).toBeLessThan(890);
    expect(run(5)).toEqual(told);
    expect(run(6)).not.toEqual(told);
  });
});

test('what surrounds a node is in its telemetry, and so are its links, all of it said to be simulated', async () => {
  const { world } = field(['lamp', 'shed']);
  startEnergy(
    world,
    [{ node: 'lamp', latitude: 50, longitude: 0, battery: { capacityWh: 200, charge: 0.5 }, onGrid: false }],
    streams(),
  );
  world.step(start + 1000, 1);
  const samples = await new SimulatedSignals(world, 'lamp', ['shed']).read();
  expect(samples.every(({ source }) => source === 'simulated')).toBe(true);
  const value = (metric: string) => samples.find((sample) => sample.metric === metric);
  expect(value('battery_charge_ratio')?.value).toBeCloseTo(0.5, 2);
  expect(value('link_round_trip_ms')?.value).toBeGreaterThan(8);
  expect(value('link_loss_ratio')).toMatchObject({ peer: 'shed' });
});
