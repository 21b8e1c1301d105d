import { formatNumber, formatQuantity, quantity } from '../../parts/format.ts';
import type { Candidate, DecisionRecord, Premise } from '../../state/types.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.decisions;

export const candidateOf = (record: DecisionRecord, id: string): Candidate | undefined =>
  record.candidates.find((candidate) => candidate.id === id);

/** The best feasible change: what staying was held against. */
export function bestChangeOf(candidates: readonly Candidate[], stay: string): Candidate | undefined {
  return candidates
    .filter((candidate) => candidate.id !== stay && candidate.score !== null)
    .sort((a, b) => (b.score ?? 0) - (a.score ?? 0))[0];
}

/** A premise without unit that ranges from 0 to 1 is a share. */
export const premiseUnit = (premise: Pick<Premise, 'unit' | 'range'>): string =>
  premise.unit === '' && premise.range?.[0] === 0 && premise.range[1] === 1 ? 'ratio' : premise.unit;

export const formatPremise = (premise: Pick<Premise, 'unit' | 'range'>, value: number): string =>
  formatQuantity(value, premiseUnit(premise));

/** "1 → 3" with the unit once: how a premise differs from what it usually is. */
export function formatChange(premise: Premise): string {
  const unit = premiseUnit(premise);
  // What is counted is whole to people, unless that hides the change.
  const isCount = unit === '' && premise.range !== undefined && premise.range[1] > 1;
  const round = isCount && Math.round(premise.usual) !== Math.round(premise.value) ? Math.round : (value: number) => value;
  const before = quantity(round(premise.usual), unit);
  const after = quantity(round(premise.value), unit);
  return `${before.text} → ${after.text}${after.unit ? ` ${after.unit}` : ''}`;
}

/** What follows the first colon or "because" of the sentence: the reason alone, for a list. */
export function reasonOf(record: DecisionRecord): string {
  const found = /(?:: |, because )(.+?)\.?$/s.exec(record.sentence);
  const reason = found?.[1] ?? record.sentence;
  return upperFirst(reason);
}

export const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** "stay on worker-1", "move to worker-2": a label inside a sentence. */
export const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** "It would have stayed on worker-1", "It would still have moved to worker-2". */
export function wouldHave(record: DecisionRecord, choice: string): string {
  const candidate = candidateOf(record, choice);
  const still = choice === record.choice ? 'still ' : '';
  const action = candidate?.action;
  switch (action?.kind) {
    case 'stay':
      return words.itWouldHave(still, action.host ? ` on ${action.host}` : '');
    case 'move':
      return words.itWouldHaveMoved(still, action.component, action.to);
    case 'deploy':
      return words.itWouldHavePlaced(still, action.component, action.host);
    case 'placeOnCluster':
      return words.itWouldHavePlacedOn(still, action.component, action.cluster);
    default:
      return words.itWouldHaveChosen(still, candidate?.label ?? choice);
  }
}

/** A margin that is the largest number there is stands for "staying was not possible". */
export const stayWasPossible = (margin: number | null): boolean => margin === null || Math.abs(margin) < Number.MAX_VALUE;

export const formatMargin = (margin: number | null): string => (margin === null ? '–' : formatNumber(margin, 2));
