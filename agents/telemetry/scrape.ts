import { get } from 'node:http';
import type { Sample } from '../bus/messages.ts';
import type { TrackedComponent } from '../host/signals.ts';
import { Digest } from './digest.ts';
import { readingsOf } from './exposition-readings.ts';
import { parseExposition } from './openmetrics.ts';

/** A component on the same host answers in milliseconds; one that takes longer would hold up all telemetry. */
const timeoutMs = 800;
const mostBytes = 512 * 1024;
/** Values taken of one component: a thousand label sets must not become a thousand series of everybody's. */
const mostSamples = 200;
/** Failures in a row after which a component is asked less often: at most so many ms apart. */
const patience = 3;
const longestPauseMs = 30_000;
/** A pod that nobody asked for so long is gone. */
const forgetMs = 60_000;

interface Target {
  digest: Digest;
  failures: number;
  notBefore: number;
  askedAt: number;
}

export interface ScraperOptions {
  /** ms, on a clock that never goes back. */
  now?: () => number;
  fetchText?: (url: string) => Promise<string>;
}

/** Reads components' own OpenMetrics endpoints, within limits of size and time; counters as rates too, histograms and summaries as quantiles. */
export class ComponentScraper {
  readonly #targets = new Map<string, Target>();
  readonly #now: () => number;
  readonly #fetchText: (url: string) => Promise<string>;

  constructor(options: ScraperOptions = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#fetchText = options.fetchText ?? fetchText;
  }

  /** @throws Error when it cannot be reached or says nothing sensible; it is left alone for a while when that happens again and again */
  async scrape({ application, component, podUid, metricsUrl }: TrackedComponent): Promise<Sample[]> {
    if (metricsUrl === undefined) return [];
    const target = this.#target(podUid);
    if (this.#now() < target.notBefore) return [];
    try {
      const readings = readingsOf(parseExposition(await this.#fetchText(metricsUrl)));
      target.failures = 0;
      return target.digest
        .next(readings, this.#now())
        .slice(0, mostSamples)
        .map((sample) => ({ ...sample, application, component }));
    } catch (error) {
      target.failures++;
      const pauseMs = target.failures < patience ? 0 : Math.min(1000 * 2 ** (target.failures - patience), longestPauseMs);
      target.notBefore = this.#now() + pauseMs;
      throw error;
    }
  }

  #target(podUid: string): Target {
    const now = this.#now();
    const known = this.#targets.get(podUid);
    if (known) {
      known.askedAt = now;
      return known;
    }
    for (const [uid, { askedAt }] of this.#targets) if (now - askedAt > forgetMs) this.#targets.delete(uid);
    const target = { digest: new Digest(), failures: 0, notBefore: Number.NEGATIVE_INFINITY, askedAt: now };
    this.#targets.set(podUid, target);
    return target;
  }
}

/**
 * Text of a page, within limits of size and time in all. node:http rather than fetch, which alone would take a tenth of the node agent's memory.
 * @throws Error
 */
export function fetchText(url: string, limits: { timeoutMs?: number; mostBytes?: number } = {}): Promise<string> {
  const most = limits.mostBytes ?? mostBytes;
  const withinMs = limits.timeoutMs ?? timeoutMs;
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { accept: 'application/openmetrics-text, text/plain' } }, (response) => {
      if (response.statusCode !== 200) {
        request.destroy(new Error(`${url} answered ${response.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > most) request.destroy(new Error(`${url} sends more than ${most} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      response.on('error', reject);
    });
    // In all, not since the last byte: a page that trickles is as bad as one that does not come.
    const timer = setTimeout(() => request.destroy(new Error(`${url} did not answer within ${withinMs} ms`)), withinMs);
    request.on('close', () => clearTimeout(timer));
    request.on('error', reject);
  });
}
