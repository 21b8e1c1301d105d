import { createHash } from 'node:crypto';
import type { ExecuteOptions, ExecuteResult } from '../ssh/execute.ts';
import { tail } from '../ssh/execute.ts';
import type { Transfer } from '../ssh/transfer.ts';
import type { Host } from '../testbed/schema.ts';
import { Failure } from './failure.ts';
import { leaseLost } from './lease.ts';
import type { Phase, Step, StepFile } from './phase.ts';
import {
  busyFile,
  busyForS,
  changeScript,
  exits,
  isLarge,
  observeScript,
  type ReadyStep,
  type StepWord,
  stagedPath,
  undoScript,
} from './script.ts';

/** What steps are carried out with: one host, and somebody who listens. */
export interface StepRunner {
  host: Host;
  /** Token of the run that must hold the host before each step; null: whoever. */
  lease: string | null;
  execute(script: (mark: string) => string, options: ExecuteOptions): Promise<ExecuteResult>;
  transfer(file: Transfer): Promise<void>;
  /** Digests of large files that were sent before the step's turn, by path. */
  sentAhead(phase: Phase, step: Step): Promise<ReadonlyMap<string, string>>;
  /** A secret that must not be shown from now on. */
  hide(file: StepFile): void;
  onStep(step: Step, state: 'running' | 'changed' | 'in-place' | 'failed', hostMs?: number): void;
  onLog(step: Step | null, stream: 'stdout' | 'stderr', text: string): void;
}

/** What one phase wants on one host, and what of it is in place. */
export interface ObservedPhase {
  phase: Phase;
  /** null: it cannot tell its steps before earlier phases have run. */
  steps: Step[] | null;
  inPlace: Map<string, boolean>;
}

const defaultTimeoutS = 300;

/** Which steps are in place now, by id. One round trip. @throws Failure */
export async function observeSteps(runner: StepRunner, steps: readonly Step[], timeoutS = 120): Promise<Map<string, boolean>> {
  const observed = new Map<string, boolean>();
  if (steps.length === 0) return observed;
  const seen = steps.map(() => false);
  const result = await runner.execute((mark) => observeScript(mark, steps), {
    timeoutMs: timeoutS * 1000,
    onMark: (stream, [word, index]) => {
      if (stream === 'stdout' && word === 'in-place') seen[Number(index)] = true;
    },
  });
  if (result.code !== 0) {
    throw new Failure({
      code: 'step',
      host: runner.host.name,
      cause: `looking at what is in place ended with exit code ${result.code}`,
      exitCode: result.code ?? undefined,
      stderr: tail(result.stderr),
    });
  }
  for (const [index, step] of steps.entries()) observed.set(step.id, seen[index] ?? false);
  return observed;
}

/**
 * Brings about what is missing, in as few round trips as the steps allow: what needs no more than its own text goes over in one script.
 * A step whose change is a function begins a script of its own: it may build on what the steps before it have done.
 * `believed` tells what was in place a moment ago; the host looks again in any case.
 * @returns how many steps changed something
 * @throws Failure naming the step, its command, exit code, stderr and remedy
 */
export async function changeSteps(
  runner: StepRunner,
  phase: Phase,
  steps: readonly Step[],
  believed: ReadonlyMap<string, boolean>,
): Promise<number> {
  let changed = 0;
  let at = 0;
  let asked = false;
  while (at < steps.length) {
    const batch: ReadyStep[] = [];
    for (let index = at; index < steps.length; index++) {
      const step = steps[index]!;
      const missing = believed.get(step.id) === false || (asked && index === at);
      const plain = typeof step.change === 'string' && step.files === undefined;
      if (missing && typeof step.change === 'function' && index > at) break;
      batch.push(missing || plain ? await prepare(runner, phase, step) : { step });
    }
    const outcome = await runBatch(runner, phase, batch);
    changed += outcome.changed;
    at += outcome.neededAt ?? batch.length;
    asked = outcome.neededAt !== null;
  }
  return changed;
}

/** Evaluates what a change needs, and sends its large files. */
async function prepare(runner: StepRunner, phase: Phase, step: Step): Promise<ReadyStep> {
  try {
    const files = (await step.files?.()) ?? [];
    for (const file of files) runner.hide(file);
    const change = typeof step.change === 'string' ? step.change : await step.change();
    const ahead = await runner.sentAhead(phase, step);
    for (const file of files.filter(isLarge)) {
      const transfer = asTransfer(file);
      if (ahead.get(transfer.path) !== transfer.sha256) await runner.transfer(transfer);
    }
    const placed = files.map((file) => {
      const { path, mode } = file;
      return { path, mode, content: 'content' in file && !isLarge(file) ? file.content : null };
    });
    return { step, change, files: placed };
  } catch (error) {
    runner.onStep(step, 'failed');
    throw inStep(error, runner.host, phase, step);
  }
}

