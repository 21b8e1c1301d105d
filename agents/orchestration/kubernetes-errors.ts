import { ApiException } from '@kubernetes/client-node';
import { OrchestrationError } from './orchestrator.ts';

/** HTTP status of an error of the Kubernetes client; undefined when there was no answer. */
export const statusOf = (error: unknown): number | undefined => (error instanceof ApiException ? error.code : undefined);

/** What the API said, in one line. */
export function errorText(error: unknown): string {
  if (error instanceof ApiException) {
    const body: unknown = typeof error.body === 'string' ? parseOr(error.body) : error.body;
    const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : body;
    return `${error.code} ${String(message ?? '').slice(0, 400)}`.trim();
  }
  if (error instanceof Error) return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
  return String(error);
}

/** Runs one call of the API. @throws OrchestrationError that says what was being done; a status in `accepted` gives undefined instead. */
export async function calling<T>(what: string, accepted: number[], call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    const status = statusOf(error);
    if (status !== undefined && accepted.includes(status)) return undefined;
    throw new OrchestrationError(`${what}: ${errorText(error)}`, status, { cause: error });
  }
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
