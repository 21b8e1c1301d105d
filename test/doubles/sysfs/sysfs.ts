import type { KernelSettings } from '../../../agents/host/linux/settings.ts';

/**
 * Double of the kernel's sysfs for machines that have neither cpufreq nor powercap. It refuses what the kernel refuses: a lowest frequency
 * above the highest, a governor that is not there, a file that may not be written.
 */
export class SysfsDouble implements KernelSettings {
  readonly files: Map<string, string>;
  readonly written: string[] = [];
  /** Files that cannot be changed: writing them seems to work, as where firmware has locked them. */
  readonly locked = new Set<string>();

  constructor(files: Record<string, string>) {
    this.files = new Map(Object.entries(files));
  }

  read = (path: string): string | undefined => this.files.get(path);

  list = (path: string): string[] => [
    ...new Set(
      [...this.files.keys()].flatMap((file) => (file.startsWith(`${path}/`) ? [file.slice(path.length + 1).split('/')[0]!] : [])),
    ),
  ];

  write = (path: string, value: string): void => {
    if (!this.files.has(path)) throw refusal('ENOENT', path);
    const sibling = (name: string) => Number(this.files.get(path.replace(/[^/]+$/, name)));
    if (path.endsWith('scaling_min_freq') && Number(value) > sibling('scaling_max_freq')) throw refusal('EINVAL', path);
    if (path.endsWith('scaling_max_freq') && Number(value) < sibling('scaling_min_freq')) throw refusal('EINVAL', path);
    if (path.endsWith('gt_min_freq_mhz') && Number(value) > sibling('gt_max_freq_mhz')) throw refusal('EINVAL', path);
    if (path.endsWith('gt_max_freq_mhz') && Number(value) < sibling('gt_min_freq_mhz')) throw refusal('EINVAL', path);
    if (path.endsWith('scaling_governor')) {
      const governors = this.files.get(path.replace(/[^/]+$/, 'scaling_available_governors'))?.split(' ') ?? [];
      if (!governors.includes(value)) throw refusal('EINVAL', path);
    }
    this.written.push(`${path.split('/').slice(-2).join('/')}=${value}`);
    if (!this.locked.has(path)) this.files.set(path, value);
  };
}

const refusal = (code: string, path: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: invalid argument, write '${path}'`), { code });

/** Two frequency domains as acpi-cpufreq shows them, and one RAPL package. */
export const exampleSysfs = (): SysfsDouble =>
  new SysfsDouble({
    ...domain(0, '0 1'),
    ...domain(2, '2 3'),
    '/sys/class/powercap/intel-rapl:0/name': 'package-0',
    '/sys/class/powercap/intel-rapl:0/constraint_0_name': 'long_term',
    '/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw': '65000000',
    '/sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw': '95000000',
    '/sys/class/powercap/intel-rapl:0:0/name': 'core',
  });

const domain = (number: number, processors: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries({
      affected_cpus: processors,
      cpuinfo_min_freq: '800000',
      cpuinfo_max_freq: '3600000',
      scaling_available_frequencies: '3600000 2400000 1800000 800000',
      scaling_available_governors: 'ondemand performance powersave',
      scaling_cur_freq: '2400000',
      scaling_governor: 'ondemand',
      scaling_max_freq: '3600000',
      scaling_min_freq: '800000',
    }).map(([name, value]) => [`/sys/devices/system/cpu/cpufreq/policy${number}/${name}`, value]),
  );
