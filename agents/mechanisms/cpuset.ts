import { z } from 'zod';
import type { ProcessorSets } from '../host/linux/processor-sets.ts';
import { parseProcessorList } from '../host/linux/settings.ts';
import type { TrackedComponent } from '../host/signals.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { permittedPods } from './permission.ts';
import { refusing } from './refusing.ts';

const target = { application: z.string().min(1), component: z.string().min(1) };
/** Processors as a list such as "0,2-3". "reset" gives back those before the first change; after a restart of the agent, all there are. */
export const cpusetCommandSchema = z.discriminatedUnion('command', [
  z.strictObject({ command: z.literal('set'), ...target, cpus: z.string().min(1).max(1000) }),
  z.strictObject({ command: z.literal('reset'), ...target }),
]);

const theKernel = 'the kernel refuses it';

/** Processors that a component's pods on this node may run on. */
export class CpusetMechanism implements Mechanism {
  readonly name = 'cpuset';
  readonly #sets: ProcessorSets;
  readonly #components: () => readonly TrackedComponent[];
  /** What each pod had before the first change. */
  readonly #before = new Map<string, number[]>();

  constructor(options: { sets: ProcessorSets; components: () => readonly TrackedComponent[] }) {
    this.#sets = options.sets;
    this.#components = options.components;
  }

  /** Why there is nothing to set here; undefined when there is. */
  get absent(): string | undefined {
    return this.#sets.absent();
  }

  /** null where a pod has no set of its own that could be changed. */
  state(): Json {
    if (this.absent !== undefined) return [];
    return this.#components().map(({ application, component, podUid }) => ({
      application,
      component,
      pod: podUid,
      cpus: this.#sets.read(podUid) ?? null,
    }));
  }

  options(): Json {
    const { absent } = this;
    return absent === undefined ? { cpus: this.#sets.processors() } : { absent };
  }

  touches(command: unknown): string[] {
    const { application, component } = cpusetCommandSchema.parse(command);
    return [`cpuset/${application}/${component}`];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const parsed = cpusetCommandSchema.parse(command);
    if (this.absent !== undefined) throw new MechanismError(this.absent);
    const wanted = parsed.command === 'set' ? this.#wanted(parsed.cpus) : undefined;
    const pods = permittedPods(this.#components(), parsed, 'change_container_cpu_set');
    for (const { podUid, component } of pods) {
      const former = this.#sets.read(podUid);
      if (former === undefined)
        throw new MechanismError(`${component} has no cpuset cgroup on this node: it is not delegated, or has gone`);
      const processors = wanted ?? this.#before.get(podUid) ?? this.#sets.processors();
      const isFirst = !this.#before.has(podUid);
      let back: (() => void) | undefined;
      const work = async () => {
        back = await refusing(() => this.#sets.write(podUid, processors), theKernel);
        if (wanted === undefined) this.#before.delete(podUid);
        else if (isFirst) this.#before.set(podUid, former);
      };
      await plan.run(`Pin ${component} to processors ${processors.join(', ')}`, work, {
        title: `Give ${component} processors ${former.join(', ')} back`,
        run: async () => {
          await refusing(() => back?.(), theKernel);
          if (isFirst) this.#before.delete(podUid);
          else if (wanted === undefined) this.#before.set(podUid, processors);
        },
      });
    }
    this.#forgetGone();
  }

  #wanted(cpus: string): number[] {
    const wanted = parseProcessorList(cpus);
    if (!wanted) throw new MechanismError(`"${cpus}" is no list of processors such as "0,2" or "0-3"`);
    const there = this.#sets.processors();
    const missing = wanted.filter((one) => !there.includes(one));
    if (missing.length > 0)
      throw new MechanismError(`there is no processor ${missing.join(', ')}; there are ${there.join(', ')}`);
    return wanted;
  }

  #forgetGone(): void {
    const there = new Set(this.#components().map(({ podUid }) => podUid));
    for (const podUid of this.#before.keys()) if (!there.has(podUid)) this.#before.delete(podUid);
  }
}
