import { EnvHttpProxyAgent, fetch as fetchThrough } from 'undici';

/** What a download needs of an HTTP client; the fetch of the platform is one. */
export type Fetch = (url: string, options?: FetchOptions) => Promise<Response>;
export interface FetchOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Publishers redirect to their content network once or twice. */
const maxRedirects = 5;
const connectTimeoutMs = 15_000;
/** Until the first byte of an answer; the silence within one is bounded by whoever reads it. */
const headersTimeoutMs = 60_000;

/**
 * An HTTP client that goes through the proxies of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), and follows a few redirects: never
 * from HTTPS to plain HTTP, and without taking credentials to another server.
 */
export function createFetch(): Fetch {
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: connectTimeoutMs },
    headersTimeout: headersTimeoutMs,
    bodyTimeout: 0,
  });
  return async (url, options = {}) => {
    let at = new URL(url);
    let headers = { ...options.headers };
    for (let redirects = 0; ; redirects++) {
      const response = await fetchThrough(at, { headers, signal: options.signal, redirect: 'manual', dispatcher });
      const location = response.headers.get('location');
      // The types of undici's Response and of the platform's differ in name only.
      if (response.status < 300 || response.status > 399 || location === null) return response as unknown as Response;
      await response.body?.cancel();
      const next = new URL(location, at);
      if (redirects === maxRedirects) throw new RedirectError(`it redirects more than ${maxRedirects} times`);
      if (next.protocol !== 'https:' && next.protocol !== at.protocol)
        throw new RedirectError(`it redirects to ${next.origin}, which is not HTTPS`);
      if (next.origin !== at.origin)
        headers = Object.fromEntries(Object.entries(headers).filter(([name]) => !/^authorization$/i.test(name)));
      at = next;
    }
  };
}

/** A redirect that is not followed; trying again does not help. */
export class RedirectError extends Error {
  override readonly name = 'RedirectError';
}
