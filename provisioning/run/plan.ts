import { connectPhase } from '../phases/connect.ts';
import { factsPhase } from '../phases/facts.ts';
import { preflightPhase } from '../phases/preflight.ts';
import { addressOf } from '../phases/support/hosts.ts';
import type { SshOptions } from '../ssh/connection.ts';
import type { Testbed } from '../testbed/schema.ts';
import type { PlanValue } from './events.ts';
import { observeHost } from './observed.ts';
import type { Phase } from './phase.ts';
import { Redactor } from './redact.ts';
import { Session } from './session.ts';

export const builtInPhases = [connectPhase, factsPhase, preflightPhase].map(({ id, title }) => ({ id, title }));

export interface PlanOptions {
  testbed: Testbed;
  phases: readonly Phase[];
  ssh: SshOptions;
  /** This testbed's folder on this computer. */
  stateFolder: string;
  signal?: AbortSignal;
  now?: () => number;
}

/** What `up` would change, host by host; changes nothing. @throws Failure of the first host that cannot be looked at */
export async function makePlan(options: PlanOptions): Promise<PlanValue> {
  const { testbed, phases } = options;
  const warnings: PlanValue['warnings'] = [];
  const redactor = new Redactor();
  const session = new Session({
    testbed,
    ssh: options.ssh,
    stateFolder: options.stateFolder,
    redactor,
    signal: options.signal ?? new AbortController().signal,
    listener: { warn: (text, how) => warnings.push({ host: how?.host, text, remedy: how?.remedy }), log: () => {} },
  });
  try {
    await all(
      testbed.hosts.map(async (host) => {
        await session.connect(host);
        await session.readFacts(host, { hostMs: 0, after: [] });
      }),
    );
    const reach = all(testbed.hosts.map((host) => session.checkReach(host, (other) => addressOf(other, session.context))));
    const observed = await all(testbed.hosts.map(async (host) => ({ host, of: await observeHost(session, host, phases) })));
    for (const check of [...session.checks(), ...(await reach).flat()]) {
      if (check.severity !== 'ok') warnings.push({ host: check.host, text: check.evidence, remedy: check.remedy });
    }
    return redactor.value({
      testbed: testbed.name,
      madeAt: (options.now ?? Date.now)(),
      phases: [...builtInPhases, ...phases.map(({ id, title }) => ({ id, title }))],
      steps: phases.flatMap((phase) =>
        observed.flatMap(({ host, of }) => {
          const found = of.find((one) => one.phase === phase);
          if (!found) return [];
          const where = { phase: phase.id, host: host.name };
          if (found.steps === null) return [{ ...where, step: phase.id, title: phase.title, state: 'later' as const }];
          return found.steps.map((step) => ({
            ...where,
            step: step.id,
            title: step.title,
            state: found.inPlace.get(step.id)
              ? ('in-place' as const)
              : step.observe.trim() === 'false'
                ? ('later' as const)
                : ('change' as const),
          }));
        }),
      ),
      warnings,
    });
  } finally {
    await session.close();
  }
}

/** All, or the first failure once every one has ended: nothing goes on behind the caller's back. */
async function all<T>(work: Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
