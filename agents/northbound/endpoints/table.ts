import type { AnswerOf, Endpoint, HandlerInput } from '../endpoint.ts';
import { appEndpoints } from './apps.ts';
import { manageEndpoints } from './manage.ts';

/** The whole API. */
export const endpoints = { ...appEndpoints, ...manageEndpoints } as const satisfies Record<string, Endpoint>;

export type Endpoints = typeof endpoints;
export type EndpointName = keyof Endpoints;
/** Endpoints with one answer. */
export type CallName = { [K in EndpointName]: Endpoints[K] extends { stream: true } ? never : K }[EndpointName];

/** What is behind the table. */
export type Handlers = { [K in CallName]: (input: HandlerInput<Endpoints[K]>) => Promise<AnswerOf<Endpoints[K]>> };
