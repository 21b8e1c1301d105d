import type { RandomStreams } from '../random.ts';
import type { World } from '../world.ts';

/** Metres east and north of the scenario's middle. */
export type Position = readonly [x: number, y: number];

/** Where mobile nodes connect to: a gateway, a base station. */
export interface Coverage {
  /** Its place in the network. */
  place: number;
  position: Position;
  radiusM: number;
}

export interface MobileNode {
  node: string;
  position: Position;
  speedMPerS: number;
  /** It goes from place to place within this area, resting at each. */
  area: { from: Position; to: Position };
  restMs: number;
  /** Of its radio, close to a gateway. */
  radio: { latencyMs: number; bytesPerSecond: number; loss?: number };
}

const stepMs = 1000;
/** A node changes to another gateway only when that is nearer by so much, so that it does not go back and forth at the border. */
const nearerBy = 0.85;

/**
 * What is left of a radio link at a distance: its rate falls and its loss rises towards the border of the coverage, with the square of the distance as
 * received power does in free space (Friis, 1946), and lost frames are sent again, which takes time. Beyond the border nothing arrives.
 */
export function linkAt(radio: MobileNode['radio'], distanceM: number, radiusM: number) {
  const share = Math.min(1, distanceM / radiusM);
  const loss = 1 - (1 - (radio.loss ?? 0)) * (1 - 0.001 - 0.2 * share ** 4);
  return {
    latencyMs: radio.latencyMs * (1 + 4 * share ** 2),
    bytesPerSecond: radio.bytesPerSecond * Math.max(0.02, 1 - share ** 2),
    loss,
    up: distanceM <= radiusM,
  };
}

/**
 * Nodes that move, from one random place to the next at constant speed with rests (random waypoint; Johnson and Maltz, 1996). Their links grow longer
 * and worse with distance, and are handed over to a nearer gateway. Readings: position_x_m, position_y_m, gateway_distance_m.
 */
export function startMobility(
  world: World,
  nodes: readonly MobileNode[],
  coverage: readonly Coverage[],
  random: RandomStreams,
): void {
  const moving = nodes.map((mobile, index) => ({
    ...mobile,
    index,
    at: world.indexOf(mobile.node),
    link: world.conditions.accessLink(mobile.node),
    x: mobile.position[0],
    y: mobile.position[1],
    target: mobile.position,
    restUntil: Number.NEGATIVE_INFINITY,
    gateway: nearest(coverage, mobile.position),
  }));
  const byName = new Map(moving.map((mobile) => [mobile.node, mobile]));
  world.addReader((node) => {
    const mobile = byName.get(node);
    if (!mobile) return [];
    return [
      ['position_x_m', mobile.x],
      ['position_y_m', mobile.y],
      ['gateway_distance_m', distance([mobile.x, mobile.y], mobile.gateway.position)],
    ];
  });
  world.whenRunning((engine) => {
    const { network } = engine;
    const connect = (mobile: (typeof moving)[number]): void => {
      const here: Position = [mobile.x, mobile.y];
      const near = nearest(coverage, here);
      const ownDistance = distance(here, mobile.gateway.position);
      if (near !== mobile.gateway && distance(here, near.position) < nearerBy * ownDistance) mobile.gateway = near;
      network.rehang(mobile.link, engine.places[mobile.at]!, mobile.gateway.place);
      const { up, ...link } = linkAt(mobile.radio, distance(here, mobile.gateway.position), mobile.gateway.radiusM);
      world.conditions.shapeLink(mobile.node, { ...link, cut: !up });
    };
    const kind = engine.process((index, now) => {
      const mobile = moving[index]!;
      if (now >= mobile.restUntil && move(mobile)) {
        mobile.restUntil = now + mobile.restMs;
        const { from, to } = mobile.area;
        mobile.target = [from[0] + random.of(index) * (to[0] - from[0]), from[1] + random.of(index) * (to[1] - from[1])];
      }
      connect(mobile);
      engine.schedule(now + stepMs, kind, index);
    });
    for (const mobile of moving) {
      connect(mobile);
      engine.schedule(engine.now + stepMs, kind, mobile.index);
    }
  });
}

/** @returns whether it has arrived */
function move(mobile: { x: number; y: number; target: Position; speedMPerS: number }): boolean {
  const left = distance([mobile.x, mobile.y], mobile.target);
  const step = (mobile.speedMPerS * stepMs) / 1000;
  if (left <= step) {
    [mobile.x, mobile.y] = mobile.target;
    return true;
  }
  mobile.x += ((mobile.target[0] - mobile.x) * step) / left;
  mobile.y += ((mobile.target[1] - mobile.y) * step) / left;
  return false;
}

const distance = ([x, y]: Position, [u, v]: Position): number => Math.hypot(x - u, y - v);

function nearest(coverage: readonly Coverage[], position: Position): Coverage {
  const [first, ...others] = coverage;
  if (!first) throw new RangeError('mobile nodes need a gateway to connect to');
  return others.reduce((best, one) => (distance(one.position, position) < distance(best.position, position) ? one : best), first);
}
