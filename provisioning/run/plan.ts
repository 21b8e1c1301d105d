import { addressOf } from '../phases/support/hosts.ts';
import type { Host } from '../testbed/schema.ts';
import { choose } from './choice.ts';
import type { PlanValue } from './events.ts';
import { observeHost } from './observed.ts';
import type { PlanOptions } from './options.ts';
import { planValue } from './plan-value.ts';
import { Redactor } from './redact.ts';
import { Session } from './session.ts';

/** What a run would change, host by host; changes nothing. @throws Failure of the first host that cannot be looked at */
export async function makePlan(options: PlanOptions): Promise<PlanValue> {
  const { testbed, phases, verb = 'up' } = options;
  const chosen = choose(testbed, phases, verb, options);
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
  const look = async (host: Host) => {
    await session.connect(host);
    await session.readFacts(host, { hostMs: 0, after: [] });
  };
  try {
    // What cannot be told of a host that is not changed, the phases do without, as a run does.
    await Promise.all([all(chosen.hosts.map(look)), Promise.allSettled(chosen.others.map(look))]);
    const reach = all(
      chosen.hosts.map((host) => session.checkReach(host, (other) => addressOf(other, session.context), chosen.hosts)),
    );
    const observed = await all(chosen.hosts.map(async (host) => [host.name, await observeHost(session, host, phases)] as const));
    const checks = [...session.checks(), ...(await reach).flat()];
    for (const check of checks) {
      if (check.severity !== 'ok') warnings.push({ host: check.host, text: check.evidence, remedy: check.remedy });
    }
    const madeAt = (options.now ?? Date.now)();
    const seen = { testbed, verb, phases, chosen, context: session.context, observed: new Map(observed), warnings, madeAt };
    return redactor.value({
      ...planValue(seen),
      checks,
      ...(session.reachability ? { reachability: session.reachability } : {}),
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
