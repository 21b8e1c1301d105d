import { connectPhase } from '../phases/connect.ts';
import { factsPhase } from '../phases/facts.ts';
import { type Check, preflightPhase } from '../phases/preflight.ts';
import { addressOf } from '../phases/support/hosts.ts';
import type { Host } from '../testbed/schema.ts';
import type { CellState, RunVerb } from './events.ts';
import { observeHost } from './observed.ts';
import type { RunScope } from './scope.ts';
import { preflightFailure } from './session.ts';
import { inStep } from './steps.ts';

/** What takes something away must not be kept from it by what is wrong with a host. */
const withoutPreflight: ReadonlySet<RunVerb> = new Set(['down', 'remove-host', 'rotate-certificates']);

/** Connect, lease and facts, preflight, and one look at what is in place: all hosts at once. @throws Failure (lease) when another run has a host */
export async function getReady(scope: RunScope): Promise<void> {
  const { chosen, session, telling, verb } = scope;
  for (const host of [...chosen.hosts, ...chosen.others]) {
    const root = { hostMs: 0, after: [] };
    scope.roots.set(host.name, root);
    scope.works.push(root);
  }
  const others = Promise.all(chosen.others.map((host) => lookAt(scope, host)));
  await builtIn(scope, connectPhase.id, chosen.hosts, async (host) => {
    await session.connect(host);
    return 'done';
  });
  const connected = chosen.hosts.filter((host) => scope.ready.has(host.name));
  await builtIn(scope, factsPhase.id, connected, async (host) => {
    await scope.patience.persist([host], () => session.readFacts(host, scope.roots.get(host.name)!, scope.leases));
    return 'done';
  });
  await others;
  const refused = await scope.leases.settle(scope.signal);
  if (refused.length > 0) {
    const [last, ...rest] = refused.reverse();
    for (const failure of rest.reverse()) telling.fail(failure);
    throw last;
  }
  const known = connected.filter((host) => scope.ready.has(host.name));
  if (verb !== 'down')
    for (const phase of chosen.phases) {
      const begun = phase.begin?.(session.context);
      if (begun !== undefined) scope.begun.push(begun);
    }
  if (withoutPreflight.has(verb)) telling.emit({ type: 'phase', phase: preflightPhase.id, state: 'skipped' });
  else {
    const checks = session.checks();
    await builtIn(scope, preflightPhase.id, known, (host) => preflight(scope, host, checks));
  }
  await Promise.all(
    known.filter(({ name }) => scope.ready.has(name) && !scope.observed.has(name)).map((host) => observe(scope, host)),
  );
}

/** A host that is not changed: what cannot be told of it, the phases do without. */
async function lookAt(scope: RunScope, host: Host): Promise<void> {
  try {
    await scope.session.connect(host);
    await scope.session.readFacts(host, scope.roots.get(host.name)!);
    await observe(scope, host);
  } catch (error) {
    if (scope.signal.aborted) return;
    const { value } = inStep(error, host, connectPhase);
    scope.telling.warn(`it could not be looked at: ${value.cause}`, {
      host: host.name,
      phase: connectPhase.id,
      remedy: value.remedy,
    });
  }
}

async function builtIn(
  scope: RunScope,
  phase: string,
  hosts: readonly Host[],
  work: (host: Host) => Promise<CellState>,
): Promise<void> {
  const { telling } = scope;
  const startedAt = performance.now();
  telling.emit({ type: 'phase', phase, state: hosts.length === 0 ? 'skipped' : 'running' });
  let failed = false;
  await Promise.all(
    hosts.map(async (host) => {
      const hostStartedAt = performance.now();
      telling.cell(phase, host, 'running');
      try {
        const state = await work(host);
        scope.ready.add(host.name);
        telling.cell(phase, host, state, { durationMs: Math.round(performance.now() - hostStartedAt) });
      } catch (error) {
        failed = true;
        scope.ready.delete(host.name);
        const failure = inStep(error, host, { id: phase });
        telling.fail(failure);
        telling.cell(phase, host, 'failed', { detail: failure.value.cause });
      }
    }),
  );
  if (hosts.length === 0) return;
  const durationMs = Math.round(performance.now() - startedAt);
  telling.emit({ type: 'phase', phase, state: failed ? 'failed' : 'done', durationMs });
}

async function preflight(scope: RunScope, host: Host, checks: readonly Check[]): Promise<CellState> {
  const { session } = scope;
  const failure = preflightFailure(host, checks);
  if (failure) throw failure;
  // Trying the ways to the others and looking at what is in place wait for different things: both at once.
  const addressOfHost = (other: Host) => addressOf(other, session.context);
  const [reach] = await scope.patience.persist([host], () =>
    Promise.all([session.checkReach(host, addressOfHost, scope.chosen.hosts), observe(scope, host)]),
  );
  const blocked = preflightFailure(host, reach);
  if (blocked) throw blocked;
  const warnings = [...checks.filter((check) => check.host === host.name), ...reach].filter(
    (check) => check.severity === 'warning',
  );
  for (const { evidence, remedy } of warnings)
    session.context.warn(evidence, { host: host.name, phase: preflightPhase.id, remedy });
  return warnings.length > 0 ? 'warning' : 'done';
}

async function observe(scope: RunScope, host: Host): Promise<void> {
  const root = scope.roots.get(host.name)!;
  const observed = await scope.session.metered(root, () => observeHost(scope.session, host, scope.recipe));
  scope.observed.set(host.name, observed);
}
