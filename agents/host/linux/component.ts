import type { Sample } from '../../bus/messages.ts';
import { Rate } from '../rate.ts';
import type { TrackedComponent } from '../signals.ts';
import { type CgroupPlace, diskBytes, memoryBytes, podCgroup, processorSeconds, throttling } from './cgroup.ts';
import { type Place, type Reader, samplesOf } from './reader.ts';

/**
 * What a component's pod uses, by its cgroup: component_cpu_cores, component_cpu_throttled_ratio (share of its quota's periods in which it was
 * held back), component_memory_bytes, component_memory_limit_bytes, component_disk_{read,write}_bytes_per_second.
 */
export class ComponentReader implements Reader {
  readonly #place: Place;
  readonly #tracked: TrackedComponent;
  readonly #processor = new Rate();
  readonly #periods = new Rate();
  readonly #throttled = new Rate();
  readonly #read = new Rate();
  readonly #written = new Rate();
  #pod: CgroupPlace | undefined;

  constructor(place: Place, tracked: TrackedComponent) {
    this.#place = place;
    this.#tracked = tracked;
  }

  read(atMs: number): Sample[] {
    const { files, cgroup } = this.#place;
    if (cgroup) this.#pod ??= podCgroup(files, cgroup, this.#tracked.podUid);
    const pod = this.#pod;
    if (!pod) return [];
    const seconds = processorSeconds(files, pod);
    const memory = memoryBytes(files, pod);
    const disk = diskBytes(files, pod);
    const quota = throttling(files, pod);
    const periods = this.#periods.next(quota?.periods, atMs);
    const throttled = this.#throttled.next(quota?.throttled, atMs);
    // A container that was started again may have a cgroup of another name.
    if (seconds === undefined) this.#pod = undefined;
    const { application, component } = this.#tracked;
    const values = {
      component_cpu_cores: this.#processor.next(seconds, atMs),
      component_cpu_throttled_ratio:
        periods === undefined || throttled === undefined || periods === 0 ? undefined : throttled / periods,
      component_memory_bytes: memory?.used,
      component_memory_limit_bytes: memory?.limit,
      component_disk_read_bytes_per_second: this.#read.next(disk?.read, atMs),
      component_disk_write_bytes_per_second: this.#written.next(disk?.written, atMs),
    };
    return samplesOf(values, { application, component });
  }
}
