/** Numbers in [0, 1), the same for the same seed. */
export type Random = () => number;

/** Mulberry32 (public domain, Tommy Ettinger): 32 bits of state are enough for a scenario. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal, by Box and Muller. */
export const gaussian = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Exponential waiting time with the given mean. */
export const waitingTime = (random: Random, mean: number): number => -Math.log(1 - random()) * mean;
