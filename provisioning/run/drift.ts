import type { PlanValue } from './events.ts';
import { Failure } from './failure.ts';

/** How what is found now differs from what a plan was made of, a sentence for each difference; empty when it does not. */
export function driftBetween(plan: PlanValue, now: PlanValue): string[] {
  if (plan.testbed !== now.testbed) return [`the plan is of the testbed ${plan.testbed}, not of ${now.testbed}`];
  if (plan.verb !== now.verb) return [`the plan is of "${plan.verb}", not of "${now.verb}"`];
  const differences: string[] = [];
  for (const kind of ['phases', 'hosts'] as const) {
    const [planned, found] = [plan.chosen[kind].join(', '), now.chosen[kind].join(', ')];
    if (planned !== found) differences.push(`the plan is of the ${kind} ${planned || 'none'}, not of ${found || 'none'}`);
  }
  if (differences.length > 0) return differences;
  if (plan.testbedDigest !== now.testbedDigest) differences.push('the testbed file has changed');
  for (const { name, facts } of plan.hosts) {
    const found = now.hosts.find((host) => host.name === name)?.facts;
    if (found === undefined) differences.push(`${name} could not be looked at`);
    else for (const fact of names(facts, found)) compare(differences, `${name}: ${fact}`, facts[fact], found[fact]);
  }
  const seen = new Set(now.hosts.map(({ name }) => name));
  const planned = new Map(plan.steps.map((step) => [keyOf(step), step]));
  const found = new Map(now.steps.map((step) => [keyOf(step), step]));
  for (const key of names(Object.fromEntries(planned), Object.fromEntries(found))) {
    const [before, after] = [planned.get(key), found.get(key)];
    const step = before ?? after;
    if (step === undefined || !seen.has(step.host)) continue;
    const what = `${step.host}, ${step.phase}: "${step.title}"`;
    if (before === undefined) differences.push(`${what} is not in the plan`);
    else if (after === undefined) differences.push(`${what} is no part of it any more`);
    else if (before.state !== after.state) compare(differences, what, states[before.state], states[after.state]);
    else if (before.digest !== after.digest) differences.push(`${what} would be done in another way`);
  }
  return differences;
}

const states = { change: 'to be done', 'in-place': 'in place', later: 'not to be told before' };

const keyOf = (step: PlanValue['steps'][number]): string => JSON.stringify([step.phase, step.host, step.step]);
const names = (one: object, other: object): string[] => [...new Set([...Object.keys(one), ...Object.keys(other)])];

function compare(differences: string[], what: string, before = 'unknown', after = 'unknown'): void {
  if (before !== after) differences.push(`${what} was ${before}, now it is ${after}`);
}

/** @throws Failure (drift) naming every difference */
export function refuseDrift(plan: PlanValue, now: PlanValue): void {
  const differences = driftBetween(plan, now);
  if (differences.length === 0) return;
  throw new Failure({
    code: 'drift',
    cause: `this is not what the plan was made of: ${differences.join('; ')}`,
    remedy: 'Nothing was changed. Make a new plan and look at it',
  });
}
