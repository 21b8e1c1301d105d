import { Rate } from '../rate.ts';
import { ofMachine, type Place, type Reader, samplesOf } from './reader.ts';

/** Sectors of /proc/diskstats are of this size whatever the disk's own is (Documentation/admin-guide/iostats.rst). */
const sectorBytes = 512;
/** Not disks of their own: what they read and write is told again by another, or is memory. */
const repeated = /^(loop|ram|zram|dm-|md|sr|fd|nbd)/;
/** Disks seldom come and go. */
const lookAgainMs = 60_000;

/** disk_{read,write}_bytes_per_second of all disks together, and disk_busy_ratio of the busiest. */
export class DiskReader implements Reader {
  readonly #place: Place;
  readonly #read = new Rate();
  readonly #written = new Rate();
  readonly #busy = new Map<string, Rate>();
  #disks = new Set<string>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(place: Place) {
    this.#place = place;
  }

  read(atMs: number) {
    const { files } = this.#place;
    if (atMs - this.#lookedAt >= lookAgainMs) {
      // Partitions are not in /sys/block, only in their disk's folder.
      this.#disks = new Set(files.list('/sys/block').filter((name) => !repeated.test(name)));
      this.#lookedAt = atMs;
    }
    const text = this.#disks.size > 0 ? files.read('/proc/diskstats') : undefined;
    if (text === undefined) return [];
    let readBytes = 0;
    let writtenBytes = 0;
    let busiest: number | undefined;
    for (const line of text.split('\n')) {
      const [, , name = '', ...numbers] = line.trim().split(/\s+/);
      if (!this.#disks.has(name)) continue;
      readBytes += Number(numbers[2] ?? 0) * sectorBytes;
      writtenBytes += Number(numbers[6] ?? 0) * sectorBytes;
      const rate = this.#busy.get(name) ?? new Rate();
      this.#busy.set(name, rate);
      // ms spent with a request under way, of each second.
      const busy = rate.next(Number(numbers[9] ?? 0) / 1000, atMs);
      if (busy !== undefined) busiest = Math.max(busiest ?? 0, Math.min(busy, 1));
    }
    const values = {
      disk_read_bytes_per_second: this.#read.next(readBytes, atMs),
      disk_write_bytes_per_second: this.#written.next(writtenBytes, atMs),
      disk_busy_ratio: busiest,
    };
    return samplesOf(values, ofMachine(this.#place));
  }
}
