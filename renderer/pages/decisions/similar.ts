import type { DecisionRecord, Premise } from '../../state/types.ts';

export interface Similar {
  record: DecisionRecord;
  /** 0 when every premise that both rest on was the same; 1 about as far apart as they ever are. */
  distance: number;
  /** The premise in which they differ most. */
  most: { premise: Premise; other: number } | null;
}

/** How far a premise may go: what may be tried, or what it usually is. */
const spanOf = ({ range, usual, value }: Premise): number =>
  range ? Math.max(1e-9, range[1] - range[0]) : Math.max(1e-9, Math.abs(usual), Math.abs(value));

/** Decisions about the same component by the same policy, those under the most similar premises first. */
export function similarDecisions(record: DecisionRecord, decisions: readonly DecisionRecord[], most = 5): Similar[] {
  const mine = new Map(record.premises.map((premise) => [premise.id, premise]));
  return decisions
    .filter(
      (other) =>
        other.id !== record.id &&
        other.policy.name === record.policy.name &&
        other.component === record.component &&
        other.application === record.application,
    )
    .flatMap((other): Similar[] => {
      let sum = 0;
      let shared = 0;
      let furthest: { premise: Premise; other: number; by: number } | null = null;
      for (const { id, value } of other.premises) {
        const premise = mine.get(id);
        if (!premise) continue;
        const by = Math.abs(value - premise.value) / spanOf(premise);
        sum += by * by;
        shared++;
        if (by > 0.005 && (!furthest || by > furthest.by)) furthest = { premise, other: value, by };
      }
      if (shared === 0) return [];
      return [
        {
          record: other,
          distance: Math.sqrt(sum / shared),
          most: furthest && { premise: furthest.premise, other: furthest.other },
        },
      ];
    })
    .sort((a, b) => a.distance - b.distance || b.record.time - a.record.time)
    .slice(0, most);
}
