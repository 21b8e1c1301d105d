import type { DryRunResult, DryRunSide } from '../../state/dry-run.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.dryRun;

/** A share of time, with a digit where it matters; number and sign stay on one line. */
export const percent = (share: number | null): string =>
  share === null ? words.notSimulated : `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}\u00a0%`;

export const savedPercent = ({ present, candidate }: Pick<DryRunResult, 'present' | 'candidate'>): number =>
  present.energyWh > 0 ? 100 * (1 - candidate.energyWh / present.energyWh) : 0;

/** What came of it, in one sentence. */
export function outcomeSentence(result: Pick<DryRunResult, 'present' | 'candidate'>): string {
  const { present, candidate } = result;
  const over = candidate.targets.flatMap((target, index) => {
    const [before, after] = [percent(present.targets[index]?.overTarget ?? null), percent(target.overTarget)];
    return before === after ? [] : [words.overWords(target.component, after, before)];
  });
  return words.outcome({ over, moves: [present.moves, candidate.moves], savedPercent: savedPercent(result) });
}

/** Seconds within which the same act of both sides counts as one. */
const sameS = 2;

/** When the first act of one side was not that of the other, s; null when both did the same. */
export function differFrom(present: Pick<DryRunSide, 'decisions'>, candidate: Pick<DryRunSide, 'decisions'>): number | null {
  const [mine, others] = [present, candidate].map(({ decisions }) => decisions.filter(({ isAct }) => isAct));
  for (let index = 0; index < Math.max(mine!.length, others!.length); index++) {
    const [one, other] = [mine![index], others![index]];
    if (!one || !other) return (one ?? other)!.atS;
    if (one.title !== other.title || Math.abs(one.atS - other.atS) > sameS) return Math.min(one.atS, other.atS);
  }
  return null;
}

/** "2:05", "1:02:05" */
export function formatOffset(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const rest = `${hours > 0 ? String(minutes).padStart(2, '0') : minutes}:${String(whole % 60).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
