import { z } from 'zod';
import type { KernelSettings } from '../host/linux/settings.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';

/** Watts that each processor package may take on average; "reset" gives back what was set before. */
export const powerCapCommandSchema = z.union([
  z.object({ command: z.literal('reset'), zone: z.string().default('all') }),
  z.object({ command: z.literal('set'), zone: z.string().default('all'), watts: z.number().positive() }),
]);

const folder = '/sys/class/powercap';

/** A power zone and its long-term constraint (kernel documentation, power/powercap). Power in µW, as there. */
interface Zone {
  id: string;
  name: string;
  constraint: string;
  mostMicrowatts: number | null;
}

/** Average power of the processor packages, through powercap (RAPL). */
export class PowerCapMechanism implements Mechanism {
  readonly name = 'powerCap';
  readonly #settings: KernelSettings;
  readonly #before = new Map<string, string>();

  constructor(settings: KernelSettings) {
    this.#settings = settings;
  }

  /** Why there is nothing to set here; undefined when there is. */
  get absent(): string | undefined {
    return this.#zones().length > 0 ? undefined : 'this kernel or machine has no powercap zone that can be set';
  }

  state(): Json {
    return this.#zones().map(({ id, name, constraint }) => ({
      zone: id,
      name,
      watts: watts(this.#settings.read(`${constraint}_power_limit_uw`)),
    }));
  }

  options(): Json {
    const { absent } = this;
    if (absent !== undefined) return { absent };
    return this.#zones().map(({ id, name, mostMicrowatts }) => ({
      zone: id,
      name,
      max_watts: mostMicrowatts === null ? null : mostMicrowatts / 1e6,
    }));
  }

  touches(command: unknown): string[] {
    const { zone } = powerCapCommandSchema.parse(command);
    return this.#concerned(zone).map(({ id }) => id);
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const parsed = powerCapCommandSchema.parse(command);
    if (this.absent !== undefined) throw new MechanismError(this.absent);
    const zones = this.#concerned(parsed.zone);
    if (zones.length === 0) throw new MechanismError(`there is no power zone ${parsed.zone}`);
    for (const zone of zones) {
      const former = this.#settings.read(`${zone.constraint}_power_limit_uw`) ?? '';
      const wanted = parsed.command === 'reset' ? (this.#before.get(zone.id) ?? former) : String(Math.round(parsed.watts * 1e6));
      if (parsed.command === 'set' && zone.mostMicrowatts !== null && Number(wanted) > zone.mostMicrowatts)
        throw new MechanismError(`${parsed.watts} W is above the ${zone.mostMicrowatts / 1e6} W of ${zone.name}`);
      await plan.run(`Cap ${zone.name} at ${Number(wanted) / 1e6} W`, async () => this.#write(zone, wanted), {
        title: `Put the cap of ${zone.name} back`,
        run: async () => this.#write(zone, former),
      });
      if (parsed.command === 'reset') this.#before.delete(zone.id);
      else if (!this.#before.has(zone.id)) this.#before.set(zone.id, former);
    }
  }

  #write({ constraint, name }: Zone, microwatts: string): void {
    try {
      this.#settings.write(`${constraint}_power_limit_uw`, microwatts);
    } catch (error) {
      throw new MechanismError(`the kernel refuses it: ${error instanceof Error ? error.message : String(error)}`);
    }
    // Firmware may lock or round it: what stands there then is what holds.
    const got = Number(this.#settings.read(`${constraint}_power_limit_uw`));
    if (Math.abs(got - Number(microwatts)) > 0.01 * Number(microwatts))
      throw new MechanismError(`${name} stays at ${got / 1e6} W: the firmware has locked it`);
  }

  #concerned(zone: string): Zone[] {
    return this.#zones().filter(({ id, name }) => zone === 'all' || zone === id || zone === name);
  }

  /** Packages alone: a subzone (core, dram) is within its package. */
  #zones(): Zone[] {
    const { read, list } = this.#settings;
    return list(folder)
      .filter((id) => /^[a-z-]+:\d+$/.test(id))
      .sort()
      .flatMap((id): Zone[] => {
        const path = `${folder}/${id}`;
        const number = [0, 1, 2].find((index) => read(`${path}/constraint_${index}_name`) === 'long_term') ?? 0;
        const constraint = `${path}/constraint_${number}`;
        if (read(`${constraint}_power_limit_uw`) === undefined) return [];
        const most = Number(read(`${constraint}_max_power_uw`));
        return [{ id, name: read(`${path}/name`) ?? id, constraint, mostMicrowatts: most > 0 ? most : null }];
      });
  }
}

const watts = (microwatts: string | undefined): number | null => (microwatts === undefined ? null : Number(microwatts) / 1e6);
