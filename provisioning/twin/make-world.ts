import type { TwinNodePlan } from '../testbed/twin-hosts.ts';
import { nodesOfTwin } from '../testbed/twin-hosts.ts';
import type { TwinSection } from '../testbed/twin-schema.ts';
import { behavioursOf } from './described-services.ts';
import type { TwinPlan } from './plan.ts';
import { type LinkSpec, Network } from './simulation/network.ts';
import { RandomStreams, randomAt } from './simulation/random.ts';
import { type EnergyPlace, startEnergy } from './simulation/surroundings/energy.ts';
import { type Fault, startFailures } from './simulation/surroundings/failures.ts';
import { type Coverage, linkAt, type Position, startMobility } from './simulation/surroundings/mobility.ts';
import { startSound } from './simulation/surroundings/sound.ts';
import { World } from './simulation/world.ts';

/** Chance of each of these is a stream of its own: more of one changes nothing of the others. */
const streamOf = { energy: 0x1d, mobility: 0x2d, failures: 0x3d, places: 0x4d } as const;
const usualPlace = { latitude: 50, longitude: 8 } as const;

export interface WorldOptions {
  plan: TwinPlan;
  seed: number;
  /** When the twin's clock starts, ms since the epoch. */
  startAt: number;
  /** Told of each fault's beginning and end. */
  onFault?: (fault: Fault, isOver: boolean) => void;
}

/** The physics of a twin: its hosts, what joins them, and what surrounds them. @throws RangeError */
export function makeWorld({ plan, seed, startAt, onFault }: WorldOptions): World {
  const { section, hosts } = plan;
  const specs = hosts.map(({ simulated }) => simulated);
  const streams = (of: keyof typeof streamOf): RandomStreams => new RandomStreams(hosts.length, seed ^ streamOf[of]);
  if (!section) {
    const world = new World(specs, seed);
    const places = specs.map(({ name }) => ({ node: name, ...usualPlace, onGrid: true }));
    startEnergy(world, places, streams('energy'));
    startSound(
      world,
      hosts.filter(({ role }) => role === 'worker').map(({ simulated }) => simulated.name),
    );
    return world;
  }
  const nodes = nodesOfTwin(section);
  const { network, places, gateways } = networkOf(section, nodes);
  const world = new World(specs, seed, { network, places });
  world.describe(behavioursOf(section.services));
  const positions = new Map(nodes.flatMap((node, index) => placed(node, index, seed)));
  placeNodes(world, { nodes, positions, gateways, random: streams('mobility') });
  const skyOffsetMs = section.startsAt === undefined ? 0 : Date.parse(section.startsAt) - startAt;
  startEnergy(
    world,
    nodes.map((node) => energyPlace(node, section)),
    streams('energy'),
    skyOffsetMs,
  );
  startSound(
    world,
    nodes.filter(({ microphone }) => microphone).map(({ name }) => name),
  );
  startFailures(world, failuresOf(section, nodes), streams('failures'), onFault);
  return world;
}

interface Gateway {
  place: number;
  position: Position | undefined;
  radiusM: number;
}

function networkOf(section: TwinSection, nodes: readonly TwinNodePlan[]) {
  const network = new Network();
  const middle = network.addPlace();
  const gateways = new Map<string, Gateway>();
  for (const { name, position, radiusM, link } of section.gateways) {
    const place = network.addPlace();
    network.connect(place, middle, specOf(link));
    gateways.set(name, { place, position, radiusM });
  }
  const places = nodes.map(({ gateway, link }) => {
    const place = network.addPlace();
    network.connect(place, gateways.get(gateway ?? '')?.place ?? middle, specOf(link));
    return place;
  });
  return { network, places, gateways };
}

const specOf = ({ latencyMs, megabitsPerSecond, loss }: TwinNodePlan['link']): Required<LinkSpec> => ({
  latencyMs,
  bytesPerSecond: megabitsPerSecond * 125_000,
  loss,
});

