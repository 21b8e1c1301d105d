import { DescriptionError } from '../descriptions/parse.ts';
import { OrchestrationError } from '../orchestration/orchestrator.ts';
import type { FailureBody } from './endpoint.ts';

const codes: Record<number, string> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  409: 'conflict',
  413: 'too-large',
  415: 'unsupported-type',
  422: 'unprocessable',
  429: 'too-many',
  500: 'internal',
  501: 'not-implemented',
  502: 'refused',
  503: 'unavailable',
  504: 'timed-out',
};

/** An answer that is no success; its text goes to the client, so it holds no secrets and nothing of the inside. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly headers: Record<string, string>;
  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export const codeOf = (status: number): string => codes[status] ?? 'failed';

/** What a client is told of an error. `unexpected` belongs into the log. */
export function failureOf(error: unknown): {
  status: number;
  headers: Record<string, string>;
  body: FailureBody;
  unexpected: boolean;
} {
  if (error instanceof HttpError) {
    const { status, headers, message } = error;
    return { status, headers, body: { error: message, code: codeOf(status) }, unexpected: false };
  }
  if (error instanceof DescriptionError)
    return {
      status: 422,
      headers: {},
      body: { error: error.message, code: codeOf(422), issues: error.issues },
      unexpected: false,
    };
  // What Kubernetes or Karmada says is for whoever asked.
  if (error instanceof OrchestrationError)
    return { status: 502, headers: {}, body: { error: error.message, code: codeOf(502) }, unexpected: true };
  return {
    status: 500,
    headers: {},
    body: { error: "this went wrong inside; the agent's log tells more", code: codeOf(500) },
    unexpected: true,
  };
}
