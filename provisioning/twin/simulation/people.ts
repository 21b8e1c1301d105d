import { type Random, waitingTime } from './random.ts';

/** Median 3–4, up to 14, as seen over 12 h in the framework's smart-city experiment. */
const usualPeople = 3.5;
const mostPeople = 14;
/** How long one stays in view. */
const stayMs = 30_000;

/** What happens at first, so that something is worth deciding soon: ms since the start, and people from then on. */
const script: readonly [fromMs: number, people: number][] = [
  [0, 1],
  [3000, 3],
];
/** From here on people come and go by chance. */
const scriptEndsMs = 60_000;

/** Items that come and go: so many on the mean, each for about so long. */
export interface ItemsModel {
  mean: number;
  stayMs: number;
  /** How many there are at first; without it, about the mean. */
  now?: number;
}

/** People in view of one camera: a short script, then arrivals and departures at random (M/M/∞). Items of a model of their own have no script. */
export class PeopleInView {
  readonly #random: Random;
  readonly #startedAt: number;
  readonly #mean: number;
  readonly #stayMs: number;
  readonly #most: number;
  /** How long the script is, ms. */
  readonly #scriptMs: number;
  #people: number;
  #nextAt: number;
  /** What the next change is: drawn ahead, for who comes is heard before he is seen; null before the first. */
  #isArrival: boolean | null = null;
  #fixed: number | null = null;

  /** `startedAt` is when the camera began to look, ms since the epoch. */
  constructor(random: Random, startedAt: number, model?: ItemsModel) {
    this.#random = random;
    this.#startedAt = startedAt;
    this.#mean = model?.mean ?? usualPeople;
    this.#stayMs = model?.stayMs ?? stayMs;
    this.#most = model ? Math.max(mostPeople, Math.ceil(4 * model.mean)) : mostPeople;
    this.#scriptMs = model ? 0 : scriptEndsMs;
    this.#people = model ? Math.min(Math.round(model.now ?? model.mean), this.#most) : script.at(-1)![1];
    this.#nextAt = startedAt + this.#scriptMs;
  }

  /** When the number may change next, ms since the epoch. */
  nextAfter(time: number): number {
    const since = time - this.#startedAt;
    if (since >= this.#scriptMs) return this.#nextAt;
    return this.#startedAt + (script.find(([from]) => from > since)?.[0] ?? this.#scriptMs);
  }

  /** Keeps the number where it is put; null lets chance go on. */
  fix(people: number | null): void {
    this.#fixed = people === null ? null : Math.min(Math.max(0, Math.round(people)), this.#most);
  }

  /** Whether somebody will come into view within so many ms; of those who are put there nobody knows before. `time` must not go back. */
  isApproached(time: number, withinMs: number): boolean {
    this.at(time);
    return this.#fixed === null && this.#isArrival === true && this.#nextAt - time <= withinMs;
  }

  /** `time` must not go back. */
  at(time: number): number {
    while (this.#nextAt <= time) {
      if (this.#isArrival !== null) this.#people = Math.min(this.#people + (this.#isArrival ? 1 : -1), this.#most);
      const arrivals = this.#mean / this.#stayMs;
      const departures = this.#people / this.#stayMs;
      this.#nextAt += waitingTime(this.#random, 1 / (arrivals + departures));
      this.#isArrival = this.#random() * (arrivals + departures) < arrivals;
    }
    if (this.#fixed !== null) return this.#fixed;
    const since = time - this.#startedAt;
    if (since >= this.#scriptMs) return this.#people;
    return script.findLast(([from]) => from <= since)?.[1] ?? script[0]![1];
  }
}
