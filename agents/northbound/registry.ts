import { z } from 'zod';
import type { Log } from '../config.ts';
import { type InfraType, infraTypeSchema } from './endpoints/infra.ts';
import { HttpError } from './http-error.ts';
import { KeptFile } from './kept-file.ts';

const registeredSchema = z.object({
  type: infraTypeSchema,
  id: z.string(),
  description: z.record(z.string(), z.json()),
  /** ms since the epoch, on the agent's clock. */
  registeredAt: z.number(),
});
export type Registered = z.infer<typeof registeredSchema>;
const fileSchema = z.object({ registered: z.array(registeredSchema) });

/** More than a continuum has; descriptions are some kilobytes each, and all of them are in memory. */
const mostRegistered = 10_000;

/** Descriptions of infrastructure, by type and id, kept over restarts. */
export class Registry {
  readonly #file: KeptFile<typeof fileSchema>;
  readonly #all = new Map<string, Registered>();

  private constructor(file: KeptFile<typeof fileSchema>) {
    this.#file = file;
  }

  static async open(path: string, log: Log): Promise<Registry> {
    const registry = new Registry(new KeptFile(path, fileSchema));
    for (const one of (await registry.#file.load(log))?.registered ?? []) registry.#all.set(keyOf(one.type, one.id), one);
    return registry;
  }

  all(): Registered[] {
    return [...this.#all.values()];
  }

  find(type: InfraType, id: string): Registered | undefined {
    return this.#all.get(keyOf(type, id));
  }

  /** @throws HttpError 409 when there are too many */
  async set(one: Registered): Promise<void> {
    const key = keyOf(one.type, one.id);
    if (!this.#all.has(key) && this.#all.size >= mostRegistered)
      throw new HttpError(409, `${mostRegistered} are registered; unregister some first`);
    this.#all.set(key, one);
    await this.#save();
  }

  async delete(type: InfraType, id: string): Promise<void> {
    this.#all.delete(keyOf(type, id));
    await this.#save();
  }

  #save(): Promise<void> {
    return this.#file.save({ registered: this.all() });
  }
}

const keyOf = (type: InfraType, id: string): string => `${type} ${id}`;
