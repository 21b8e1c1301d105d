import type { Handlers } from '../endpoints/table.ts';
import { appHandlers } from './apps.ts';
import type { ContinuumServices } from './sources.ts';

/** What the API does, of what the continuum agent has. */
export function northboundHandlers(services: ContinuumServices): Handlers {
  return {
    ...appHandlers(services),
    'manage.ping': async () => ({ status: 'ok' }),
  };
}
