import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { begunSchema } from './decider.ts';
import { pendingOutcomeSchema } from './outcomes.ts';

export const loopStateSchema = z.object({
  /** ms since the epoch of the last change, by "application/component". */
  lastChange: z.record(z.string(), z.number()),
  pending: z.array(pendingOutcomeSchema),
  /** What each policy has learnt, by its name. */
  policies: z.record(z.string(), z.json()),
  /** Plans that were being carried out, each with its decision as it was last told. */
  begun: z.array(begunSchema).default([]),
});
export type LoopState = z.infer<typeof loopStateSchema>;

/** Where a loop keeps what must survive a restart. */
export interface StateStore {
  /** undefined when there is none yet. @throws Error when there is one that cannot be read. */
  load(): Promise<LoopState | undefined>;
  save(state: LoopState): Promise<void>;
}

/** A file, replaced atomically. */
export function fileStateStore(path: string): StateStore {
  let last: Promise<void> = Promise.resolve();
  const write = async (state: LoopState): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
    await rename(`${path}.new`, path);
  };
  return {
    async load() {
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      }
      return loopStateSchema.parse(JSON.parse(text));
    },
    save(state) {
      // One write at a time, or two would race for the same temporary file.
      last = last.catch(() => {}).then(() => write(state));
      return last;
    },
  };
}

/** For twins and tests that do not restart: nothing outlives the process. */
export function memoryStateStore(initial?: LoopState): StateStore & { current(): LoopState | undefined } {
  let state = initial;
  return {
    load: async () => state,
    save: async (next) => {
      state = structuredClone(next);
    },
    current: () => state,
  };
}
