import { builtOnChange, type Cell } from './cells.ts';
import type { CellState } from './events.ts';
import { Failure } from './failure.ts';
import type { Phase, Step } from './phase.ts';
import type { RunScope } from './scope.ts';
import { changeSteps, inStep, observeSteps, undoSteps } from './steps.ts';

/** Every cell as soon as what it needs is done; every phase's `after` once all its cells are, in the order of the recipe. */
export async function carryOut(scope: RunScope, cells: readonly Cell[]): Promise<void> {
  const running = new Map<Cell, Promise<void>>();
  const begun = new Map<Phase, number>();
  const start = (cell: Cell): Promise<void> => {
    const known = running.get(cell);
    if (known) return known;
    const promise = (async () => {
      await Promise.all(cell.needs.map(start));
      if (!scope.chosen.includes(cell)) return leaveOut(cell);
      await scope.gate.pass(scope.signal);
      if (!begun.has(cell.phase) && scope.ready.has(cell.host.name)) {
        begun.set(cell.phase, performance.now());
        scope.telling.emit({ type: 'phase', phase: cell.phase.id, state: 'running' });
      }
      await runCell(scope, cell);
    })();
    running.set(cell, promise);
    return promise;
  };
  let before: Promise<void> = Promise.resolve();
  const { phases } = scope.chosen;
  const ends = (scope.verb === 'down' ? [...phases].reverse() : phases).map((phase) => {
    const own = cells.filter((cell) => cell.phase === phase && scope.chosen.includes(cell));
    const done = Promise.all(own.map(start));
    before = Promise.all([before, done]).then(() => endPhase(scope, phase, own, begun.get(phase)));
    return before;
  });
  await Promise.all(ends);
}

/** It was looked at before; only what it would itself have waited for can keep others from going on. */
function leaveOut(cell: Cell): void {
  cell.state = cell.needs.some((need) => need.state === 'failed' || need.state === 'held') ? 'held' : 'none';
}

async function endPhase(scope: RunScope, phase: Phase, cells: readonly Cell[], startedAt: number | undefined): Promise<void> {
  const { telling } = scope;
  const end = (state: 'done' | 'failed' | 'skipped') => {
    const durationMs = startedAt === undefined ? undefined : Math.round(performance.now() - startedAt);
    telling.emit({ type: 'phase', phase: phase.id, state, durationMs });
  };
  if (cells.some((cell) => cell.state === 'failed')) return end('failed');
  if (cells.every((cell) => cell.state === 'none' || cell.state === 'held')) return end('skipped');
  if (cells.some((cell) => cell.state === 'held')) return end('failed');
  if (phase.after) await scope.gate.pass(scope.signal);
  if (phase.after && scope.verb !== 'down' && !scope.signal.aborted) {
    const after = phase.after.bind(phase);
    // It waits for hosts in its own way (through an API, for a heartbeat): its time is theirs, not the engine's.
    const work = { hostMs: 0, after: [...cells] };
    scope.works.push(work);
    const afterStartedAt = performance.now();
    try {
      await scope.patience.persist(scope.chosen.hosts, async () => after(scope.session.context));
    } catch (error) {
      telling.fail(
        error instanceof Failure
          ? error
          : new Failure({ code: 'step', phase: phase.id, cause: error instanceof Error ? error.message : String(error) }),
      );
      return end('failed');
    } finally {
      work.hostMs = performance.now() - afterStartedAt;
    }
  }
  end('done');
}

async function runCell(scope: RunScope, cell: Cell): Promise<void> {
  const { phase, host } = cell;
  const down = scope.verb === 'down';
  const settle = (state: CellState, more: { detail?: string; durationMs?: number } = {}) => {
    cell.state = state;
    scope.telling.cell(phase.id, host, state, more);
  };
  if (scope.signal.aborted) return settle('held', { detail: 'stopped' });
  if (!scope.ready.has(host.name)) return settle('held', { detail: `${host.name} is not ready` });
  // Taking down goes on past what could not be taken down.
  const missing = down ? undefined : cell.needs.find((need) => need.state === 'failed' || need.state === 'held');
  if (missing) {
    const why = missing.state === 'failed' ? 'which failed' : 'which is held';
    return settle('held', { detail: `needs ${missing.phase.id} on ${missing.host.name}, ${why}` });
  }
  const startedAt = performance.now();
  try {
    const state = await scope.session.metered(cell, () =>
      scope.patience.persist([host], async (again) => {
        if (down) return undo(scope, cell);
        await restore(scope, cell);
        return bringAbout(scope, cell, again);
      }),
    );
    settle(state, { durationMs: Math.round(performance.now() - startedAt) });
  } catch (error) {
    const failure = inStep(error, host, phase);
    const cancelled = failure.value.code === 'cancelled';
    if (!cancelled) scope.telling.fail(failure);
    settle(cancelled ? 'held' : 'failed', {
      detail: cancelled ? `stopped: ${failure.value.cause}` : failure.value.cause,
      durationMs: Math.round(performance.now() - startedAt),
    });
  }
}

