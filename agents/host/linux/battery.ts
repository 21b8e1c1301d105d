import { join } from 'node:path';
import { readNumber } from './files.ts';
import type { Place, Reader } from './reader.ts';

const folder = '/sys/class/power_supply';
/** A battery may be plugged in later; not often. */
const lookAgainMs = 60_000;

/**
 * battery_charge_ratio: charge of all the host's batteries together, by what each can hold (Documentation/ABI/testing/sysfs-class-power). Batteries of a mouse or
 * a pen (scope Device) are none of the host's. A container has none: they are the machine's.
 */
export class BatteryReader implements Reader {
  readonly #place: Place;
  #batteries: string[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(place: Place) {
    this.#place = place;
  }

  read(atMs: number) {
    const { files, inContainer } = this.#place;
    if (inContainer) return [];
    if (atMs - this.#lookedAt >= lookAgainMs) {
      this.#lookedAt = atMs;
      this.#batteries = files
        .list(folder)
        .map((name) => join(folder, name))
        .filter((path) => files.read(join(path, 'type'))?.trim() === 'Battery')
        .filter((path) => files.read(join(path, 'scope'))?.trim() !== 'Device');
    }
    let charge = 0;
    let full = 0;
    for (const battery of this.#batteries) {
      const number = (name: string): number | undefined => readNumber(files, join(battery, name));
      const percent = number('capacity');
      // Both in µWh, or both in µAh; where only the percentage is told, each counts the same.
      const size = number('energy_full') ?? number('charge_full') ?? 1;
      const now = number('energy_now') ?? number('charge_now') ?? (percent === undefined ? undefined : (percent / 100) * size);
      if (now === undefined) continue;
      charge += now;
      full += size;
    }
    return full > 0 ? [{ metric: 'battery_charge_ratio', value: Math.min(charge / full, 1) }] : [];
  }
}
