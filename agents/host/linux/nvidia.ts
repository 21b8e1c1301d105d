import type { Gpu, GpuClocks } from '../gpu-clocks.ts';
import { ProgramError, type Programs } from './programs.ts';

const program = 'nvidia-smi';
const format = '--format=csv,noheader,nounits';

/**
 * NVIDIA's graphics processors, through the nvidia-smi that comes with their driver (NVIDIA System Management Interface, "--lock-gpu-clocks"). The driver
 * does not tell what a processor is held at: that is what was set here.
 */
export class NvidiaClocks implements GpuClocks {
  readonly #programs: Programs;
  readonly #held = new Map<string, { leastMHz: number; mostMHz: number }>();
  /** A driver's list does not change while it runs. */
  readonly #available = new Map<string, number[]>();

  constructor(programs: Programs) {
    this.#programs = programs;
  }

  async look(): Promise<Gpu[]> {
    const fields = '--query-gpu=uuid,name,clocks.current.graphics';
    const text = await this.#programs.run(program, [fields, format]).catch((error: unknown) => {
      // Without the program there is no driver, and without a driver nothing to look at.
      if (error instanceof ProgramError && error.stderr === 'is not installed') return '';
      throw error;
    });
    const found: Gpu[] = [];
    for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
      const [id = '', name = '', current] = line.split(',').map((word) => word.trim());
      const availableMHz = await this.#availableOf(id);
      const [lowestMHz, highestMHz] = [availableMHz[0], availableMHz.at(-1)];
      // One that names no frequencies ("[N/A]") cannot be held at any.
      if (lowestMHz === undefined || highestMHz === undefined) continue;
      const currentMHz = Number(current) > 0 ? Number(current) : null;
      found.push({ id, name, lowestMHz, highestMHz, availableMHz, currentMHz, held: this.#held.get(id) ?? null });
    }
    return found;
  }

  async hold(id: string, between: { leastMHz: number; mostMHz: number } | null): Promise<() => Promise<void>> {
    const former = this.#held.get(id) ?? null;
    await this.#set(id, between);
    return () => this.#set(id, former);
  }

  async #set(id: string, between: { leastMHz: number; mostMHz: number } | null): Promise<void> {
    const how = between ? `--lock-gpu-clocks=${between.leastMHz},${between.mostMHz}` : '--reset-gpu-clocks';
    await this.#programs.run(program, [`--id=${id}`, how]);
    if (between) this.#held.set(id, between);
    else this.#held.delete(id);
  }

  async #availableOf(id: string): Promise<number[]> {
    const known = this.#available.get(id);
    if (known) return known;
    const text = await this.#programs.run(program, [`--id=${id}`, '--query-supported-clocks=graphics', format]);
    const clocks = text.split('\n').map((line) => Number(line.trim() || Number.NaN));
    const available = [...new Set(clocks.filter((one) => one > 0))].sort((a, b) => a - b);
    this.#available.set(id, available);
    return available;
  }
}
