import type { Host } from '../testbed/schema.ts';
import type { Phase } from './phase.ts';
import type { Session } from './session.ts';
import { type ObservedPhase, observeSteps } from './steps.ts';

/** Looks at the steps of all phases on one host, in one script; in another one beside it at those that are told late. @throws Failure */
export async function observeHost(session: Session, host: Host, phases: readonly Phase[]): Promise<ObservedPhase[]> {
  const [early, late] = [false, true].map((isLate) => phases.filter(({ tellsLate = false }) => tellsLate === isLate));
  const seen = (await Promise.all([early, late].map((some = []) => observePhases(session, host, some)))).flat();
  return phases.flatMap((phase) => seen.find((one) => one.phase === phase) ?? []);
}

async function observePhases(session: Session, host: Host, phases: readonly Phase[]): Promise<ObservedPhase[]> {
  const told = await Promise.all(
    phases.map(async (phase) => {
      // A phase that cannot tell yet is asked again when its turn comes, and then its failure is one.
      const steps = await Promise.resolve()
        .then(() => phase.steps(host, session.context))
        .catch(() => null);
      return { phase, steps };
    }),
  );
  const all = told.flatMap(({ phase, steps }) => (steps ?? []).map((step) => ({ phase, step })));
  const runner = session.runner(host, { id: 'observe', title: '', steps: () => [] }, () => {});
  // Ids are unique within a phase alone.
  const named = all.map(({ phase, step }) => ({ ...step, id: `${phase.id}/${step.id}` }));
  const seen = await observeSteps(runner, named);
  return told.map(({ phase, steps }) => ({
    phase,
    steps,
    inPlace: new Map((steps ?? []).map((step) => [step.id, seen.get(`${phase.id}/${step.id}`) === true])),
  }));
}
