import { editDistance } from '../../agents/descriptions/nearest.ts';

/** The known word that was probably meant: at most a third of its letters differ, case aside. null when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  const near = known
    .map((one) => ({ one, distance: editDistance(word.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, distance }) => distance <= Math.max(1, Math.floor(one.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.one ?? null;
}
