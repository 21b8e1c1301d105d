import { create } from 'zustand';
import type { EventOf, InputOf } from '../../main/contract/contract.ts';
import { currentClient, type ShownError, shownError } from './connection.ts';

export type DryRunInput = InputOf<'policies.dryRun'>;
type DryRunEvent = EventOf<'policies.dryRun'>;
export type DryRunResult = Extract<DryRunEvent, { type: 'done' }>['result'];
export type DryRunSide = DryRunResult['present'];

interface DryRunState {
  /** What the state is of; null before the first. */
  input: DryRunInput | null;
  /** 0–1 while it goes on; null while it does not. */
  done: number | null;
  side: 'present' | 'candidate' | null;
  /** What the simulation was made of, once the present state has been read. */
  read: Extract<DryRunEvent, { type: 'present' }> | null;
  result: DryRunResult | null;
  error: ShownError | null;
}

const none: DryRunState = { input: null, done: null, side: null, read: null, result: null, error: null };

/** The dry run of this window: one at a time. It goes on while other pages are looked at. */
export const useDryRun = create<DryRunState>()(() => none);

let open: { close(): void } | null = null;

export function startDryRun(input: DryRunInput): void {
  open?.close();
  useDryRun.setState({ ...none, input, done: 0 });
  const own = currentClient().open(
    'policies.dryRun',
    input,
    (event) => {
      if (open !== own) return;
      if (event.type === 'present') useDryRun.setState({ read: event });
      else if (event.type === 'progress') useDryRun.setState({ done: event.done, side: event.side });
      else useDryRun.setState({ result: event.result });
    },
    (error) => {
      if (open !== own) return;
      open = null;
      useDryRun.setState({ done: null, error: error ? shownError(error) : null });
    },
  );
  open = own;
}

export function cancelDryRun(): void {
  open?.close();
  open = null;
  useDryRun.setState({ ...none });
}
