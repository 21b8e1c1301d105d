import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Engine } from './engine.ts';
import { EventQueue } from './events.ts';
import { Machines } from './machines.ts';
import { Network } from './network.ts';
import { powerModels, powerW } from './power.ts';
import { operatingPoints } from './processors.ts';
import { seededRandom, waitingTime } from './random.ts';
import { queueLength, type ServiceModel } from './service.ts';
import { type Workload, World } from './world.ts';

const start = Date.UTC(2026, 0, 1);
const power = powerModels['Xeon E3-1220'];
/** At the reference frequency, with nothing of its own. */
const node = (name: string, cores = 4) => ({ name, cores, ghz: 1.8, memoryBytes: 2 ** 32, power, background: 0 });

test('events come by time, and those of one time in the order in which they were put', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1, max: 12 }), { maxLength: 200 }), (steps) => {
      const queue = new EventQueue();
      const model: { at: number; subject: number }[] = [];
      for (const [subject, at] of steps.entries()) {
        if (at >= 0) {
          queue.push(at, 3, subject);
          model.push({ at, subject });
          continue;
        }
        const first = model.toSorted((a, b) => a.at - b.at || a.subject - b.subject)[0];
        expect(queue.nextAt).toBe(first?.at ?? Number.POSITIVE_INFINITY);
        expect(queue.take()).toBe(first !== undefined);
        if (!first) continue;
        expect([queue.at, queue.kind, queue.subject]).toEqual([first.at, 3, first.subject]);
        model.splice(model.indexOf(first), 1);
      }
      expect(queue.size).toBe(model.length);
    }),
  );
});

describe('routes', () => {
  const edge = fc.record({
    from: fc.integer({ min: 0, max: 7 }),
    to: fc.integer({ min: 0, max: 7 }),
    latencyMs: fc.integer({ min: 1, max: 20 }),
    up: fc.boolean(),
  });

  test('are the shortest there are, whatever is cut or moved', () => {
    fc.assert(
      fc.property(fc.array(edge, { minLength: 1, maxLength: 14 }), fc.array(edge, { maxLength: 4 }), (edges, changes) => {
        const network = new Network();
        for (let place = 0; place < 8; place++) network.addPlace();
        const links = edges
          .filter(({ from, to }) => from !== to)
          .map(({ from, to, latencyMs }) => ({ from, to, latencyMs, up: true, id: 0 }));
        for (const link of links) link.id = network.connect(link.from, link.to, { ...link, bytesPerSecond: 1e6 });
        const check = () => {
          // Floyd and Warshall's, over all links that are up.
          const best = Array.from({ length: 8 }, (_, a) =>
            Array.from({ length: 8 }, (_, b) => (a === b ? 0 : Number.POSITIVE_INFINITY)),
          );
          for (const { from, to, latencyMs, up } of links) {
            if (!up) continue;
            best[from]![to] = Math.min(best[from]![to]!, latencyMs);
            best[to]![from] = best[from]![to]!;
          }
          for (let k = 0; k < 8; k++)
            for (let a = 0; a < 8; a++)
              for (let b = 0; b < 8; b++) best[a]![b] = Math.min(best[a]![b]!, best[a]![k]! + best[k]![b]!);
          for (let a = 0; a < 8; a++)
            for (let b = 0; b < 8; b++) {
              const route = network.route(a, b);
              const length =
                route && network.delivered(route) > 0
                  ? route.reduce((sum, id) => sum + network.link(id).latencyMs, 0)
                  : Number.POSITIVE_INFINITY;
              expect(length).toBe(best[a]![b]);
            }
        };
        check();
        for (const { from, latencyMs, up } of changes) {
          const link = links[from % Math.max(links.length, 1)];
          if (!link) continue;
          Object.assign(link, { latencyMs, up });
          network.change(link.id, { latencyMs, up });
          check();
        }
      }),
      { numRuns: 60 },
    );
  });

  test('carry no more than their links do, and take longer the fuller these are', () => {
    const network = new Network();
    const [a, b, c] = [network.addPlace(), network.addPlace(), network.addPlace()];
    network.connect(a, b, { latencyMs: 2, bytesPerSecond: 1000 });
    const lossy = network.connect(b, c, { latencyMs: 3, bytesPerSecond: 500, loss: 0.5 });
    const route = network.route(a, c)!;
    // 5 ms of way, 100 bytes at 500/s, and as many packets again as arrive, each after a round trip.
    expect(network.messageMs(route, 100)).toBeCloseTo(5 + 200 + 10, 9);
    network.load(route, 250);
    expect(network.messageMs(route, 100)).toBeCloseTo(5 + 400 + 10, 9);
    expect(network.delivered(route)).toBe(1);
    network.load(route, 750);
    expect(network.delivered(route)).toBe(0.5);
    expect(network.probe(a, c)?.loss).toBe(0.5);
    expect(network.probe(a, c)?.freeBytesPerSecond).toBeCloseTo(25, 9);
    network.change(lossy, { up: false });
    expect(network.delivered(route)).toBe(0);
    expect(network.probe(a, c)).toBeNull();
  });
});