/** Its position: by chance within the spread, evenly over the circle's area. */
function placed(node: TwinNodePlan, index: number, seed: number): [string, Position][] {
  const { name, position, spreadM, moves } = node;
  const middle = position ?? (moves && ([(moves.from[0] + moves.to[0]) / 2, (moves.from[1] + moves.to[1]) / 2] as const));
  if (!middle) return [];
  const away = spreadM * Math.sqrt(randomAt(seed ^ streamOf.places, index, 1));
  const angle = 2 * Math.PI * randomAt(seed ^ streamOf.places, index, 2);
  return [[name, [middle[0] + away * Math.cos(angle), middle[1] + away * Math.sin(angle)]]];
}

/** Nodes that move take the nearest gateway; one that stands has the link that its distance to its own gives it. */
function placeNodes(
  world: World,
  options: {
    nodes: readonly TwinNodePlan[];
    positions: ReadonlyMap<string, Position>;
    gateways: ReadonlyMap<string, Gateway>;
    random: RandomStreams;
  },
): void {
  const { nodes, positions, gateways, random } = options;
  const coverage = [...gateways.values()].flatMap(({ place, position, radiusM }): Coverage[] =>
    position ? [{ place, position, radiusM }] : [],
  );
  const moving = nodes.flatMap(({ name, moves, link }) => {
    const position = positions.get(name);
    if (!moves || !position) return [];
    const { metresPerSecond, from, to, restS } = moves;
    return [{ node: name, position, speedMPerS: metresPerSecond, area: { from, to }, restMs: 1000 * restS, radio: specOf(link) }];
  });
  if (moving.length > 0) startMobility(world, moving, coverage, random);
  const standing = new Map<string, [string, number][]>();
  for (const { name, moves, gateway: of, link } of nodes) {
    const position = positions.get(name);
    if (!position || moves) continue;
    standing.set(name, [
      ['position_x_m', position[0]],
      ['position_y_m', position[1]],
    ]);
    const gateway = gateways.get(of ?? '');
    if (!gateway?.position) continue;
    const away = Math.hypot(position[0] - gateway.position[0], position[1] - gateway.position[1]);
    standing.get(name)!.push(['gateway_distance_m', away]);
    const { up, ...shape } = linkAt(specOf(link), away, gateway.radiusM);
    world.conditions.shapeLink(name, { ...shape, cut: !up });
  }
  if (standing.size > 0) world.addReader((node) => standing.get(node) ?? []);
}

const energyPlace = ({ name, battery, solarW, grid }: TwinNodePlan, { place }: TwinSection): EnergyPlace => ({
  node: name,
  ...place,
  ...(battery && { battery: { capacityWh: battery.wattHours, charge: battery.charge } }),
  ...(solarW !== undefined && { solarPeakW: solarW }),
  onGrid: grid ?? battery === undefined,
});

function failuresOf({ failures }: TwinSection, nodes: readonly TwinNodePlan[]) {
  const named = (names: readonly string[]) =>
    nodes.filter(({ name, group }) => names.includes(name) || names.includes(group)).map(({ name }) => name);
  return {
    planned: failures.planned.map(({ kind, node, afterS, forS, speed, steals, loses }) => ({
      afterMs: 1000 * afterS,
      forMs: 1000 * forS,
      fault: faultOf(kind, node, { speed, steals, loses }),
    })),
    chance: failures.random.map(({ kind, nodes: of, everyS, forS }) => ({
      kind,
      nodes: named(of),
      everyMs: 1000 * everyS,
      forMs: 1000 * forS,
    })),
  };
}

function faultOf(
  kind: Fault['kind'],
  node: string,
  { speed, steals, loses }: { speed: number; steals: number; loses: number },
): Fault {
  switch (kind) {
    case 'slow':
      return { kind, node, speed };
    case 'misbehave':
      return { kind, node, steals, loses };
    default:
      return { kind, node };
  }
}
