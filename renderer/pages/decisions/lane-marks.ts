import { type DecisionRecord, isAct, type Layer } from '../../state/types.ts';

export interface LaneMark {
  layer: Layer;
  act: boolean;
  /** px */
  x: number;
  /** Newest last; several when their marks would cover each other. */
  records: DecisionRecord[];
}

/** Marks of acts and non-acts by layer. Neighbours of one kind that lie nearer than `gapPx` become one. */
export function laneMarks(decisions: readonly DecisionRecord[], x: (time: number) => number, gapPx: number): LaneMark[] {
  const last = new Map<string, LaneMark>();
  const marks: LaneMark[] = [];
  for (const record of [...decisions].sort((a, b) => a.time - b.time)) {
    const act = isAct(record);
    const { layer } = record.agent;
    const at = x(record.time);
    const before = last.get(`${layer} ${act}`);
    if (before && at - before.x < gapPx) {
      before.records.push(record);
      continue;
    }
    const mark: LaneMark = { layer, act, x: at, records: [record] };
    last.set(`${layer} ${act}`, mark);
    marks.push(mark);
  }
  return marks;
}