export function asTransfer(file: StepFile): Transfer {
  const { mode } = file;
  const path = stagedPath(file.path);
  if ('localPath' in file) return { source: file.localPath, path, mode, sha256: file.sha256 };
  const source = typeof file.content === 'string' ? new TextEncoder().encode(file.content) : file.content;
  return { source, path, mode, sha256: createHash('sha256').update(source).digest('hex') };
}

/** A failure gets host, phase and step where it has none; any other error becomes one. */
export function inStep(error: unknown, host: Host, phase: { id: string }, step?: { id: string }): Failure {
  const where = { host: host.name, phase: phase.id, ...(step ? { step: step.id } : {}) };
  if (error instanceof Failure) {
    if (error.value.host !== undefined && error.value.phase !== undefined) return error;
    const { message: _message, ...value } = error.value;
    const { host: onHost = host.name, phase: inPhase = phase.id, step: atStep = step?.id } = value;
    return new Failure({ ...value, host: onHost, phase: inPhase, step: atStep }, { cause: error });
  }
  return new Failure({ ...where, code: 'step', cause: error instanceof Error ? error.message : String(error) }, { cause: error });
}

interface Outcome {
  changed: number;
  /** Index within the batch of a step that turned out to be missing and whose change had not come along. */
  neededAt: number | null;
}

/** Cuts what a script says at its marks: which step it is at, on each stream, and what became of it. */
class Progress {
  readonly at = { stdout: -1, stderr: -1 };
  readonly begun: number[] = [];
  stderr = '';
  last: { word: StepWord; index: number; exitCode: number } | null = null;
}

async function runBatch(runner: StepRunner, phase: Phase, batch: readonly ReadyStep[]): Promise<Outcome> {
  const progress = new Progress();
  const outcome: Outcome = { changed: 0, neededAt: null };
  let setDeadline: (timeoutMs: number) => void = () => {};
  const deadlineOf = (index: number): number => (batch[index]?.step.timeoutS ?? defaultTimeoutS) * 1000 + 30_000;
  let result: ExecuteResult;
  try {
    result = await runner.execute((mark) => changeScript(mark, phase.id, batch, runner.lease), {
      onDeadline: (set) => {
        setDeadline = set;
        // An earlier run's step may have to end first, see `lock`.
        set((busyForS + 30) * 1000);
      },
      onMark: (stream, [word, index, uptime, exitCode]) => {
        const number = Number(index);
        progress.at[stream] = number;
        if (stream === 'stderr') {
          if (word === 'start') progress.stderr = '';
          return;
        }
        const step = batch[number]!.step;
        progress.last = { word: word as StepWord, index: number, exitCode: Number(exitCode ?? 0) };
        const tookMs = Math.round((Number(uptime) - (progress.begun[number] ?? Number(uptime))) * 1000);
        if (word === 'start') {
          progress.begun[number] = Number(uptime);
          setDeadline(deadlineOf(number));
        } else if (word === 'change') runner.onStep(step, 'running');
        else if (word === 'in-place') runner.onStep(step, 'in-place', tookMs);
        else if (word === 'changed') {
          outcome.changed++;
          runner.onStep(step, 'changed', tookMs);
        } else if (word === 'needed') outcome.neededAt = number;
        else runner.onStep(step, 'failed', tookMs);
      },
      onOutput: (stream, text) => {
        if (stream === 'stderr') progress.stderr = (progress.stderr + text).slice(-16_384);
        runner.onLog(batch[progress.at[stream]]?.step ?? null, stream, text);
      },
    });
  } catch (error) {
    const at = batch[Math.max(0, progress.last?.index ?? 0)]!.step;
    if (progress.last?.word === 'change') runner.onStep(at, 'failed');
    throw inStep(error, runner.host, phase, at);
  }
  if (result.code === 0 || result.code === exits.needed) return outcome;
  throw failureOf(runner.host, phase, batch, progress, result);
}

