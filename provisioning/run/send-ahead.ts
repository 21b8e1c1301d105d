import type { Transfer } from '../ssh/transfer.ts';
import type { StepFile } from './phase.ts';
import { isLarge } from './script.ts';
import { asTransfer, type ObservedPhase } from './steps.ts';

/** Digests of files that have been sent for a step, by the path where they wait. */
export type Sent = ReadonlyMap<string, string>;
const nothing: Sent = new Map();

/**
 * Sends large files of steps that will be needed while the steps before them run (a host installs packages meanwhile), one after the other
 * in the order of the recipe; only of steps that say that their files do not depend on the hosts. What cannot be sent now is tried
 * again, and complained of, when its step's turn comes.
 */
export class SendAhead {
  readonly #sent = new Map<string, Promise<Sent>>();

  constructor(observed: readonly ObservedPhase[], send: (file: Transfer) => Promise<void>, hide: (file: StepFile) => void) {
    let before: Promise<unknown> = Promise.resolve();
    for (const { phase, steps, inPlace } of observed) {
      for (const step of steps ?? []) {
        if (step.filesEarly !== true || step.files === undefined || inPlace.get(step.id) !== false) continue;
        const files = step.files;
        const sending = before
          .then(async (): Promise<Sent> => {
            const sent = new Map<string, string>();
            for (const file of await files()) {
              hide(file);
              if (!isLarge(file)) continue;
              const transfer = asTransfer(file);
              await send(transfer);
              sent.set(transfer.path, transfer.sha256);
            }
            return sent;
          })
          .catch(() => nothing);
        before = sending;
        this.#sent.set(`${phase.id}/${step.id}`, sending);
      }
    }
  }

  /** Waits for what is being sent for a step. */
  of(phase: string, step: string): Promise<Sent> {
    return this.#sent.get(`${phase}/${step}`) ?? Promise.resolve(nothing);
  }

  /** Waits until nothing is being sent any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#sent.values());
  }
}
