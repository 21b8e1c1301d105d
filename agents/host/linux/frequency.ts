import { readNumber } from './files.ts';
import type { Place, Reader } from './reader.ts';

const folder = '/sys/devices/system/cpu/cpufreq';
/** On a machine of hundreds of processors, each with a policy of its own, so many are looked at each time, in turn. */
const mostPolicies = 16;

/** cpu_frequency_ghz: the mean of the processors' frequencies now. Absent where the kernel has no cpufreq: the nominal one is no reading. */
export class FrequencyReader implements Reader {
  readonly #place: Place;
  #policies: string[] | undefined;
  #next = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  read() {
    const { files, inContainer } = this.#place;
    this.#policies ??= files.list(folder).filter((name) => name.startsWith('policy'));
    const policies = this.#policies;
    if (policies.length === 0) return [];
    let sum = 0;
    let count = 0;
    for (let i = 0; i < Math.min(policies.length, mostPolicies); i++) {
      const kilohertz = readNumber(files, `${folder}/${policies[this.#next]}/scaling_cur_freq`);
      this.#next = (this.#next + 1) % policies.length;
      if (kilohertz === undefined) continue;
      sum += kilohertz;
      count++;
    }
    // Processors are the machine's, also where a container uses them.
    return count === 0
      ? []
      : [{ metric: 'cpu_frequency_ghz', value: sum / count / 1e6, ...(inContainer && { source: 'machine' }) }];
  }
}
