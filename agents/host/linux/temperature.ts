import { join } from 'node:path';
import { readNumber } from './files.ts';
import type { Place, Reader } from './reader.ts';

const ofProcessor = /^(x86_pkg_temp|cpu|soc|coretemp|k10temp|zenpower|armada|bcm|scpi|apm_xgene)/i;
/** Beyond these a sensor is broken or means something else. */
const believable = { lowest: -50, highest: 200 };

/** temperature_celsius: the hottest of the processor's sensors, or of all where none says that it is the processor's. */
export class TemperatureReader implements Reader {
  readonly #place: Place;
  #sensors: string[] | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  read() {
    const { files, inContainer } = this.#place;
    this.#sensors ??= this.#find();
    const celsius = this.#sensors
      .flatMap((path) => readNumber(files, path) ?? [])
      .map((thousandths) => thousandths / 1000)
      .filter((value) => value > believable.lowest && value < believable.highest);
    if (celsius.length === 0) return [];
    return [{ metric: 'temperature_celsius', value: Math.max(...celsius), ...(inContainer && { source: 'machine' }) }];
  }

  #find(): string[] {
    const { files } = this.#place;
    const zones = files
      .list('/sys/class/thermal')
      .filter((name) => name.startsWith('thermal_zone'))
      .map((name) => join('/sys/class/thermal', name))
      .map((zone) => ({ kind: files.read(join(zone, 'type'))?.trim() ?? '', path: join(zone, 'temp') }));
    const chips = files
      .list('/sys/class/hwmon')
      .map((name) => join('/sys/class/hwmon', name))
      .flatMap((chip) => {
        const kind = files.read(join(chip, 'name'))?.trim() ?? '';
        const inputs = files.list(chip).filter((name) => /^temp\d+_input$/.test(name));
        return inputs.map((name) => ({ kind, path: join(chip, name) }));
      });
    const all = [...zones, ...chips];
    const own = all.filter(({ kind }) => ofProcessor.test(kind));
    return (own.length > 0 ? own : all).map(({ path }) => path);
  }
}
