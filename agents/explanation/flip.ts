import type { Expression } from '../decision/expression.ts';
import type { Candidate, Premise } from '../decision/record.ts';
import { linear, type Piece, piecesOf } from './pieces.ts';
import { collectPremises } from './premises.ts';
import { choose, recordedValues, type Scored, scoreOf, wasCoolingDown } from './what-if.ts';

export interface Flip {
  premise: string;
  name: string;
  unit: string;
  from: number;
  /** The nearest value that leads to another choice. */
  to: number;
  /** Candidate id of that other choice. */
  choice: string;
}

/** Points tried on each side where a score is curved, before the edge between two is narrowed down. */
const gridPoints = 64;
const bisections = 40;
/** How far past a computed edge the choice must change at the latest, in shares of the range: rounding moves edges a little. */
const nudges = [0, ...Array.from({ length: 15 }, (_, power) => 1e-15 * 4 ** power)];
const largestNudge = Math.max(...nudges);
/** Edges that rounding makes up are passed over, so many at most. */
const mostEdges = 2000;

/**
 * For each premise that may be tried (it has a range), the smallest change of it alone that flips the choice, nearest first relative to the
 * width of its range. Premises that flip nothing are left out. Exact for scores of straight pieces and trees: their edges are computed. Where
 * a score is curved in the premise, a flip inside less than 1/64 of the way to the range's end and back may be missed.
 */
export function flips(record: Scored): Flip[] {
  const search = new FlipSearch(record);
  return record.premises
    .flatMap((premise) => search.of(premise) ?? [])
    .sort((a, b) => a.distance - b.distance)
    .map(({ flip }) => flip);
}

/**
 * The smallest change of one premise alone that flips the choice, to staying where any value in its range does that; undefined when none flips it.
 */
export function flipOf(record: Scored, premiseId: string): Flip | undefined {
  const premise = record.premises.find(({ id }) => id === premiseId);
  if (!premise) return undefined;
  const search = new FlipSearch(record);
  return (record.choice === record.stay ? undefined : search.of(premise, true)?.flip) ?? search.of(premise)?.flip;
}

/** Searches one record, under its own values or others. */
export class FlipSearch {
  readonly #record: Scored;
  readonly #mayChange: boolean;
  readonly #values: Record<string, number>;
  /** Candidates with a score, and that score under the values at hand. */
  readonly #scored: (Candidate & { score: number })[];
  /** The same, best first, the first of equals first. */
  readonly #ranked: (Candidate & { score: number })[];
  readonly #readers = new Map<string, Set<string>>();

