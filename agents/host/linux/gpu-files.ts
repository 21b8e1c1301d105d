import type { Gpu, GpuClocks } from '../gpu-clocks.ts';
import type { KernelSettings } from './settings.ts';

interface Layout {
  folder: string;
  names: RegExp;
  /** Of one frequency's number, Hz. */
  unitHz: number;
  least: string;
  most: string;
  current: string;
  lowest?: string;
  highest?: string;
  available?: string;
}

/** Drivers that show the frequency of a graphics processor as files: i915, xe, and devfreq's (Mali, Adreno, Tegra). */
const layouts: Layout[] = [
  {
    folder: '/sys/class/drm',
    names: /^card\d+$/,
    unitHz: 1e6,
    least: 'gt_min_freq_mhz',
    most: 'gt_max_freq_mhz',
    current: 'gt_act_freq_mhz',
    lowest: 'gt_RPn_freq_mhz',
    highest: 'gt_RP0_freq_mhz',
  },
  {
    folder: '/sys/class/drm',
    names: /^card\d+$/,
    unitHz: 1e6,
    least: 'device/tile0/gt0/freq0/min_freq',
    most: 'device/tile0/gt0/freq0/max_freq',
    current: 'device/tile0/gt0/freq0/act_freq',
    lowest: 'device/tile0/gt0/freq0/rpn_freq',
    highest: 'device/tile0/gt0/freq0/rp0_freq',
  },
  {
    folder: '/sys/class/devfreq',
    // Other things have a devfreq as well: memory controllers, buses.
    names: /gpu|mali|kgsl|gp10b|gv11b|ga10b/i,
    unitHz: 1,
    least: 'min_freq',
    most: 'max_freq',
    current: 'cur_freq',
    available: 'available_frequencies',
  },
];

interface Found {
  gpu: Gpu;
  path: string;
  layout: Layout;
}

/** Graphics processors that the kernel shows in /sys. */
export class GpuFiles implements GpuClocks {
  readonly #settings: KernelSettings;
  readonly #before = new Map<string, { least: string; most: string }>();

  constructor(settings: KernelSettings) {
    this.#settings = settings;
  }

  async look(): Promise<Gpu[]> {
    return this.#all().map(({ gpu }) => gpu);
  }

  async hold(id: string, between: { leastMHz: number; mostMHz: number } | null): Promise<() => Promise<void>> {
    const found = this.#all().find(({ gpu }) => gpu.id === id);
    if (!found) throw new Error(`there is no graphics processor ${id}`);
    const { layout } = found;
    const former = this.#read(found);
    const kept = this.#before.get(id);
    const text = (mhz: number): string => String(Math.round((mhz * 1e6) / layout.unitHz));
    const wanted = between ? { least: text(between.leastMHz), most: text(between.mostMHz) } : (kept ?? former);
    this.#write(found, wanted);
    if (!between) this.#before.delete(id);
    else if (!kept) this.#before.set(id, former);
    return async () => this.#write(found, former);
  }

  #read({ path, layout }: Found): { least: string; most: string } {
    const read = (file: string): string => this.#settings.read(`${path}/${file}`) ?? '';
    return { least: read(layout.least), most: read(layout.most) };
  }

  /** The least may never pass the most, in between neither: the one that gives way goes first. @throws Error */
  #write(found: Found, wanted: { least: string; most: string }): void {
    const { path, layout } = found;
    const most = () => this.#settings.write(`${path}/${layout.most}`, wanted.most);
    const least = () => this.#settings.write(`${path}/${layout.least}`, wanted.least);
    const isRaised = Number(wanted.least) > Number(this.#read(found).most);
    for (const write of isRaised ? [most, least] : [least, most]) write();
    const got = this.#read(found);
    if (got.least !== wanted.least || got.most !== wanted.most)
      throw new Error(`the kernel has set ${got.least}–${got.most} instead of ${wanted.least}–${wanted.most}`);
  }

  #all(): Found[] {
    const { list, read } = this.#settings;
    return layouts.flatMap((layout) =>
      list(layout.folder)
        .filter((name) => layout.names.test(name))
        .sort()
        .flatMap((id): Found[] => {
          const path = `${layout.folder}/${id}`;
          const megahertz = (file: string | undefined): number =>
            file === undefined ? Number.NaN : (Number(read(`${path}/${file}`) ?? Number.NaN) * layout.unitHz) / 1e6;
          const availableMHz = (layout.available === undefined ? '' : (read(`${path}/${layout.available}`) ?? ''))
            .split(/\s+/)
            .filter(Boolean)
            .map((one) => (Number(one) * layout.unitHz) / 1e6)
            .sort((a, b) => a - b);
          const lowestMHz = availableMHz[0] ?? megahertz(layout.lowest);
          const highestMHz = availableMHz.at(-1) ?? megahertz(layout.highest);
          const held = { leastMHz: megahertz(layout.least), mostMHz: megahertz(layout.most) };
          if (!(lowestMHz > 0) || !(highestMHz >= lowestMHz) || !(held.mostMHz > 0)) return [];
          const current = megahertz(layout.current);
          const currentMHz = current > 0 ? current : null;
          return [{ gpu: { id, name: id, lowestMHz, highestMHz, availableMHz, currentMHz, held }, path, layout }];
        }),
    );
  }
}
