import { z } from 'zod';
import { type KernelSettings, parseProcessorList } from '../host/linux/settings.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';

/** The framework's command, and besides it a governor. A frequency is "min", "max" or a number of Hz, with or without the unit. */
export const cpuFrequencyCommandSchema = z.union([
  z.object({ command: z.literal('reset'), cpu: z.string().default('all') }),
  z
    .object({
      command: z.literal('set'),
      cpu: z.string().default('all'),
      frequency: z.union([z.enum(['min', 'max']), z.number().positive(), z.string().regex(/^\d+(\.\d+)?\s*(Hz)?$/)]).optional(),
      governor: z.string().optional(),
    })
    .refine(({ frequency, governor }) => frequency !== undefined || governor !== undefined, 'give a frequency or a governor'),
]);

const folder = '/sys/devices/system/cpu';

/** One frequency domain: processors that change together (kernel documentation, admin-guide/pm/cpufreq). Frequencies in kHz, as there. */
interface Domain {
  path: string;
  processors: number[];
  lowestKHz: number;
  highestKHz: number;
  /** Empty where the driver takes any frequency between the two. */
  availableKHz: number[];
  governors: string[];
}

interface Setting {
  minimumKHz: string;
  maximumKHz: string;
  governor: string;
}

/**
 * Frequency and governor of the processors, through cpufreq. A frequency is held by setting lowest and highest to it: that works with every
 * driver, where the userspace governor does not. "reset" gives back what was set before the first change.
 */
export class CpuFrequencyMechanism implements Mechanism {
  readonly name = 'CPUFrequencyConfigurator';
  readonly #settings: KernelSettings;
  readonly #before = new Map<string, Setting>();

  constructor(settings: KernelSettings) {
    this.#settings = settings;
  }

  /** Why there is nothing to set here; undefined when there is. */
  get absent(): string | undefined {
    return this.#domains().length > 0 ? undefined : 'this kernel or machine has no cpufreq';
  }

  state(): Json {
    return this.#domains().map(({ path, processors }) => ({
      cpus: processors,
      frequency_hz: hertz(this.#settings.read(`${path}/scaling_cur_freq`)),
      min_hz: hertz(this.#settings.read(`${path}/scaling_min_freq`)),
      max_hz: hertz(this.#settings.read(`${path}/scaling_max_freq`)),
      governor: this.#settings.read(`${path}/scaling_governor`) ?? null,
    }));
  }