/**
 * What was brought about on a host before it was restarted may not have outlived that: it is looked at again, and done again where it is
 * missing, from the ground up. A pod network needs an API that answers, and after a restart that takes a while.
 */
async function restore(scope: RunScope, cell: Cell): Promise<void> {
  const restarts = scope.leases.restarts(cell.host);
  for (const need of cell.needs) {
    if (need.host !== cell.host || need.restarts === restarts || (need.state !== 'done' && need.state !== 'in-place')) continue;
    await restore(scope, need);
    await bringAbout(scope, need, true);
  }
}

async function bringAbout(scope: RunScope, cell: Cell, again: boolean): Promise<CellState> {
  const { phase, host } = cell;
  const { session } = scope;
  // Before it is done, so that a restart meanwhile is not taken for one from before.
  cell.restarts = scope.leases.restarts(host);
  const before = scope.observed.get(host.name)?.find((one) => one.phase === phase);
  const fresh = again || before === undefined || before.steps === null || builtOnChange(cell);
  const steps = fresh ? await phase.steps(host, session.context) : (before.steps ?? []);
  if (steps.length === 0) return 'none';
  // One that was cut off while it ran was told as failed.
  const wasMissing = (step: Step) =>
    before?.inPlace.get(step.id) === false || ['running', 'failed'].includes(cell.told.get(step.id) ?? '');
  const runner = session.runner(host, phase, (step, told, hostMs) => {
    // What was missing and is in place after a pause, this run's own script has done while nobody listened.
    const unheard = again && told === 'in-place' && cell.told.get(step.id) !== 'changed' && wasMissing(step);
    tellStep(scope, cell, step, unheard ? 'changed' : told, steps.length, hostMs);
  });
  const inPlace = again ? await observeSteps(runner, steps) : (before?.inPlace ?? new Map<string, boolean>());
  if (!fresh && steps.every((step) => inPlace.get(step.id) === true)) {
    for (const step of steps) tellStep(scope, cell, step, 'in-place', steps.length);
    return 'in-place';
  }
  scope.telling.cell(phase.id, host, 'running', { done: 0, total: steps.length });
  await changeSteps(runner, phase, steps, inPlace);
  return cell.changed > 0 ? 'done' : 'in-place';
}

/** A step of which a run hears twice, because its host was away meanwhile, counts once. */
function tellStep(
  scope: RunScope,
  cell: Cell,
  step: Step,
  state: 'running' | 'changed' | 'in-place' | 'failed',
  total: number,
  hostMs?: number,
): void {
  const { phase, host } = cell;
  const before = cell.told.get(step.id);
  if (state === 'in-place' && (before === 'changed' || before === 'in-place')) return;
  cell.told.set(step.id, state);
  if (state !== 'in-place') scope.session.hasChanged = true;
  scope.telling.emit({ type: 'step', phase: phase.id, host: host.name, step: step.id, title: step.title, state, hostMs });
  if (before === 'in-place') cell.inPlace--;
  if (state === 'changed' && before !== 'changed') cell.changed++;
  if (state === 'in-place') cell.inPlace++;
  if (state === 'running')
    scope.telling.cell(phase.id, host, 'running', { detail: step.title, done: cell.changed + cell.inPlace, total });
}

async function undo(scope: RunScope, cell: Cell): Promise<CellState> {
  const { phase, host } = cell;
  const before = scope.observed.get(host.name)?.find((one) => one.phase === phase);
  const steps = before?.steps ?? (await phase.steps(host, scope.session.context));
  if (!steps.some((step) => step.undo !== undefined)) return 'none';
  scope.telling.cell(phase.id, host, 'running', { done: 0, total: steps.length });
  const runner = scope.session.runner(host, phase, (step, state, hostMs) =>
    tellStep(scope, cell, step, state, steps.length, hostMs),
  );
  const { failed } = await undoSteps(runner, phase, steps, before?.inPlace ?? new Map());
  const [first, ...others] = failed;
  for (const failure of others) scope.telling.fail(failure);
  if (first) throw first;
  return cell.changed > 0 ? 'done' : 'in-place';
}
