import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Gpu, GpuClocks } from '../host/gpu-clocks.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { refusing } from './refusing.ts';
import { Sighting } from './sighting.ts';

/** As of the processors: a frequency is "min", "max" or a number of Hz. `gpu` is an id of the options. */
export const gpuFrequencyCommandSchema = z.discriminatedUnion('command', [
  z.strictObject({ command: z.literal('reset'), gpu: z.string().default('all') }),
  z.strictObject({
    command: z.literal('set'),
    gpu: z.string().default('all'),
    frequency: z.union([z.enum(['min', 'max']), z.number().positive()]),
  }),
]);

const none = 'this machine has no graphics processor whose frequency can be set';

/** Frequency of the graphics processors: held at one, or as the driver had it before. */
export class GpuFrequencyMechanism implements Mechanism {
  readonly name = 'gpuFrequency';
  readonly #sources: readonly GpuClocks[];
  readonly #sighting: Sighting<{ gpu: Gpu; clocks: GpuClocks }[]>;

  constructor(options: { sources: readonly GpuClocks[]; clock: Clock }) {
    this.#sources = options.sources;
    this.#sighting = new Sighting(() => this.#look(), options.clock);
  }

  /** As last seen; see `Sighting`. */
  state(): Json {
    const view = this.#sighting.get();
    if ('problem' in view) return [];
    return view.seen.map(({ gpu: { id, name, currentMHz, held } }) => ({
      gpu: id,
      name,
      frequency_hz: currentMHz === null ? null : currentMHz * 1e6,
      min_hz: held ? held.leastMHz * 1e6 : null,
      max_hz: held ? held.mostMHz * 1e6 : null,
    }));
  }

  options(): Json {
    const view = this.#sighting.get();
    if ('problem' in view) return { absent: view.problem };
    if (view.seen.length === 0) return { absent: none };
    return view.seen.map(({ gpu: { id, name, lowestMHz, highestMHz, availableMHz } }) => ({
      gpu: id,
      name,
      min: lowestMHz * 1e6,
      max: highestMHz * 1e6,
      frequencies: availableMHz.map((one) => one * 1e6),
    }));
  }

  /** All of them together: which there are takes time to see. */
  touches(command: unknown): string[] {
    gpuFrequencyCommandSchema.parse(command);
    return ['gpu'];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const parsed = gpuFrequencyCommandSchema.parse(command);
    const there = await refusing(() => this.#look(), 'the graphics processors cannot be looked at');
    if (there.length === 0) throw new MechanismError(none);
    const concerned = there.filter(({ gpu }) => parsed.gpu === 'all' || parsed.gpu === gpu.id);
    if (concerned.length === 0)
      throw new MechanismError(
        `there is no graphics processor ${parsed.gpu}; there are ${there.map(({ gpu }) => gpu.id).join(', ')}`,
      );
    const changes = concerned.map(({ gpu, clocks }) => {
      const mhz = parsed.command === 'reset' ? null : frequencyOf(gpu, parsed.frequency);
      return { id: gpu.id, clocks, mhz, between: mhz === null ? null : { leastMHz: mhz, mostMHz: mhz } };
    });
    for (const { id, clocks, mhz, between } of changes) {
      let back: (() => Promise<void>) | undefined;
      await plan.run(
        mhz === null ? `Let ${id} choose its frequency` : `Hold ${id} at ${mhz} MHz`,
        async () => {
          back = await refusing(() => clocks.hold(id, between), `${id} refuses it`);
        },
        {
          title: `Put ${id} back`,
          run: async () => {
            await refusing(async () => back?.(), `${id} cannot be put back`);
            await this.#sighting.refresh();
          },
        },
      );
    }
    await this.#sighting.refresh();
  }

  async #look(): Promise<{ gpu: Gpu; clocks: GpuClocks }[]> {
    const found = await Promise.all(this.#sources.map(async (clocks) => (await clocks.look()).map((gpu) => ({ gpu, clocks }))));
    return found.flat();
  }
}

/** The frequency that comes nearest among those there are. @throws MechanismError when it is out of their range */
function frequencyOf({ id, lowestMHz, highestMHz, availableMHz }: Gpu, frequency: 'min' | 'max' | number): number {
  if (frequency === 'min') return lowestMHz;
  if (frequency === 'max') return highestMHz;
  const wanted = frequency / 1e6;
  if (wanted < lowestMHz || wanted > highestMHz)
    throw new MechanismError(`${wanted} MHz is not between ${lowestMHz} and ${highestMHz} MHz of ${id}`);
  return availableMHz.length === 0
    ? Math.round(wanted)
    : availableMHz.reduce((best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best));
}
