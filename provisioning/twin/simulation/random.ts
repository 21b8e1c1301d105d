/** Numbers in [0, 1), the same for the same seed. */
export type Random = () => number;

/** Mulberry32 (public domain, Tommy Ettinger): 32 bits of state are enough for a scenario. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    return mixed(state);
  };
}

/** One number of its own for each node or application, so that what happens to one changes nothing of another. */
export class RandomStreams {
  readonly #states: Uint32Array;

  constructor(count: number, seed: number) {
    this.#states = Uint32Array.from({ length: count }, (_, index) => Math.floor(randomAt(seed, index, 0x9e37) * 2 ** 32));
  }

  of(index: number): number {
    const state = (this.#states[index]! + 0x6d2b79f5) >>> 0;
    this.#states[index] = state;
    return mixed(state);
  }
}

/** The number that belongs to (seed, a, b), in [0, 1): what is read by chance is the same however often it is read. */
export function randomAt(seed: number, a: number, b: number): number {
  const once = Math.imul((seed ^ Math.imul(a, 0x9e3779b1)) >>> 0, 0x85ebca6b) >>> 0;
  return mixed((Math.imul((once ^ (once >>> 13) ^ Math.imul(b, 0xc2b2ae35)) >>> 0, 0x27d4eb2f) + 0x6d2b79f5) >>> 0);
}

function mixed(state: number): number {
  let bits = Math.imul(state ^ (state >>> 15), state | 1);
  bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
  return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
}

/** Standard normal, by Box and Muller, of two numbers in [0, 1). */
export const gaussianOf = (first: number, second: number): number =>
  Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second);
export const gaussian = (random: Random): number => gaussianOf(random(), random());

/** Exponential waiting time with the given mean. */
export const waitingTime = (random: Random, mean: number): number => -Math.log(1 - random()) * mean;

/** FNV-1a, 32 bits: a number for a name. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return value;
}
