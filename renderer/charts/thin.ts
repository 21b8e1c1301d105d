import { indexAt, type Line } from './lines.ts';

type Points = Pick<Line, 'times' | 'values'>;

/**
 * What a drawing of so many columns can show of a line: of each column its first, lowest, highest and last point (M4: Jugel et al., VLDB 2014), which
 * draws the very same pixels. Gaps that reach over a column's edge stay gaps. One point beyond each end stays, so that lines run to the edges.
 * A line that has few points in the range is given as it is.
 * @param from and to: ms; `times` ascend
 */
export function thin(line: Points, from: number, to: number, columns: number): Points {
  const { times, values } = line;
  const begin = Math.max(0, indexAt(times, from));
  const end = Math.min(times.length, indexAt(times, to) + 2);
  if (end - begin <= 4 * columns || columns < 1) return line;
  const kept: { times: number[]; values: (number | null)[] } = { times: [], values: [] };
  const keep = (index: number) => {
    kept.times.push(times[index] ?? 0);
    kept.values.push(values[index] ?? null);
  };
  let first = begin;
  for (let column = 1; first < end; column++) {
    const edge = column > columns ? end : Math.min(end, 1 + indexAt(times, from + ((to - from) * column) / columns));
    if (edge <= first) continue;
    let lowest = first;
    let highest = first;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let index = first; index < edge; index++) {
      const value = values[index] as number | null;
      if (value === null) continue;
      if (value < low) {
        low = value;
        lowest = index;
      }
      if (value > high) {
        high = value;
        highest = index;
      }
    }
    const last = edge - 1;
    keep(first);
    const [one, other] = lowest < highest ? [lowest, highest] : [highest, lowest];
    if (one > first && one < last) keep(one);
    if (other > first && other < last && other !== one) keep(other);
    if (last > first) keep(last);
    first = edge;
  }
  return kept;
}
