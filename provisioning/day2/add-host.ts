import type { RecipeOptions } from '../phases/support/options.ts';
import { makeRecipe } from '../recipe.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import type { Operation } from './operation.ts';
import { withHost } from './testbed-edit.ts';

/**
 * Adds a worker to a running testbed: an "up" with one more host, which finds all that the others need in place but the way to it.
 * @throws Failure (refused) when its name or address is taken, or its cluster is none of the testbed's
 */
export function addHost(testbed: Testbed, host: Host, options: RecipeOptions): Operation {
  const edited = withHost(testbed, host);
  return { verb: 'up', testbed: edited, phases: makeRecipe(options), before: edited, after: edited };
}
