import { appendFile, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../run/failure.ts';
import { digestOfFile } from './digest.ts';
import { type Fetch, type FetchOptions, RedirectError } from './http.ts';

const remedy =
  'Make a bundle on a connected computer and name its folder in artefacts.bundle of the testbed file, or name a mirror in artefacts.mirror';

/** A failure to get something from its publisher, with what helps. */
export const artefactFailure = (cause: string, error?: unknown, help: string = remedy): Failure =>
  new Failure({ code: 'artefact', cause, remedy: help }, error === undefined ? undefined : { cause: error });

/** A publisher's URL, or the same path below a mirror: https://mirror/dl.k8s.io/release/… */
export function throughMirror(url: string, mirror: string | undefined): string {
  if (mirror === undefined) return url;
  const { host, pathname, search } = new URL(url);
  return `${mirror.replace(/\/$/, '')}/${host}${pathname}${search}`;
}

export interface DownloadOptions {
  fetch: Fetch;
  signal?: AbortSignal;
  /** Bytes after which a file is given up: nothing that a testbed needs is larger than 4 GiB. */
  maxBytes?: number;
  /** ms of silence after which a connection counts as broken, then it is resumed. */
  idleMs?: number;
  /** How often in a row a download may break off without a byte more than before. */
  attempts?: number;
  /** Before another attempt, in ms. */
  waitMs?: (attempt: number) => number;
  onProgress?: (bytes: number) => void;
}

const defaults = { maxBytes: 4 * 1024 ** 3, idleMs: 30_000, attempts: 4, waitMs: (attempt: number) => 500 * 2 ** attempt };

/** Broken in a way that another attempt may mend. */
class Interruption extends Error {}

async function get(url: string, options: DownloadOptions, request: FetchOptions): Promise<Response> {
  try {
    return await options.fetch(url, request);
  } catch (error) {
    if (options.signal?.aborted) throw new Failure({ code: 'cancelled', cause: `the download of ${url} was cancelled` });
    if (error instanceof RedirectError) throw artefactFailure(`${url} is not trusted: ${error.message}`, error);
    throw new Interruption(`${url} cannot be reached`, { cause: error });
  }
}

/** @throws Failure for an answer that another attempt would not change, Interruption for others that are no success. */
function checkStatus(url: string, response: Response): void {
  if (response.ok) return;
  const { status } = response;
  const answer = `${url} answers ${status}${response.statusText === '' ? '' : ` ${response.statusText}`}`;
  if (status === 404 || status === 410)
    throw artefactFailure(
      answer,
      undefined,
      'Check kubernetes.version of the testbed file, and that artefacts.mirror holds this file',
    );
  if (status === 401 || status === 403 || status === 407)
    throw artefactFailure(
      answer,
      undefined,
      'Check that the proxy or mirror on the way lets this address through, or use a bundle',
    );
  if (status < 500 && status !== 408 && status !== 416 && status !== 429) throw artefactFailure(answer);
  throw new Interruption(answer);
}

/** Chunks of a body; ends with an Interruption after silence of `idleMs`, or when the connection is cut. */
async function* chunksOf(url: string, response: Response, idleMs: number, abort: () => void): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Interruption(`${url} went silent`)), idleMs);
      });
      const chunk = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer));
      if (chunk.done) return;
      yield chunk.value;
    }
  } catch (error) {
    throw error instanceof Interruption ? error : new Interruption(`the download of ${url} broke off`, { cause: error });
  } finally {
    abort();
  }
}

/** Tries again after interruptions, as long as `progress` rises or attempts are left. @throws Failure (artefact, cancelled). */
async function persist<T>(options: DownloadOptions, progress: () => number, attempt: () => Promise<T>): Promise<T> {
  const { attempts = defaults.attempts, waitMs = defaults.waitMs, signal } = options;
  for (let failed = 0, before = progress(); ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (signal?.aborted) throw new Failure({ code: 'cancelled', cause: 'the download was cancelled' }, { cause: error });
      if (!(error instanceof Interruption)) throw error;
      failed = progress() > before ? 1 : failed + 1;
      before = progress();
      if (failed >= attempts) throw artefactFailure(error.message, error.cause);
      await delay(waitMs(failed), undefined, { signal }).catch(() => {});
    }
  }
}

