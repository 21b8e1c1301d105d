export interface WaterfallInput {
  base: number;
  contributions: readonly { name: string; value: number }[];
  margin: number;
}
export interface WaterfallRow {
  label: string;
  value: number;
  /** Where the bar begins and ends on the score's scale; begin may be right of end. */
  from: number;
  to: number;
  kind: 'base' | 'towards' | 'against' | 'total';
}

/** Rows of a waterfall: from nothing to the base, then each contribution from where the one before ended, then the sum from nothing. */
export function waterfallRows(
  { base, contributions, margin }: WaterfallInput,
  words: { base: string; total: string },
): WaterfallRow[] {
  const rows: WaterfallRow[] = [{ label: words.base, value: base, from: 0, to: base, kind: 'base' }];
  let at = base;
  for (const { name, value } of contributions) {
    rows.push({ label: name, value, from: at, to: at + value, kind: value >= 0 ? 'towards' : 'against' });
    at += value;
  }
  rows.push({ label: words.total, value: margin, from: 0, to: margin, kind: 'total' });
  return rows;
}

/** The scale that holds every bar, zero and the needed margin, with a little air at both ends. */
export function waterfallDomain(rows: readonly WaterfallRow[], neededMargin: number): [number, number] {
  const ends = rows.flatMap((row) => [row.from, row.to]);
  const low = Math.min(0, neededMargin, ...ends);
  const high = Math.max(0, neededMargin, ...ends);
  const air = Math.max(1e-6, high - low) * 0.02;
  return [low - air, high + air];
}

/** Contributions too small to see are told as one, so that the list stays readable; their sum is kept. */
export function foldSmall(
  contributions: readonly { name: string; value: number }[],
  most: number,
): { name: string; value: number }[] {
  if (contributions.length <= most) return [...contributions];
  const bySize = [...contributions].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const rest = bySize.slice(most - 1);
  return [...bySize.slice(0, most - 1), { name: `${rest.length} others`, value: rest.reduce((sum, one) => sum + one.value, 0) }];
}
