import { join } from 'node:path';
import type { Sample } from '../../bus/messages.ts';
import { knownPowerModel, modelledPowerW, type PowerModel } from '../power-model.ts';
import { readNumber } from './files.ts';
import { parseProcessorInfo } from './proc.ts';
import type { Place, Reader } from './reader.ts';

const folder = '/sys/class/powercap';
const hwmon = '/sys/class/hwmon';

interface Counter {
  path: string;
  /** µJ at which it begins anew at 0. */
  range: number | undefined;
  last: number | undefined;
}

/**
 * power_w, and energy_j since the agent started. Measured by the machine's own power meter (ACPI; source "power_meter") or by the packages' energy
 * counters (RAPL; source "rapl") where they can be read, else by a model of the processor (source "model"), else neither is told. In a
 * container meters and counters are of the machine around it: there a model that was given for it is all there is.
 */
export class PowerReader implements Reader {
  readonly #place: Place;
  readonly #given: PowerModel | undefined;
  #counters: Counter[] | undefined;
  /** Its folder; null when there is none. */
  #meter: string | null | undefined;
  #model: PowerModel | null | undefined;
  #joules = 0;
  #lastMs: number | undefined;

  constructor(place: Place, given?: PowerModel) {
    this.#place = place;
    this.#given = given;
  }

  /** @param soFar this time's readings, for the processor's use and frequency, on which a model goes */
  read(atMs: number, soFar: readonly Sample[]): Sample[] {
    const elapsedS = this.#lastMs === undefined ? undefined : (atMs - this.#lastMs) / 1000;
    this.#lastMs = atMs;
    const metered = this.#metered();
    if (metered !== undefined)
      return this.#told(elapsedS === undefined ? undefined : metered * elapsedS, elapsedS, 'power_meter');
    const measured = this.#measured(elapsedS);
    if (measured !== undefined) return this.#told(measured.joules, elapsedS, 'rapl');
    const model = this.#modelOf();
    const value = (metric: string): number | undefined => soFar.find((sample) => sample.metric === metric)?.value;
    const used = value('cpu_used_ratio');
    if (!model || used === undefined || elapsedS === undefined) return [];
    return this.#told(modelledPowerW(model, used, value('cpu_frequency_ghz')) * elapsedS, elapsedS, 'model');
  }

  #told(joules: number | undefined, elapsedS: number | undefined, source: string): Sample[] {
    if (joules === undefined || !elapsedS || elapsedS <= 0) return [];
    this.#joules += joules;
    return [
      { metric: 'power_w', value: joules / elapsedS, source },
      { metric: 'energy_j', value: this.#joules, source },
    ];
  }

  /** W of the whole machine now. */
  #metered(): number | undefined {
    const { files, inContainer } = this.#place;
    if (inContainer) return undefined;
    this.#meter ??=
      files
        .list(hwmon)
        .map((name) => join(hwmon, name))
        .find((path) => files.read(join(path, 'name'))?.trim() === 'power_meter') ?? null;
    if (this.#meter === null) return undefined;
    const microwatts =
      readNumber(files, join(this.#meter, 'power1_average')) ?? readNumber(files, join(this.#meter, 'power1_input'));
    return microwatts === undefined ? undefined : microwatts / 1e6;
  }

  /** undefined where nothing is measured; without joules at the first reading, and where a counter went back for no known reason. */
  #measured(elapsedS: number | undefined): { joules: number | undefined } | undefined {
    const { files, inContainer } = this.#place;
    if (inContainer) return undefined;
    this.#counters ??= files
      .list(folder)
      .filter((name) => /^intel-rapl:\d+$/.test(name))
      // "psys" is the platform, which holds the packages: both would count twice.
      .filter((name) => files.read(join(folder, name, 'name'))?.startsWith('package') ?? true)
      .map((name) => ({
        path: join(folder, name, 'energy_uj'),
        range: readNumber(files, join(folder, name, 'max_energy_range_uj')),
        last: undefined,
      }));
    if (this.#counters.length === 0) return undefined;
    let microjoules: number | undefined = 0;
    for (const counter of this.#counters) {
      const now = readNumber(files, counter.path);
      if (now === undefined) return undefined;
      let grown = counter.last === undefined ? undefined : now - counter.last;
      if (grown !== undefined && grown < 0) grown = counter.range === undefined ? undefined : grown + counter.range;
      counter.last = now;
      microjoules = microjoules === undefined || grown === undefined ? undefined : microjoules + grown;
    }
    return { joules: elapsedS === undefined || microjoules === undefined ? undefined : microjoules / 1e6 };
  }

  #modelOf(): PowerModel | null {
    const { files, inContainer } = this.#place;
    this.#model ??=
      this.#given ??
      // A container's share of its machine's power is nobody's measurement.
      (inContainer ? null : (knownPowerModel(parseProcessorInfo(files.read('/proc/cpuinfo') ?? '').model) ?? null));
    return this.#model;
  }
}