  constructor(record: Scored, changed: Readonly<Record<string, number>> = {}) {
    this.#record = record;
    this.#mayChange = !wasCoolingDown(record);
    this.#values = { ...recordedValues(record), ...changed };
    this.#scored = record.candidates.flatMap((candidate) =>
      candidate.score === null ? [] : [{ ...candidate, score: scoreOf(candidate, this.#values) }],
    );
    this.#ranked = this.#scored.toSorted((a, b) => b.score - a.score);
    for (const { id, terms } of this.#scored) {
      const used = new Set<string>();
      for (const { expression } of terms) collectPremises(expression, used);
      for (const premise of used) {
        const readers = this.#readers.get(premise) ?? new Set();
        this.#readers.set(premise, readers.add(id));
      }
    }
  }

  /** Choice under the values at hand. */
  get choice(): string {
    return choose(this.#scored, this.#record.stay, this.#record.neededMargin, this.#mayChange).choice;
  }

  /** Candidates, by id, whose score reads a premise. */
  readersOf(premise: string): ReadonlySet<string> {
    return this.#readers.get(premise) ?? new Set();
  }

  /** The nearest value with another choice; with `toStay`, the nearest at which nothing is changed. */
  of({ id, name, unit, range }: Premise, toStay = false): { flip: Flip; distance: number } | undefined {
    const readers = this.#readers.get(id);
    // In a cool-down nothing is changed, whatever the premises are.
    if (!range || !readers || !this.#mayChange) return undefined;
    const value = this.#values[id]!;
    const [low, high] = [Math.min(range[0], value), Math.max(range[1], value)];
    if (low === high) return undefined;
    const { stay, neededMargin } = this.#record;
    const relevant = this.#relevant(readers);
    const unchanged = this.choice;
    const choiceAt = (to: number): string => {
      this.#values[id] = to;
      const again = relevant.map((one) => (readers.has(one.id) ? { ...one, score: scoreOf(one, this.#values) } : one));
      this.#values[id] = value;
      return choose(again, stay, neededMargin, true).choice;
    };
    const edges = this.#edges(id, relevant, readers, unchanged, toStay, low, high);
    const byScore = relevant.filter((one) => one.id !== stay).sort((a, b) => b.score - a.score);
    /** As `choiceAt(to) === stay`, but done with at the first change that still leads: mostly the best one. */
    const staysAt = (to: number): boolean => {
      this.#values[id] = to;
      const scoreAt = (one: Candidate & { score: number }): number =>
        readers.has(one.id) ? scoreOf(one, this.#values) : one.score;
      const staying = relevant.find((one) => one.id === stay);
      const least = staying && scoreAt(staying);
      const leads = byScore.some((one) => {
        const margin = least === undefined ? Number.MAX_VALUE : scoreAt(one) - least;
        return margin >= neededMargin && margin > 0;
      });
      this.#values[id] = value;
      return !leads;
    };
    const isFlipped = (to: number): boolean => (toStay ? staysAt(to) : choiceAt(to) !== unchanged);
    const to = edges
      ? nearestFlipped(edges, value, low, high, isFlipped)
      : nearest(
          value,
          [low, high].map((end) => gridEdge(value, end, isFlipped)),
        );
    if (to === undefined) return undefined;
    return {
      flip: { premise: id, name, unit, from: value, to, choice: choiceAt(to) },
      distance: Math.abs(to - value) / (high - low),
    };
  }

  /** Of the candidates that the premise does not touch, staying and the two best are enough: no other can become the choice. */
  #relevant(readers: ReadonlySet<string>): (Candidate & { score: number })[] {
    const { stay } = this.#record;
    const best: Candidate[] = [];
    for (const one of this.#ranked) {
      if (one.id !== stay && !readers.has(one.id)) best.push(one);
      if (best.length === 2) break;
    }
    return this.#scored.filter((one) => one.id === stay || readers.has(one.id) || best.includes(one));
  }

  /** Values of the premise at which the choice may change; undefined when a score is curved in it. */
  #edges(
    id: string,
    relevant: (Candidate & { score: number })[],
    readers: ReadonlySet<string>,
    unchanged: string,
    toStay: boolean,
    low: number,
    high: number,
  ): number[] | undefined {
    const value = this.#values[id]!;
    const pieces = new Map<string, Piece[]>();
    const edges = new Set<number>();
    for (const { id: candidate, score, terms } of relevant) {
      let sum: Piece[] = [{ end: high, slope: 0, intercept: readers.has(candidate) ? 0 : score }];
      for (const { expression } of readers.has(candidate) ? terms : []) {
        const term = piecesOf(expression, id, this.#values, low, high);
        if (!term) return undefined;
        sum = linear(sum, term, 1);
      }
      pieces.set(candidate, sum);
      // Where steps meet, a score may have a value at that one place alone: "at most 1" and "at least 1" both hold at 1.
      if (readers.has(candidate) && terms.some(({ expression }) => hasSteps(expression)))
        for (const { end } of sum) edges.add(end);
    }
    const { stay, neededMargin } = this.#record;
    const staying = pieces.get(stay);
    const kept = pieces.get(unchanged)!;
    for (const [candidate, score] of pieces) {
      if (toStay && staying) {
        // Each change must lose its lead over staying: the last to do so decides.
        if (candidate !== stay)
          for (const edge of entries(linear(staying, score, -1), -neededMargin, value, low)) edges.add(edge);
        continue;
      }
      if (candidate === unchanged) continue;
      // What must come to be at least 0 for the choice to become this one, or to fall back to staying.
      const lead =
        candidate === stay
          ? { of: linear(score, kept, -1), by: -neededMargin }
          : unchanged === stay && staying
            ? { of: linear(score, staying, -1), by: neededMargin }
            : { of: linear(score, kept, -1), by: 0 };
      for (const edge of entries(lead.of, lead.by, value, low)) edges.add(edge);
    }
    return [...edges];
  }
}

function hasSteps(expression: Expression): boolean {
  if (expression.op === 'trees' || expression.op === 'atMost') return true;
  return 'args' in expression && expression.args.some(hasSteps);
}

/** Of each piece that reaches `by` at all, the place nearest to `from` where it does. */
function entries(pieces: Piece[], by: number, from: number, low: number): number[] {
  let start = low;
  return pieces.flatMap(({ end, slope, intercept }) => {
    let [a, b] = [start, end];
    start = end;
    if (slope === 0) {
      if (intercept < by) return [];
    } else {
      const crossing = (by - intercept) / slope;
      if (slope > 0) a = Math.max(a, crossing);
      else b = Math.min(b, crossing);
      if (a > b) return [];
    }
    return [Math.min(Math.max(from, a), b)];
  });
}

/** The nearest of the edges at which, or right after which, the choice is another. */
function nearestFlipped(
  edges: number[],
  from: number,
  low: number,
  high: number,
  isFlipped: (value: number) => boolean,
): number | undefined {
  const ordered = edges.sort((a, b) => Math.abs(a - from) - Math.abs(b - from)).slice(0, mostEdges);
  for (const edge of ordered)
    for (const side of edge === from ? [1, -1] : [Math.sign(edge - from)]) {
      const after = (nudge: number): number =>
        Math.min(Math.max(edge + side * nudge * Math.max(high - low, Math.abs(edge)), low), high);
      // Most edges are another candidate's: two tries tell, but where the other choice holds for less than the largest nudge.
      if (!isFlipped(after(0)) && !isFlipped(after(largestNudge))) continue;
      const nudge = nudges.find((one) => isFlipped(after(one)));
      if (nudge !== undefined) return after(nudge);
    }
  return undefined;
}

const nearest = (from: number, edges: (number | undefined)[]): number | undefined =>
  edges.reduce((a, b) => (a === undefined || (b !== undefined && Math.abs(b - from) < Math.abs(a - from)) ? b : a), undefined);

function gridEdge(from: number, end: number, isFlipped: (value: number) => boolean): number | undefined {
  if (from === end) return undefined;
  let kept = from;
  for (let step = 1; step <= gridPoints; step++) {
    const value = from + ((end - from) * step) / gridPoints;
    if (!isFlipped(value)) {
      kept = value;
      continue;
    }
    let flipped = value;
    for (let i = 0; i < bisections; i++) {
      const middle = (kept + flipped) / 2;
      if (isFlipped(middle)) flipped = middle;
      else kept = middle;
    }
    return flipped;
  }
  return undefined;
}
