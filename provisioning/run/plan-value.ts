import { createHash } from 'node:crypto';
import { addressOf } from '../phases/support/hosts.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import { builtInPhases, type Chosen } from './choice.ts';
import type { PlanValue, RunVerb } from './events.ts';
import type { HostFacts, Phase, RunContext, Step } from './phase.ts';
import { digestOfTestbed } from './plan-file.ts';
import type { ObservedPhase } from './steps.ts';

/** What was seen, and what would be done about it. */
export function planValue(seen: {
  testbed: Testbed;
  verb: RunVerb;
  phases: readonly Phase[];
  chosen: Chosen;
  context: RunContext;
  observed: ReadonlyMap<string, readonly ObservedPhase[]>;
  warnings: PlanValue['warnings'];
  madeAt: number;
}): PlanValue {
  const { testbed, verb, chosen, context } = seen;
  return {
    version: 1,
    testbed: testbed.name,
    testbedDigest: digestOfTestbed(testbed),
    verb,
    chosen: { phases: chosen.phases.map(({ id }) => id), hosts: chosen.hosts.map(({ name }) => name) },
    madeAt: seen.madeAt,
    hosts: chosen.hosts.flatMap((host) => {
      const facts = context.facts.get(host.name);
      return facts === undefined ? [] : [{ name: host.name, facts: factsOf(host, facts, context) }];
    }),
    phases: [...builtInPhases, ...chosen.phases.map(({ id, title }) => ({ id, title }))],
    steps: chosen.phases.flatMap((phase) =>
      chosen.hosts.flatMap((host) =>
        stepsOf(
          host,
          seen.observed.get(host.name)?.find((one) => one.phase === phase),
        ),
      ),
    ),
    warnings: seen.warnings,
  };
}

function stepsOf(host: Host, found: ObservedPhase | undefined): PlanValue['steps'] {
  if (found === undefined) return [];
  const where = { phase: found.phase.id, host: host.name };
  if (found.steps === null) return [{ ...where, step: found.phase.id, title: found.phase.title, state: 'later' }];
  return found.steps.map((step) => {
    const state = found.inPlace.get(step.id) ? 'in-place' : step.observe.trim() === 'false' ? 'later' : 'change';
    return { ...where, step: step.id, title: step.title, state, digest: digestOf(step) };
  });
}

/** A change that is a function is told only when it is needed: what it is to bring about stands in `observe`. */
const digestOf = (step: Step): string =>
  createHash('sha256')
    .update(JSON.stringify([step.asks, step.observe, step.verify, typeof step.change === 'string' ? step.change : null]))
    .digest('hex')
    .slice(0, 16);

/** Facts that make it the host that the plan was made for; not those that change by themselves, such as free memory. */
const factsOf = (host: Host, facts: HostFacts, context: RunContext): Record<string, string> => ({
  machine: facts.identity.machineId ?? '',
  'host name': facts.hostname,
  system: facts.os.pretty,
  kernel: facts.kernel,
  architecture: facts.architecture,
  cgroup: facts.cgroup,
  address: addressOf(host, context),
  cores: String(facts.cores),
  memory: `${(facts.memoryBytes / 2 ** 30).toFixed(1)} GiB`,
  python: facts.python?.version ?? 'none',
  found: [...new Set(facts.found.map(({ kind }) => kind))].sort().join(', ') || 'nothing',
});
