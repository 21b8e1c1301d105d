import { stdout } from 'node:process';
import { Engine } from '../../provisioning/twin/simulation/engine.ts';
import { Machines } from '../../provisioning/twin/simulation/machines.ts';
import { Network } from '../../provisioning/twin/simulation/network.ts';
import { powerModels } from '../../provisioning/twin/simulation/power.ts';
import { operatingPoints, type SimulatedNode } from '../../provisioning/twin/simulation/processors.ts';
import { RandomStreams, seededRandom } from '../../provisioning/twin/simulation/random.ts';
import { startWandering } from '../../provisioning/twin/simulation/wander.ts';

/**
 * The simulator alone: 10,000 nodes below 100 gateways, 20,000 components in 5,000 applications of four whose items come and go, every node read
 * once a simulated second. Then the same world with everything done anew each 100 ms, as a simulation by ticks would.
 */
const nodes = 10_000;
const gateways = 100;
const applications = 5000;
const targets = { speed: 60, rssMb: 1536 };
const startAt = Date.UTC(2026, 0, 1);
const models = Object.keys(powerModels) as (keyof typeof powerModels)[];
const say = (text: string) => stdout.write(`${text}\n`);

function makeWorld(seed: number): { engine: Engine; ids: number[] } {
  const random = seededRandom(seed);
  const network = new Network();
  const centre = network.addPlace();
  const gates = Array.from({ length: gateways }, () => {
    const gate = network.addPlace();
    network.connect(gate, centre, { latencyMs: 2 + 8 * random(), bytesPerSecond: 1.25e9 });
    return gate;
  });
  const specs: SimulatedNode[] = [];
  const places: number[] = [];
  for (let i = 0; i < nodes; i++) {
    const model = models[i % models.length]!;
    specs.push({
      name: `node-${i}`,
      cores: 4,
      ghz: operatingPoints[model].frequenciesGHz.at(-1)!,
      memoryBytes: 8 * 2 ** 30,
      power: powerModels[model],
      points: operatingPoints[model],
      background: 0.05,
    });
    const place = network.addPlace();
    network.connect(place, gates[i % gateways]!, { latencyMs: 0.2 + 3 * random(), bytesPerSecond: 1.25e7, loss: 0.001 });
    places.push(place);
  }
  const engine = new Engine({ machines: new Machines(specs), network, places, startAt });
  startWandering(engine, new RandomStreams(nodes, seed));
  const pick = () => Math.floor(random() * nodes);
  const ids = Array.from({ length: applications }, () => {
    const services = [
      engine.addService(pick(), { fixedMs: 4, steadyCores: 0.03 }),
      engine.addService(pick(), { serviceMs: 6, queueLimit: 20 }),
      engine.addService(pick(), { perItemMs: 22, threads: 2, queueLimit: 5, boundness: 'compute' }),
      engine.addService(pick(), { serviceMs: 2, queueLimit: 100, boundness: 'memory' }),
    ];
    const [source, second, third, last] = services as [number, number, number, number];
    engine.services.setMakes(source, 5);
    const id = engine.addApplication();
    engine.compose(id, services, [
      { from: source, to: second, bytes: 19_200 },
      { from: second, to: third, bytesPerItem: 1024 },
      { from: third, to: last, bytes: 200 },
    ]);
    return id;
  });
  // People in view: each stays for half a minute, 3.5 of them on the mean.
  const streams = new RandomStreams(applications, seed + 1);
  const kind = engine.process((id, now) => {
    const items = engine.itemsOf(id);
    engine.setItems(id, streams.of(id) * (3.5 + items) < 3.5 ? Math.min(items + 1, 14) : items - 1);
    schedule(id, now);
  });
  const schedule = (id: number, now: number): void =>
    engine.schedule(now - (Math.log(1 - streams.of(id)) * 30_000) / (3.5 + engine.itemsOf(id)), kind, id);
  for (const id of ids) schedule(id, startAt);
  return { engine, ids };
}

/** Reads every node once, as telemetry does. */
function readAll({ machines, now }: Engine): number {
  let sum = 0;
  for (let node = 0; node < machines.count; node++)
    sum +=
      machines.used[node]! +
      machines.powerW[node]! +
      machines.energyJ(node, now) +
      machines.load1m(node, now) +
      machines.sent[node]! +
      machines.ghz[node]!;
  return sum;
}

function run(seconds: number, each: (world: ReturnType<typeof makeWorld>) => void) {
  const world = makeWorld(1);
  const { engine } = world;
  // The first minute is for warming up: people come into view.
  engine.advance(startAt + 60_000);
  const events = engine.events;
  const cpu = process.cpuUsage();
  const started = performance.now();
  let sum = 0;
  for (let second = 1; second <= seconds; second++) {
    const from = startAt + 60_000 + (second - 1) * 1000;
    for (let tenth = 1; tenth <= 10; tenth++) {
      engine.advance(from + tenth * 100);
      each(world);
    }
    sum += readAll(engine);
  }
  const wallS = (performance.now() - started) / 1000;
  const used = process.cpuUsage(cpu);
  return { speed: seconds / wallS, cores: (used.user + used.system) / 1e6 / wallS, events: engine.events - events, wallS, sum };
}

const fast = run(600, () => {});
const rssMb = process.memoryUsage.rss() / 2 ** 20;
// A second of processor time is what one core gives in a second, whoever else is on this computer.
const ofCore = fast.speed / fast.cores;
say(
  `${nodes} nodes, ${4 * applications} components: ${ofCore.toFixed(0)} × real time on one core (target: at least ${targets.speed} ×; ${(ofCore / targets.speed).toFixed(1)} times that); by the clock ${fast.speed.toFixed(0)} × with ${fast.cores.toFixed(2)} of a core`,
);
say(
  `${(fast.events / fast.wallS / fast.cores / 1000).toFixed(0)} thousand events a second; memory ${rssMb.toFixed(0)} MB (target: below ${targets.rssMb} MB; ${(rssMb / targets.rssMb).toFixed(2)} of it)`,
);
const ticking = run(6, ({ engine }) => {
  for (let node = 0; node < nodes; node++) engine.updateNode(node);
  engine.evaluateAll();
});
const ticks = ticking.speed / ticking.cores;
say(
  `with every node and application done anew each 100 ms: ${ticks.toFixed(1)} × real time on one core; from event to event is ${(ofCore / ticks).toFixed(0)} times as fast`,
);
process.exitCode = ofCore >= targets.speed && rssMb < targets.rssMb ? 0 : 1;
