import { join } from 'node:path';
import { Rate } from '../rate.ts';
import { fromCgroup, ofMachine, type Place, type Reader, samplesOf } from './reader.ts';

const resources = ['cpu', 'memory', 'io'] as const;

/**
 * pressure_<resource>_ratio: share of the time since the last reading in which some task waited for the resource (PSI,
 * docs.kernel.org/accounting/psi.html). By the running total rather than the kernel's average over 10 s, which lags.
 */
export class PressureReader implements Reader {
  readonly #place: Place;
  readonly #rates = { cpu: new Rate(), memory: new Rate(), io: new Rate() };

  constructor(place: Place) {
    this.#place = place;
  }

  read(atMs: number) {
    const { files, inContainer, cgroup } = this.#place;
    return resources.flatMap((resource) => {
      const own =
        inContainer && cgroup?.version === 'v2' ? files.read(join(cgroup.processor, `${resource}.pressure`)) : undefined;
      const text = own ?? files.read(`/proc/pressure/${resource}`);
      const share = this.#rates[resource].next(parsePressure(text ?? ''), atMs);
      if (share === undefined) return [];
      const from = own === undefined ? ofMachine(this.#place) : { source: fromCgroup };
      return samplesOf({ [`pressure_${resource}_ratio`]: Math.min(share, 1) }, from);
    });
  }
}

/** Seconds in which some task has waited, of "some avg10=0.00 avg60=0.00 avg300=0.00 total=123" (µs). */
export function parsePressure(text: string): number | undefined {
  const total = /^some .*\btotal=(\d+)/m.exec(text)?.[1];
  return total === undefined ? undefined : Number(total) / 1e6;
}