/** A small text or document, at most `maxBytes` (1 MiB unless told). @throws Failure (artefact). */
export async function fetchBytes(
  url: string,
  options: DownloadOptions & { headers?: Record<string, string>; accept?: (response: Response) => boolean },
): Promise<{ body: Buffer; response: Response }> {
  const { maxBytes = 1024 * 1024, idleMs = defaults.idleMs } = options;
  return persist(
    options,
    () => 0,
    async () => {
      const abort = new AbortController();
      const signal = options.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, options.signal]);
      const response = await get(url, options, { headers: options.headers, signal });
      if (options.accept?.(response) !== true) checkStatus(url, response);
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of chunksOf(url, response, idleMs, () => abort.abort())) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw artefactFailure(`${url} is larger than ${maxBytes} bytes`);
        chunks.push(chunk);
      }
      return { body: Buffer.concat(chunks), response };
    },
  );
}

/** sha256 from a checksum file: the digest alone, or lines of `digest  name`. @throws Failure (artefact). */
export async function fetchChecksum(url: string, fileName: string, options: DownloadOptions): Promise<string> {
  const text = (await fetchBytes(url, { ...options, maxBytes: undefined })).body.toString('utf8');
  const lines = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+\*?/));
  const line =
    lines.find(([, name]) => name !== undefined && path.posix.basename(name) === fileName) ??
    (lines.length === 1 ? lines[0] : undefined);
  const digest = line?.[0]?.toLowerCase();
  if (digest !== undefined && /^[0-9a-f]{64}$/.test(digest)) return digest;
  throw artefactFailure(`${url} holds no sha256 of ${fileName}`);
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/**
 * Downloads to `target`, which exists only when its bytes are the right ones. What has arrived waits beside it in `.part`, and is gone on
 * with after a cut, in this run or the next one. @throws Failure (artefact, cancelled).
 */
export async function fetchFile(
  url: string,
  sha256: string,
  target: string,
  options: DownloadOptions & { headers?: Record<string, string> },
): Promise<void> {
  const partial = `${target}.part`;
  await mkdir(path.dirname(target), { recursive: true });
  const resumed = (await sizeOf(partial)) > 0;
  let actual = await fetchPartial(url, partial, options);
  // What an earlier run left behind may be of other bytes: they get one clean try.
  if (actual !== sha256 && resumed) {
    await rm(partial, { force: true });
    actual = await fetchPartial(url, partial, options);
  }
  if (actual !== sha256) {
    await rm(partial, { force: true });
    throw artefactFailure(
      `${url} does not have the digest that was expected (sha256 ${actual}, not ${sha256})`,
      undefined,
      'Something on the way (a proxy, a mirror) or the publisher has changed the file; get it from another network or mirror, or use a bundle',
    );
  }
  await rename(partial, target);
}

async function fetchPartial(
  url: string,
  partial: string,
  options: DownloadOptions & { headers?: Record<string, string> },
): Promise<string> {
  const { maxBytes = defaults.maxBytes, idleMs = defaults.idleMs } = options;
  let size = await sizeOf(partial);
  let furthest = size;
  await persist(
    options,
    () => furthest,
    async () => {
      const abort = new AbortController();
      const signal = options.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, options.signal]);
      const headers = size === 0 ? options.headers : { ...options.headers, range: `bytes=${size}-` };
      const response = await get(url, options, { headers, signal });
      // All of it had arrived, or what had arrived is of another file; the digest tells.
      if (response.status === 416 && size > 0) {
        abort.abort();
        if (Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]) === size) return;
        await rm(partial, { force: true });
        size = 0;
        throw new Interruption(`${url} cannot be resumed`);
      }
      checkStatus(url, response);
      const resumes = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${size}-`) === true;
      if (response.status === 206 && !resumes) {
        abort.abort();
        await rm(partial, { force: true });
        size = 0;
        throw new Interruption(`${url} sends another part than was asked for`);
      }
      const file = await open(partial, resumes ? 'a' : 'w');
      try {
        if (!resumes) size = 0;
        const promised = response.headers.get('content-encoding') === null ? response.headers.get('content-length') : null;
        const whole = promised === null ? null : size + Number(promised);
        if (whole !== null && whole > maxBytes) throw artefactFailure(`${url} is larger than ${maxBytes} bytes`);
        for await (const chunk of chunksOf(url, response, idleMs, () => abort.abort())) {
          size += chunk.length;
          if (size > maxBytes) throw artefactFailure(`${url} is larger than ${maxBytes} bytes`);
          await file.appendFile(chunk);
          furthest = Math.max(furthest, size);
          options.onProgress?.(size);
        }
        if (whole !== null && size < whole) throw new Interruption(`the download of ${url} broke off`);
      } finally {
        await file.close();
      }
    },
  );
  // An empty file is one too.
  if (size === 0) await appendFile(partial, '');
  return digestOfFile(partial);
}
