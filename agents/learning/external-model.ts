import { basename, isAbsolute } from 'node:path';
import { z } from 'zod';
import { HttpPredictor } from './http-predictor.ts';
import { ModelError, OnnxModel } from './onnx.ts';

/** A model that somebody else has trained: served over HTTP as the framework's are, or as an ONNX file on the agent's host. */
export const externalModelSchema = z.union(
  [
    z.strictObject({
      /** POST /prediction is asked there, with the features by name. */
      url: z.url({ protocol: /^https?$/ }),
      timeoutMs: z.number().positive().max(60_000).default(1000),
    }),
    z.strictObject({
      /** Whole path of the file. Its one input takes the features in their order. */
      model: z.string().refine((path) => isAbsolute(path) && path.endsWith('.onnx'), 'give the whole path of an .onnx file'),
      timeoutMs: z.number().positive().max(60_000).default(2000),
    }),
  ],
  { error: 'give either {"url": "http://…"} or {"model": "/….onnx"}' },
);
export type ExternalModelSettings = z.output<typeof externalModelSchema>;

/** Asks such a model; nothing is opened or started before the first question. */
export class ExternalModel {
  /** For people: "model latency.onnx". */
  readonly name: string;
  readonly kind: 'HTTP' | 'ONNX';
  readonly #settings: ExternalModelSettings;
  #file: OnnxModel | undefined;
  #http: HttpPredictor | undefined;
  #opening: Promise<OnnxModel> | undefined;

  constructor(settings: ExternalModelSettings) {
    this.#settings = settings;
    this.kind = 'url' in settings ? 'HTTP' : 'ONNX';
    this.name = `model ${'url' in settings ? settings.url : basename(settings.model)}`;
  }

  /** @param about what is predicted, for messages @throws Error that says why there is no new prediction */
  async predict(about: string, features: Readonly<Record<string, number>>): Promise<number> {
    if ('model' in this.#settings) return (await this.#opened(this.#settings)).predict(Object.values(features));
    const { url, timeoutMs } = this.#settings;
    this.#http ??= new HttpPredictor({ url, timeoutMs }, { fetch, now: Date.now, tell: () => {} });
    const { value, stale } = await this.#http.predict(about, features);
    // An old prediction is of an old situation; whoever asks has learnt models to fall back on.
    if (stale !== undefined) throw new ModelError(`${this.name} gives no prediction: ${stale}`);
    return value;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  async #opened({ model, timeoutMs }: Extract<ExternalModelSettings, { model: string }>): Promise<OnnxModel> {
    if (this.#file) return this.#file;
    this.#opening ??= OnnxModel.open(model, { timeoutMs });
    try {
      this.#file = await this.#opening;
      return this.#file;
    } catch (error) {
      throw new ModelError(`${this.name} cannot be opened: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#opening = undefined;
    }
  }
}
