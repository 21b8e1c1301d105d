import { connectPhase } from '../phases/connect.ts';
import type { Check } from '../phases/preflight/check.ts';
import { addressOf } from '../phases/support/hosts.ts';
import type { Host } from '../testbed/schema.ts';
import { choose } from './choice.ts';
import type { PlanValue } from './events.ts';
import { Failure } from './failure.ts';
import { observeHost } from './observed.ts';
import type { PlanOptions } from './options.ts';
import { planValue } from './plan-value.ts';
import { Redactor } from './redact.ts';
import { Session } from './session.ts';
import { inStep } from './steps.ts';

/** What a run would change, host by host; changes nothing. @throws Failure of the first host that cannot be looked at, naming all of them */
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
  const failures = new Map<Host, Failure>();
  /** Of all hosts that have not failed yet, once every one has ended: nothing goes on behind the caller's back. */
  const ofEach = async <T>(work: (host: Host) => Promise<T>): Promise<T[]> => {
    const hosts = chosen.hosts.filter((host) => !failures.has(host));
    const settled = await Promise.allSettled(hosts.map(work));
    const done = settled.flatMap((one, index) => {
      const host = hosts[index];
      if (one.status === 'fulfilled' || host === undefined) return one.status === 'fulfilled' ? [one.value] : [];
      const failure = inStep(one.reason, host, connectPhase);
      if (failure.value.code === 'cancelled') throw failure;
      failures.set(host, failure);
      return [];
    });
    if (failures.size > 0 && options.goOn !== true) throw allInOne([...failures.values()]);
    return done;
  };
  try {
    // What cannot be told of a host that is not changed, the phases do without, as a run does.
    await Promise.all([ofEach(look), Promise.allSettled(chosen.others.map(look))]);
    const seenOf = await ofEach(async (host) => {
      const reaching = session.checkReach(host, (other) => addressOf(other, session.context), chosen.hosts);
      const [reach, observed] = await Promise.allSettled([reaching, observeHost(session, host, phases)]);
      if (reach.status === 'rejected') throw reach.reason;
      if (observed.status === 'rejected') throw observed.reason;
      return { host: host.name, reach: reach.value, observed: observed.value };
    });
    const checks = [...[...failures].map(checkOf), ...session.checks(), ...seenOf.flatMap(({ reach }) => reach)];
    const observed = new Map(seenOf.map((one) => [one.host, one.observed]));
    for (const check of checks) {
      if (check.severity !== 'ok') warnings.push({ host: check.host, text: check.evidence, remedy: check.remedy });
    }
    const madeAt = (options.now ?? Date.now)();
    const seen = { testbed, verb, phases, chosen, context: session.context, observed, warnings, madeAt };
    return redactor.value({
      ...planValue(seen),
      checks,
      ...(session.reachability ? { reachability: session.reachability } : {}),
    });
  } finally {
    await session.close();
  }
}

const checkOf = ([host, { value }]: [Host, Failure]): Check => ({
  id: value.code,
  host: host.name,
  severity: 'error',
  evidence: value.cause,
  remedy: value.remedy,
});

/** Of several failures the first, which also says how the others failed: whoever mends one host should know of all. */
function allInOne([first, ...others]: Failure[]): Failure {
  if (first === undefined || others.length === 0) return first as Failure;
  const { message, ...value } = first.value;
  const also = others.map((other) => other.value.message).join('\n');
  return new Failure({ ...value, message: `${message}\nBesides: ${also}` }, { cause: first });
}
