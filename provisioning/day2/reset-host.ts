import type { RecipeOptions } from '../phases/support/options.ts';
import { makeRecipe } from '../recipe.ts';
import { Failure } from '../run/failure.ts';
import type { RunContext } from '../run/phase.ts';
import type { Testbed } from '../testbed/schema.ts';
import type { Operation } from './operation.ts';
import { hostNamed } from './testbed-edit.ts';

/**
 * Leaves one host as it was found, whatever state it and the others are in: nobody else is contacted, nothing is drained. It stays in the
 * testbed, whose next "up" sets it up again. (Resetting the whole testbed is "down".)
 * @throws Failure (refused) when there is no such host
 */
export function resetHost(testbed: Testbed, name: string, options: RecipeOptions): Operation {
  hostNamed(testbed, name);
  const phases = makeRecipe(options).map((phase) => ({
    ...phase,
    steps: async (...[host, context]: Parameters<typeof phase.steps>) => {
      const steps = await phase.steps(host, alone(context, name));
      // Some look by asking an API, which may not answer for long: all that can be undone is undone without a look.
      return steps.map((step) => ({ ...step, observe: ':' }));
    },
  }));
  return { verb: 'down', testbed, phases, hosts: [name], before: testbed, after: testbed };
}

const contexts = new WeakMap<RunContext, RunContext>();

/** What phases would ask other hosts fails at once: undoing needs none of it, and those hosts may be out of reach. */
function alone(context: RunContext, name: string): RunContext {
  const known = contexts.get(context);
  if (known !== undefined) return known;
  const refuse = (host: string): Promise<never> =>
    Promise.reject(new Failure({ code: 'step', host, cause: `only ${name} is reset: ${host} is not asked` }));
  const made: RunContext = {
    ...context,
    execute: (host, ...how) => (host === name ? context.execute(host, ...how) : refuse(host)),
    forward: (host, ...to) => (host === name ? context.forward(host, ...to) : refuse(host)),
  };
  contexts.set(context, made);
  return made;
}
