import { parseDescription } from '../../descriptions/parse.ts';
import type { Handlers } from '../endpoints/table.ts';
import { HttpError } from '../http-error.ts';
import type { ContinuumServices } from './sources.ts';

type AppHandlers = Pick<Handlers, 'apps.deploy' | 'apps.list' | 'apps.status' | 'apps.remove'>;

export function appHandlers(services: ContinuumServices): AppHandlers {
  return {
    'apps.deploy': ({ body }) => {
      checkApplication(body);
      return services.deploy(body);
    },
    'apps.list': () => services.list(),
    'apps.status': async ({ path: { id } }) => {
      const status = await services.status(id);
      if (!status) throw new HttpError(404, `nothing is known of an application "${id}"`);
      return status;
    },
    'apps.remove': async ({ path: { id } }) => {
      if (!(await services.remove(id))) throw new HttpError(404, `there is no application "${id}"`);
      return { application: id };
    },
  };
}

/** @throws DescriptionError; HttpError 422 for one that the parser gives up on */
function checkApplication(text: string): void {
  let kind: string;
  try {
    ({ kind } = parseDescription(text, 'description'));
  } catch (error) {
    // Nested deeper than the stack, or with more aliases than any description needs.
    if (error instanceof RangeError || error instanceof ReferenceError)
      throw new HttpError(422, `the description cannot be read: ${error.message}`);
    throw error;
  }
  if (kind !== 'MLSysOpsApp') throw new HttpError(422, `a ${kind} cannot be deployed; only an MLSysOpsApp can`);
}