function failureOf(host: Host, phase: Phase, batch: readonly ReadyStep[], progress: Progress, result: ExecuteResult): Failure {
  const where = { host: host.name, phase: phase.id };
  if (result.code === exits.stopped) return new Failure({ ...where, code: 'cancelled', cause: 'stopped before its next step' });
  if (result.code === exits.fenced) return leaseLost(host.name);
  if (result.code === exits.locked) {
    const remedy = `Look for it on the host (its PID stands in ${busyFile(phase.id)}), then run again`;
    return new Failure({
      ...where,
      code: 'step',
      cause: `a step of an earlier run has not ended for ${busyForS / 60} minutes`,
      remedy,
    });
  }
  const last = progress.last;
  if (last === null) {
    const cause = `its script could not run (exit code ${result.code})`;
    return new Failure({ ...where, code: 'step', cause, exitCode: result.code ?? undefined, stderr: tail(result.stderr) });
  }
  const { step, change } = batch[last.index]!;
  const stderr = tail(progress.stderr);
  const known = step.remedies?.find(({ pattern }) => pattern.test(progress.stderr));
  const unverified = last.word === 'unverified';
  const exitCode = unverified ? undefined : last.exitCode || (result.code ?? undefined);
  const lastLine = stderr.split('\n').at(-1)?.trim();
  const cause = unverified
    ? 'its commands ended without an error, but it is still not in place'
    : `${lastLine || 'its commands failed'} (exit code ${exitCode ?? result.signal})`;
  return new Failure({
    ...where,
    step: step.id,
    code: 'step',
    command: shorten(change ?? step.observe),
    exitCode,
    stderr: stderr === '' ? undefined : stderr,
    cause: known?.cause ?? cause,
    remedy: known?.remedy ?? 'See the last lines of stderr; when it is mended, run again: it goes on from there',
  });
}

/** The commands of a change as people look at them: without what every one of them begins with. */
function shorten(shell: string): string {
  const lines = shell.split('\n').filter((line) => line.trim() !== '' && !/^\(?$|^\)$|^PATH=|^set -/.test(line.trim()));
  const text = lines.join('\n');
  return text.length > 800 ? `${text.slice(0, 800)} …` : text;
}

/**
 * Undoes steps, last first. One that fails does not keep the others from being undone.
 * @returns failures, none when all went well
 */
export async function undoSteps(
  runner: StepRunner,
  phase: Phase,
  steps: readonly Step[],
  wasInPlace: ReadonlyMap<string, boolean>,
) {
  const reversed = steps.filter((step) => step.undo !== undefined).reverse();
  const failed: Failure[] = [];
  let changed = 0;
  if (reversed.length === 0) return { failed, changed };
  const progress = new Progress();
  const result = await runner
    .execute((mark) => undoScript(mark, phase.id, reversed, runner.lease), {
      timeoutMs: reversed.reduce((sum, step) => sum + (step.timeoutS ?? defaultTimeoutS), busyForS + 30) * 1000,
      onMark: (stream, [word, index, uptime, exitCode]) => {
        const number = Number(index);
        progress.at[stream] = number;
        if (stream === 'stderr') {
          if (word === 'start') progress.stderr = '';
          return;
        }
        const step = reversed[number]!;
        const tookMs = Math.round((Number(uptime) - (progress.begun[number] ?? Number(uptime))) * 1000);
        if (word === 'start') progress.begun[number] = Number(uptime);
        else if (word === 'changed') {
          const was = wasInPlace.get(step.id) !== false;
          if (was) changed++;
          runner.onStep(step, was ? 'changed' : 'in-place', tookMs);
        } else if (word === 'failed') {
          runner.onStep(step, 'failed', tookMs);
          const cause = `undoing it failed with exit code ${exitCode}`;
          failed.push(
            new Failure({
              code: 'step',
              host: runner.host.name,
              phase: phase.id,
              step: step.id,
              cause,
              exitCode: Number(exitCode),
            }),
          );
        }
      },
      onOutput: (stream, text) => runner.onLog(reversed[progress.at[stream]] ?? null, stream, text),
    })
    .catch((error: unknown) => {
      throw inStep(error, runner.host, phase);
    });
  if (result.code === exits.stopped)
    throw new Failure({ code: 'cancelled', host: runner.host.name, phase: phase.id, cause: 'stopped before its next step' });
  if (result.code === exits.fenced) throw leaseLost(runner.host.name);
  if (result.code !== 0) {
    const cause = `undoing ended with exit code ${result.code}`;
    throw new Failure({ code: 'step', host: runner.host.name, phase: phase.id, cause, stderr: tail(result.stderr) });
  }
  return { failed, changed };
}
