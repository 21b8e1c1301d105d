import type { RecipeOptions } from '../phases/support/options.ts';
import { makeRecipe } from '../recipe.ts';
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
  return { verb: 'down', testbed, phases: makeRecipe(options), hosts: [name], before: testbed, after: testbed };
}
