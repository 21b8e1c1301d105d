import { join } from 'node:path';
import { modelOf } from './model.ts';
import type { PolicyChange, Present } from './present.ts';
import { type DryRunProgress, type DryRunResult, type DryRunSide, dryRunSideNames } from './result.ts';
import { runSide } from './side.ts';

export interface DryRunOptions {
  present: Present;
  change: PolicyChange;
  minutes: number;
  /** Same seed, same scenario, on both sides. */
  seed: number;
  /** For policy files while it runs; whoever made it removes it. */
  folder: string;
  onProgress: (progress: DryRunProgress) => void;
}

/**
 * A cluster simulated twice from its present state on: with the policies as they are, and with one of them changed. Policies see what the simulated nodes
 * tell and nothing else; what is measured is read from the physics. Same arguments, same result, as far as the policies are.
 * @throws CandidateError when what is to be tried cannot be used
 */
export async function dryRun({ present, change, minutes, seed, folder, onProgress }: DryRunOptions): Promise<DryRunResult> {
  const startedAt = performance.now();
  const model = modelOf(present);
  // What is to be tried goes first: when it cannot be used, nobody waits for the other side.
  const sides: Partial<Record<(typeof dryRunSideNames)[number], DryRunSide>> = {};
  for (const [index, side] of [...dryRunSideNames].reverse().entries())
    sides[side] = await runSide({
      present,
      model,
      change: side === 'candidate' ? change : null,
      minutes,
      seed,
      folder: join(folder, side),
      onProgress: (done) => onProgress({ side, done: (index + done) / dryRunSideNames.length }),
    });
  return {
    cluster: present.cluster,
    takenAt: present.takenAt,
    minutes,
    seed,
    wallMs: performance.now() - startedAt,
    parameters: model.parameters,
    notes: model.notes,
    present: sides.present!,
    candidate: sides.candidate!,
  };
}
