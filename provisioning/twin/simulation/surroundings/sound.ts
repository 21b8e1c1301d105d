import { gaussianOf, hash, randomAt } from '../random.ts';
import type { World } from '../world.ts';

/** A quiet street at night, and speech at about 1 m (60–70): Caltrans, Technical Noise Supplement (2013), table 2-5, typical A-weighted levels. It wanders by about 1 dB. */
const quiet = { db: 38, straysDb: 1, everyMs: 60_000 } as const;
/** At 1 m. Steps are taken to be a tenth of the power of speech, and half of the time somebody speaks. */
const person = { speechDb: 60, stepsDb: 50, speaks: 0.5, forMs: 4000 } as const;
/** From the microphone, m: of who is in view, and of who is about to come into it, at a walk for some seconds. */
const distances = { inView: [2, 6], approaching: [6, 9] } as const;
const approachMs = 3000;
/** Now and then something goes by that is no person: a car, at 62–72 dB(A), once in four minutes or so. */
const car = { leastDb: 62, mostDb: 72, chance: 0.03, forMs: 8000 } as const;
/** Of the microphone. */
const noise = { db: 0.5, everyMs: 100 } as const;

/** Microphones at some nodes: sound_level_db, in dB(A), from who passes by and what else is to be heard, the same for the same seed however often it is read. */
export function startSound(world: World, nodes: readonly string[]): void {
  const microphones = new Set(nodes);
  for (const node of nodes) world.indexOf(node);
  world.addReader((node) => {
    if (!microphones.has(node) || !Number.isFinite(world.now)) return [];
    const { inView, isApproached } = world.near(node, approachMs);
    return [['sound_level_db', soundLevelDb({ seed: world.seed, node, now: world.now, inView, isApproached })]];
  });
}

export interface Heard {
  seed: number;
  node: string;
  /** ms since the epoch. */
  now: number;
  inView: number;
  /** Somebody is about to come into view. */
  isApproached: boolean;
}

/** Sounds of different origin add up by their power; one is weaker by 6 dB at twice the distance. */
export function soundLevelDb({ seed, node, now, inView, isApproached }: Heard): number {
  const random = (of: string, block: number): number => randomAt(seed ^ hash(`${node} ${of}`), block, 1);
  const powers = [10 ** (streetDb(random, now) / 10)];
  const block = Math.floor(now / car.forMs);
  if (random('car', block) < car.chance)
    powers.push(10 ** ((car.leastDb + (car.mostDb - car.leastDb) * random('car is loud', block)) / 10));
  const add = (index: number, [near, far]: readonly [number, number]): void => {
    const at = Math.floor(now / person.forMs) + 7919 * index;
    const metres = near + (far - near) * random('distance', at);
    const loudDb = random('speech', at) < person.speaks ? person.speechDb : person.stepsDb;
    powers.push(10 ** ((loudDb - 20 * Math.log10(metres)) / 10));
  };
  for (let index = 0; index < inView; index++) add(index, distances.inView);
  if (isApproached) add(inView, distances.approaching);
  const tick = Math.floor(now / noise.everyMs);
  const stray = gaussianOf(random('noise', tick), random('noise too', tick));
  return 10 * Math.log10(powers.reduce((sum, power) => sum + power, 0)) + noise.db * stray;
}

/** Between two minutes on a straight line. */
function streetDb(random: (of: string, block: number) => number, now: number): number {
  const block = Math.floor(now / quiet.everyMs);
  const at = (one: number): number => gaussianOf(random('street', one), random('street too', one));
  const share = now / quiet.everyMs - block;
  return quiet.db + quiet.straysDb * ((1 - share) * at(block) + share * at(block + 1));
}
