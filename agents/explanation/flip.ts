import { rescore, type Scored } from './what-if.ts';

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

/** Points tried on each side of the recorded value, before the edge between two is narrowed down. */
const gridPoints = 64;
const bisections = 40;

/**
 * For each premise that may be tried (it has a range), the smallest change of it alone that flips the choice, nearest first relative to the
 * width of its range. Premises that flip nothing are left out. A flip inside less than 1/64 of the way to the range's end and back may be missed.
 */
export function flips(record: Scored): Flip[] {
  const found = record.premises.flatMap((premise) => {
    if (!premise.range) return [];
    const [low, high] = premise.range;
    const choiceAt = (value: number): string => rescore(record, { [premise.id]: value }).choice;
    const unchanged = choiceAt(premise.value);
    const edges = [low, high].flatMap((end) => {
      const edge = nearestEdge(premise.value, end, (value) => choiceAt(value) !== unchanged);
      return edge === undefined ? [] : [edge];
    });
    if (edges.length === 0) return [];
    const to = edges.reduce((a, b) => (Math.abs(b - premise.value) < Math.abs(a - premise.value) ? b : a));
    const distance = Math.abs(to - premise.value) / (high - low || 1);
    const flip: Flip = {
      premise: premise.id,
      name: premise.name,
      unit: premise.unit,
      from: premise.value,
      to,
      choice: choiceAt(to),
    };
    return [{ flip, distance }];
  });
  return found.sort((a, b) => a.distance - b.distance).map(({ flip }) => flip);
}

function nearestEdge(from: number, end: number, isFlipped: (value: number) => boolean): number | undefined {
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