describe('queues', () => {
  /** One service that makes its own requests. */
  function queue(model: ServiceModel, rate: number): { engine: Engine; service: number; application: number } {
    const network = new Network();
    const engine = new Engine({ machines: new Machines([node('n')]), network, places: [network.addPlace()], startAt: start });
    const service = engine.addService(0, model);
    engine.services.setMakes(service, rate);
    const application = engine.addApplication();
    engine.compose(application, [service], []);
    return { engine, service, application };
  }

  test('wait as in M/M/1 and M/M/c: a simulation of single requests agrees within a tenth', () => {
    for (const [servers, load] of [
      [1, 0.5],
      [1, 0.8],
      [3, 0.8],
    ] as const) {
      const random = seededRandom(5);
      const free = new Array<number>(servers).fill(0);
      let [at, waited] = [0, 0];
      const requests = 200_000;
      for (let i = 0; i < requests; i++) {
        at += waitingTime(random, 1 / (load * servers));
        const server = free.indexOf(Math.min(...free));
        const begins = Math.max(at, free[server]!);
        waited += begins - at;
        free[server] = begins + waitingTime(random, 1);
      }
      // By Little's law.
      const seen = (waited / requests) * load * servers;
      expect(queueLength(load, servers) / seen).toBeGreaterThan(0.9);
      expect(queueLength(load, servers) / seen).toBeLessThan(1.1);
    }
  });

  test('fill at the rate that is too much, lose what finds no place, and empty again', () => {
    // 20 ms each: 50 a second are served, 80 come.
    const { engine, service, application } = queue({ serviceMs: 20, queueLimit: 60 }, 80);
    engine.advance(start + 1000);
    expect(engine.services.backlogOf(service, engine.now)).toBeCloseTo(30, 0);
    expect(engine.latencyMs(application)).toBeCloseTo(20 + 30 * 20, -1);
    expect(engine.counts(application)).toMatchObject({ lost: 0 });
    engine.advance(start + 3000);
    expect(engine.services.backlogOf(service, engine.now)).toBeCloseTo(60, 1);
    const full = engine.counts(application);
    expect(full.served).toBeCloseTo(150, -1);
    expect(full.lost).toBeCloseTo(30, -1);
    engine.services.setMakes(service, 10);
    engine.evaluate(application);
    engine.advance(start + 6000);
    expect(engine.services.backlogOf(service, engine.now)).toBe(0);
    expect(engine.counts(application).lost).toBeCloseTo(30, -1);
    expect(engine.counts(application).served).toBeCloseTo(150 + 60 + 30, -1);
    expect(engine.machines.used[0]).toBeCloseTo(0.05, 6);
  });
});

test('a processor is as fast and draws as much as was measured, and below a cap it slows down until it keeps it', () => {
  const points = operatingPoints['Xeon E3-1220'];
  const world = new World([{ ...node('n', 4), ghz: 3.3, points }], 1);
  world.put({
    uid: 'u',
    node: 'n',
    application: '',
    component: 'c',
    cores: 4,
    memoryBytes: 0,
    serving: true,
  });
  world.step(start + 1000, 1);
  expect(world.powerW[0]).toBeCloseTo(powerW(power, 1, 3.3), 9);
  const { machines } = world;
  for (const [index, ghz] of points.frequenciesGHz.entries()) {
    world.setFrequency('n', ghz);
    expect(machines.speed(0, 0)).toBeCloseTo(ghz / 1.8, 9);
    expect(machines.speed(0, 1)).toBeCloseTo(3.3 / 1.8 / points.slowdown.memory[index]!, 9);
    expect(machines.speed(0, 3)).toBeCloseTo(3.3 / 1.8 / points.slowdown.compute[index]!, 9);
  }
  machines.capW[0] = powerW(power, 1, 2.5) + 0.01;
  world.setFrequency('n', 3.3);
  expect(world.frequencyOf('n')).toBe(2.5);
  expect(world.powerW[0]).toBeLessThanOrEqual(machines.capW[0]);
  machines.capW[0] = Number.POSITIVE_INFINITY;
  world.setFrequency('n', 3.3);
  expect(world.frequencyOf('n')).toBe(3.3);
});

describe('a run', () => {
  const part = (application: string, role: NonNullable<Workload['role']>, on: string): Workload => ({
    uid: `${application}-${role}`,
    node: on,
    application,
    component: role,
    role,
    cores: 0,
    memoryBytes: 2 ** 26,
    serving: true,
  });
  /** Hash over all that can be read every second of ten minutes of 20 cameras on 12 nodes. */
  function fingerprint(seed: number, stepMs: number): string {
    const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
    const world = new World(
      names.map((name) => node(name)),
      seed,
    );
    for (let i = 0; i < 20; i++)
      for (const [offset, role] of (['camera', 'detector', 'classifier'] as const).entries())
        world.put(part(`a${i}`, role, names[(i * 5 + offset * 3) % 12]!));
    const digest = createHash('sha256');
    for (let ms = stepMs; ms <= 600_000; ms += stepMs) {
      world.step(start + ms, stepMs / 1000);
      if (ms % 1000 !== 0) continue;
      digest.update(world.powerW as Float64Array).update(world.used as Float64Array);
      for (let i = 0; i < 20; i++) digest.update(JSON.stringify(world.pipeline(`a${i}`)));
    }
    return digest.digest('hex');
  }

  test('is the same for the same seed, whatever the steps it is looked at in, and another for another', () => {
    const once = fingerprint(3, 100);
    expect(fingerprint(3, 100)).toBe(once);
    expect(fingerprint(3, 1000)).toBe(once);
    expect(fingerprint(4, 100)).not.toBe(once);
  });
});