  options(): Json {
    const { absent } = this;
    if (absent !== undefined) return { absent };
    return this.#domains().map(({ processors, lowestKHz, highestKHz, availableKHz, governors }) => ({
      cpus: processors,
      min: lowestKHz * 1000,
      max: highestKHz * 1000,
      frequencies: availableKHz.map((khz) => khz * 1000),
      governors,
    }));
  }

  touches(command: unknown): string[] {
    return this.#concerned(cpuFrequencyCommandSchema.parse(command).cpu).map(({ path }) => path.slice(folder.length + 1));
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const parsed = cpuFrequencyCommandSchema.parse(command);
    if (this.absent !== undefined) throw new MechanismError(this.absent);
    const domains = this.#concerned(parsed.cpu);
    if (domains.length === 0) throw new MechanismError(`there is no processor ${parsed.cpu}`);
    for (const domain of domains) {
      const former = this.#read(domain);
      const wanted =
        parsed.command === 'reset' ? (this.#before.get(domain.path) ?? former) : this.#wanted(domain, former, parsed);
      const which = `processors ${domain.processors.join(', ')}`;
      await plan.run(`${parsed.command === 'reset' ? 'Reset' : 'Set'} ${which}`, async () => this.#write(domain, wanted), {
        title: `Put ${which} back`,
        run: async () => this.#write(domain, former),
      });
      if (parsed.command === 'reset') this.#before.delete(domain.path);
      else if (!this.#before.has(domain.path)) this.#before.set(domain.path, former);
    }
  }

  #wanted(
    domain: Domain,
    former: Setting,
    { frequency, governor }: { frequency?: string | number | undefined; governor?: string | undefined },
  ): Setting {
    if (governor !== undefined && !domain.governors.includes(governor))
      throw new MechanismError(`there is no governor "${governor}"; there are ${domain.governors.join(', ')}`);
    const held = frequency === undefined ? undefined : String(this.#kilohertz(domain, frequency));
    return {
      governor: governor ?? former.governor,
      minimumKHz: held ?? former.minimumKHz,
      maximumKHz: held ?? former.maximumKHz,
    };
  }

  /** The frequency that comes nearest among those there are. @throws MechanismError when it is out of their range */
  #kilohertz({ lowestKHz, highestKHz, availableKHz }: Domain, frequency: string | number): number {
    if (frequency === 'min') return lowestKHz;
    if (frequency === 'max') return highestKHz;
    const wanted = (typeof frequency === 'number' ? frequency : Number.parseFloat(frequency)) / 1000;
    if (wanted < lowestKHz || wanted > highestKHz)
      throw new MechanismError(`${wanted / 1000} MHz is not between ${lowestKHz / 1000} and ${highestKHz / 1000} MHz`);
    return availableKHz.length === 0
      ? Math.round(wanted)
      : availableKHz.reduce((best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best));
  }

  #read({ path }: Domain): Setting {
    return {
      minimumKHz: this.#settings.read(`${path}/scaling_min_freq`) ?? '',
      maximumKHz: this.#settings.read(`${path}/scaling_max_freq`) ?? '',
      governor: this.#settings.read(`${path}/scaling_governor`) ?? '',
    };
  }

  /** The lowest may never pass the highest, in between neither: the one that gives way goes first. @throws MechanismError */
  #write(domain: Domain, wanted: Setting): void {
    const { path } = domain;
    const now = this.#read(domain);
    try {
      if (wanted.governor !== now.governor) this.#settings.write(`${path}/scaling_governor`, wanted.governor);
      const highest = () => this.#settings.write(`${path}/scaling_max_freq`, wanted.maximumKHz);
      const lowest = () => this.#settings.write(`${path}/scaling_min_freq`, wanted.minimumKHz);
      const isRaised = Number(wanted.minimumKHz) > Number(now.maximumKHz);
      for (const write of isRaised ? [highest, lowest] : [lowest, highest]) write();
    } catch (error) {
      throw new MechanismError(`the kernel refuses it: ${error instanceof Error ? error.message : String(error)}`);
    }
    const got = this.#read(domain);
    if (got.minimumKHz !== wanted.minimumKHz || got.maximumKHz !== wanted.maximumKHz || got.governor !== wanted.governor)
      throw new MechanismError(
        `the kernel has set ${got.minimumKHz}–${got.maximumKHz} kHz, ${got.governor} instead of ${wanted.minimumKHz}–${wanted.maximumKHz} kHz, ${wanted.governor}`,
      );
  }

  #concerned(cpu: string): Domain[] {
    const domains = this.#domains();
    if (cpu === 'all') return domains;
    const wanted = parseProcessorList(cpu);
    if (!wanted) throw new MechanismError(`"${cpu}" is no list of processors such as "0,2" or "0-3"`);
    return domains.filter(({ processors }) => processors.some((one) => wanted.includes(one)));
  }

  #domains(): Domain[] {
    const { read, list } = this.#settings;
    return list(`${folder}/cpufreq`)
      .filter((name) => /^policy\d+$/.test(name))
      .flatMap((name): Domain[] => {
        const path = `${folder}/cpufreq/${name}`;
        const [lowestKHz, highestKHz] = [Number(read(`${path}/cpuinfo_min_freq`)), Number(read(`${path}/cpuinfo_max_freq`))];
        if (!(lowestKHz > 0) || !(highestKHz >= lowestKHz)) return [];
        const words = (file: string) => (read(`${path}/${file}`) ?? '').split(/\s+/).filter(Boolean);
        const processors = words('affected_cpus').map(Number);
        return [
          {
            path,
            processors: processors.length > 0 ? processors : [Number(name.slice('policy'.length))],
            lowestKHz,
            highestKHz,
            availableKHz: words('scaling_available_frequencies').map(Number),
            governors: words('scaling_available_governors'),
          },
        ];
      })
      .sort((a, b) => (a.processors[0] ?? 0) - (b.processors[0] ?? 0));
  }
}

const hertz = (kilohertz: string | undefined): number | null => (kilohertz === undefined ? null : Number(kilohertz) * 1000);
