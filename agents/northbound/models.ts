import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Log } from '../config.ts';
import { HttpPredictor } from '../learning/http-predictor.ts';
import { type RegisteredModel, registeredModelSchema } from './endpoints/ml.ts';
import { HttpError } from './http-error.ts';
import { KeptFile } from './kept-file.ts';

const fileSchema = z.object({ models: z.array(registeredModelSchema) });
const mostModels = 1000;

/** Models that are served over HTTP, by uid, kept over restarts; each with the predictor that asks it. */
export class Models {
  readonly #file: KeptFile<typeof fileSchema>;
  readonly #all = new Map<string, { model: RegisteredModel; predictor: HttpPredictor }>();
  readonly #parts: { fetch: typeof fetch; now: () => number; log: Log };

  private constructor(file: KeptFile<typeof fileSchema>, parts: { fetch: typeof fetch; now: () => number; log: Log }) {
    this.#file = file;
    this.#parts = parts;
  }

  static async open(path: string, parts: { fetch: typeof fetch; now: () => number; log: Log }): Promise<Models> {
    const models = new Models(new KeptFile(path, fileSchema), parts);
    for (const model of (await models.#file.load(parts.log))?.models ?? []) models.#keep(model);
    return models;
  }

  all(): RegisteredModel[] {
    return [...this.#all.values()].map(({ model }) => model).sort((a, b) => a.name.localeCompare(b.name));
  }

  /** By uid or name. @throws HttpError 404 */
  find(id: string): { model: RegisteredModel; predictor: HttpPredictor } {
    const found = this.#all.get(id) ?? [...this.#all.values()].find(({ model }) => model.name === id);
    if (!found) throw new HttpError(404, `there is no model "${id}"`);
    return found;
  }

  /** One of the same name is replaced, and keeps its uid. @throws HttpError 409 when there are too many */
  async register(given: Omit<RegisteredModel, 'uid' | 'registeredAt'>): Promise<RegisteredModel> {
    const before = this.all().find(({ name }) => name === given.name);
    if (!before && this.#all.size >= mostModels)
      throw new HttpError(409, `${mostModels} models are registered; remove some first`);
    const model = { ...given, uid: before?.uid ?? randomUUID(), registeredAt: this.#parts.now() };
    this.#keep(model);
    await this.#save();
    return model;
  }

  async remove(id: string): Promise<RegisteredModel> {
    const { model } = this.find(id);
    this.#all.delete(model.uid);
    await this.#save();
    return model;
  }

  #keep(model: RegisteredModel): void {
    const { fetch, now, log } = this.#parts;
    const predictor = new HttpPredictor(
      // Whoever asks here wants to know what it says now: no rest after failures.
      { url: model.endpoint, timeoutMs: model.timeout_ms, failures: Number.MAX_SAFE_INTEGER },
      { fetch, now, tell: (level, message) => log(level, message, { model: model.name }) },
    );
    this.#all.set(model.uid, { model, predictor });
  }

  #save(): Promise<void> {
    return this.#file.save({ models: this.all() });
  }
}
