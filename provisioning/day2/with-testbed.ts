import type { Phase, RunContext } from '../run/phase.ts';
import type { Host, Testbed } from '../testbed/schema.ts';

const contexts = new WeakMap<RunContext, Map<Testbed, RunContext>>();

/** The run's context as if the run were about another testbed. The same one for the same run, as phases keep by it what they have asked for. */
export function contextFor(context: RunContext, testbed: Testbed): RunContext {
  const ofRun = contexts.get(context) ?? new Map<Testbed, RunContext>();
  contexts.set(context, ofRun);
  const known = ofRun.get(testbed);
  if (known !== undefined) return known;
  const made: RunContext = { ...context, testbed };
  ofRun.set(testbed, made);
  return made;
}

/**
 * Phases of a recipe that bring about `testbed` within a run that connects to more hosts than it has (one is about to leave), or that knew
 * another version. Hosts that are not in it have no part. Each phase on each host waits for `first` too.
 */
export function phasesFor(
  testbed: Testbed,
  recipe: readonly Phase[],
  first: readonly { host: string; phase: string }[],
): Phase[] {
  const isIn = (host: Host) => testbed.hosts.some((other) => other.name === host.name);
  return recipe.map((phase, index) => ({
    ...phase,
    needs: (host) => {
      if (!isIn(host)) return [];
      const earlier = () => recipe.slice(0, index).map(({ id }) => ({ host: host.name, phase: id }));
      return [...first, ...(phase.needs?.(host, testbed) ?? earlier())];
    },
    steps: (host, context) => (isIn(host) ? phase.steps(host, contextFor(context, testbed)) : []),
    begin: phase.begin === undefined ? undefined : (context) => phase.begin!(contextFor(context, testbed)),
    after: phase.after === undefined ? undefined : (context) => phase.after!(contextFor(context, testbed)),
  }));
}
