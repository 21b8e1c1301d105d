import { memoryBytes } from './cgroup.ts';
import { parseMemoryInfo } from './proc.ts';
import { fromCgroup, ofMachine, type Place, type Reader, samplesOf } from './reader.ts';

/** memory_used_bytes (what could not be had at once), memory_total_bytes, swap_used_bytes; of a container within its own limit. */
export class MemoryReader implements Reader {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  read() {
    const { files, inContainer, cgroup } = this.#place;
    const machine = parseMemoryInfo(files.read('/proc/meminfo') ?? '');
    if (!machine) return [];
    const own = inContainer && cgroup ? memoryBytes(files, cgroup) : undefined;
    if (own)
      return samplesOf(
        { memory_used_bytes: own.used, memory_total_bytes: Math.min(machine.total, own.limit ?? machine.total) },
        { source: fromCgroup },
      );
    const values = {
      memory_used_bytes: machine.total - machine.available,
      memory_total_bytes: machine.total,
      swap_used_bytes: machine.swapUsed,
    };
    return samplesOf(values, ofMachine(this.#place));
  }
}
