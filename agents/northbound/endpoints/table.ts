import type { AnswerOf, Endpoint, HandlerInput } from '../endpoint.ts';
import { agentEndpoints } from './agents.ts';
import { appEndpoints } from './apps.ts';
import { eventEndpoints } from './events.ts';
import { frameworkEndpoints } from './framework.ts';
import { infraEndpoints } from './infra.ts';
import { manageEndpoints } from './manage.ts';
import { mlEndpoints } from './ml.ts';

/** The whole API. */
export const endpoints = {
  ...appEndpoints,
  ...infraEndpoints,
  ...mlEndpoints,
  ...manageEndpoints,
  ...frameworkEndpoints,
  ...agentEndpoints,
  ...eventEndpoints,
} as const satisfies Record<string, Endpoint>;

export type Endpoints = typeof endpoints;
export type EndpointName = keyof Endpoints;
/** Endpoints with one answer. */
export type CallName = { [K in EndpointName]: Endpoints[K] extends { stream: true } ? never : K }[EndpointName];

/** What is behind the table. */
export type Handlers = { [K in CallName]: (input: HandlerInput<Endpoints[K]>) => Promise<AnswerOf<Endpoints[K]>> };
/** The handlers of one group. */
export type HandlersOf<Prefix extends string> = Pick<Handlers, Extract<CallName, `${Prefix}.${string}`>>;
