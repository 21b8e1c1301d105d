import { cpuFrequencyCommandSchema } from '../../../agents/mechanisms/cpu-frequency.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from '../../../agents/mechanisms/mechanism.ts';
import { frequenciesOf } from './processors.ts';
import type { World } from './world.ts';

/** The framework's frequency mechanism over a simulated host, whose processors all change together. */
export class WorldFrequency implements Mechanism {
  readonly name = 'CPUFrequencyConfigurator';
  readonly #world: World;
  readonly #node: string;

  constructor(world: World, node: string) {
    this.#world = world;
    this.#node = node;
  }

  state(): Json {
    return [{ cpus: this.#cpus(), frequency_hz: Math.round(this.#world.frequencyOf(this.#node) * 1e9) }];
  }

  options(): Json {
    const frequencies = this.#frequencies();
    return [{ cpus: this.#cpus(), min: frequencies[0]!, max: frequencies.at(-1)!, frequencies, governors: [] }];
  }

  touches(command: unknown): string[] {
    cpuFrequencyCommandSchema.parse(command);
    return ['policy0'];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const parsed = cpuFrequencyCommandSchema.parse(command);
    const wanted = parsed.command === 'reset' ? 'max' : parsed.frequency;
    if (wanted === undefined) throw new MechanismError('a simulated host has frequencies, but no governors');
    const frequencies = this.#frequencies();
    const hertz = wanted === 'max' ? frequencies.at(-1)! : wanted === 'min' ? frequencies[0]! : Number.parseFloat(String(wanted));
    const nearest = frequencies.reduce((best, one) => (Math.abs(one - hertz) < Math.abs(best - hertz) ? one : best));
    const former = this.#world.frequencyOf(this.#node);
    await plan.run(`Set ${nearest / 1e9} GHz on ${this.#node}`, async () => this.#world.setFrequency(this.#node, nearest / 1e9), {
      title: `Put ${this.#node} back to ${former} GHz`,
      run: async () => this.#world.setFrequency(this.#node, former),
    });
  }

  #frequencies(): number[] {
    return frequenciesOf(this.#world.node(this.#node)).map((ghz) => Math.round(ghz * 1e9));
  }

  #cpus(): number[] {
    return Array.from({ length: this.#world.node(this.#node).cores }, (_, cpu) => cpu);
  }
}
