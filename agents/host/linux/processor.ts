import { Rate } from '../rate.ts';
import { processorQuota, processorSeconds, processorUse } from './cgroup.ts';
import { parseProcStat } from './proc.ts';
import { fromCgroup, ofMachine, type Place, type Reader, samplesOf } from './reader.ts';

/** How a whole machine's processors spent their time, as shares of all of it; "used" is all but idle and waiting. */
const modes = ['user', 'nice', 'system', 'irq', 'steal', 'iowait', 'idle'] as const;

/**
 * cpu_used_ratio, and cpu_<mode>_ratio for each of `modes`. A container has its cgroup's time by what its quota allows, in user and system
 * alone; without a cgroup of its own it has the machine's, named so.
 */
export class ProcessorReader implements Reader {
  readonly #place: Place;
  readonly #rates = new Map<string, Rate>();

  constructor(place: Place) {
    this.#place = place;
  }

  read(atMs: number) {
    const { files, inContainer, cgroup } = this.#place;
    const time = parseProcStat(files.read('/proc/stat') ?? '');
    if (inContainer && cgroup) {
      const seconds = processorSeconds(files, cgroup);
      if (seconds !== undefined) {
        const cores = processorQuota(files, cgroup) ?? time?.processors ?? 1;
        const use = processorUse(files, cgroup);
        const share = (name: string, value: number | undefined): number | undefined => {
          const rate = this.#rate(name).next(value, atMs);
          return rate === undefined ? undefined : Math.min(rate / cores, 1);
        };
        const values = {
          cpu_used_ratio: share('used', seconds),
          cpu_user_ratio: share('user', use?.userS),
          cpu_system_ratio: share('system', use?.systemS),
        };
        return samplesOf(values, { source: fromCgroup });
      }
    }
    const total = this.#rate('total').next(time?.total, atMs);
    const share = (name: string, ticks: number | undefined): number | undefined => {
      const rate = this.#rate(name).next(ticks, atMs);
      return rate === undefined || !total ? undefined : Math.min(rate / total, 1);
    };
    const values: Record<string, number | undefined> = { cpu_used_ratio: share('used', time?.busy) };
    for (const mode of modes) values[`cpu_${mode}_ratio`] = share(mode, time?.modes[mode]);
    return samplesOf(values, ofMachine(this.#place));
  }

  #rate(name: string): Rate {
    const known = this.#rates.get(name) ?? new Rate();
    this.#rates.set(name, known);
    return known;
  }
}
