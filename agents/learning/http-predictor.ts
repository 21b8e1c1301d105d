import { z } from 'zod';
import { ModelError } from './onnx.ts';

/** What a model says of one prediction: Shapley values by feature, about the base value. */
export interface ModelExplanation {
  base: number;
  contributions: Record<string, number>;
}

export interface RemotePrediction {
  value: number;
  /** ms since the epoch at which the model gave it. */
  at: number;
  /** Why this is the last known prediction rather than a new one; absent when it is new. */
  stale?: string;
  explanation?: ModelExplanation;
}

/** Last predictions that are kept: more than a cluster has nodes. */
const mostKept = 2000;

const settingsSchema = z.strictObject({
  /** Where the model is served; "/prediction" is added. */
  url: z.url({ protocol: /^https?$/ }),
  timeoutMs: z.number().positive().max(60_000).default(1000),
  mostBytes: z.number().int().positive().default(65_536),
  /** Failures in a row after which the model is left alone for a while. */
  failures: z.number().int().positive().default(3),
  restMs: z.number().positive().default(30_000),
});
export type HttpPredictorSettings = z.input<typeof settingsSchema>;

// The framework's servers answer with what Python prints of an array: "[38.2]".
const figureSchema = z.union([
  z.number(),
  z.array(z.number()).min(1),
  z.array(z.array(z.number()).min(1)).min(1),
  z.string().max(200),
]);
const explanationSchema = z.record(z.string(), z.number());
const replySchema = z.object({
  inference: figureSchema.optional(),
  error: z.unknown().optional(),
  explanation: z.unknown().optional(),
});

export interface HttpPredictorParts {
  fetch: typeof fetch;
  now: () => number;
  /** Told once when predictions begin to fail, and once when they are back. */
  tell: (level: 'warn' | 'info', message: string) => void;
}

/**
 * A model served over HTTP as the framework's are: POST /prediction {data: {feature: value}, explanation: true} → {inference, explanation}. A
 * model that is slow, down or talks nonsense costs at most its timeout, then nothing for a while (a circuit breaker: Nygard, Release It!); what
 * it last said of the same thing stands meanwhile, marked as stale.
 */
export class HttpPredictor {
  readonly #settings: z.output<typeof settingsSchema>;
  readonly #parts: HttpPredictorParts;
  readonly #last = new Map<string, RemotePrediction>();
  #failures = 0;
  #restsUntil = 0;
  #isTold = false;

  /** @throws z.ZodError when settings do not fit. */
  constructor(settings: HttpPredictorSettings, parts: HttpPredictorParts) {
    this.#settings = settingsSchema.parse(settings);
    this.#parts = parts;
  }

  /** `about`: what is predicted (a node, say), for the last known prediction of it. @throws ModelError when it fails and nothing was ever said of it. */
  async predict(about: string, data: Readonly<Record<string, number>>): Promise<RemotePrediction> {
    const { now } = this.#parts;
    if (now() < this.#restsUntil) return this.#lastKnown(about, 'the model is left alone for a while after it failed');
    try {
      const prediction = { ...(await this.#ask(data)), at: now() };
      this.#last.delete(about);
      this.#last.set(about, prediction);
      // Those that nobody has asked of for long go first.
      for (const oldest of [...this.#last.keys()].slice(0, Math.max(this.#last.size - mostKept, 0))) this.#last.delete(oldest);
      this.#failures = 0;
      if (this.#isTold) this.#parts.tell('info', `the model at ${this.#settings.url} answers again`);
      this.#isTold = false;
      return prediction;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (++this.#failures >= this.#settings.failures) this.#restsUntil = now() + this.#settings.restMs;
      if (!this.#isTold) this.#parts.tell('warn', `the model at ${this.#settings.url} gives no prediction: ${reason}`);
      this.#isTold = true;
      return this.#lastKnown(about, reason);
    }
  }

  #lastKnown(about: string, reason: string): RemotePrediction {
    const last = this.#last.get(about);
    if (!last) throw new ModelError(`the model at ${this.#settings.url} gives no prediction of ${about}: ${reason}`);
    return { ...last, stale: reason };
  }

  async #ask(data: Readonly<Record<string, number>>): Promise<Omit<RemotePrediction, 'at'>> {
    const { url, timeoutMs, mostBytes } = this.#settings;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const response = await this.#parts.fetch(`${url.replace(/\/+$/, '')}/prediction`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ data, explanation: true }),
        // A model server has no business to send us elsewhere.
        redirect: 'error',
        signal,
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw new ModelError(`it answered ${response.status}`);
      }
      return parseReply(await readText(response, mostBytes), Object.keys(data));
    } catch (error) {
      if (signal.aborted) throw new ModelError(`no answer within ${timeoutMs} ms`);
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
      throw error instanceof ModelError
        ? error
        : new ModelError(`${error instanceof Error ? error.message : String(error)}${cause}`);
    }
  }
}

async function readText(response: Response, most: number): Promise<string> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done || !value) return Buffer.concat(chunks).toString('utf8');
    length += value.length;
    if (length > most) {
      await reader?.cancel();
      throw new ModelError(`its answer has more than ${most} bytes`);
    }
    chunks.push(value);
  }
}

function parseReply(text: string, features: string[]): Omit<RemotePrediction, 'at'> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ModelError('its answer is not JSON');
  }
  const reply = replySchema.safeParse(json);
  if (!reply.success) throw new ModelError(`its answer is not one of a prediction: ${z.prettifyError(reply.error)}`);
  const { inference, error, explanation } = reply.data;
  if (inference === undefined) throw new ModelError(`it says: ${JSON.stringify(error ?? 'nothing').slice(0, 200)}`);
  const first = [inference].flat(2)[0];
  const value = typeof first === 'string' ? Number(/^[[\s]*([^\s[\],]+)[\],\s]*$/.exec(first)?.[1]) : first;
  if (value === undefined || !Number.isFinite(value))
    throw new ModelError(`its prediction is no number: ${JSON.stringify(inference)}`);
  const told = explanationOf(explanation, features, value);
  return { value, ...(told && { explanation: told }) };
}

/** {feature: Shapley value, …, base_value}, bare or as `simple_output`; undefined when it is none, or does not add up to the prediction. */
function explanationOf(raw: unknown, features: string[], value: number): ModelExplanation | undefined {
  const inner = z.object({ simple_output: z.unknown() }).safeParse(raw);
  const parsed = explanationSchema.safeParse(inner.success ? inner.data.simple_output : raw);
  const base = parsed.data?.base_value;
  if (!parsed.success || base === undefined) return undefined;
  const contributions = Object.fromEntries(features.flatMap((name) => (name in parsed.data ? [[name, parsed.data[name]!]] : [])));
  const sum = Object.values(contributions).reduce((total, one) => total + one, base);
  // An explanation of something else explains nothing; models round what they print.
  return Math.abs(sum - value) <= 0.01 * Math.max(1, Math.abs(value)) ? { base, contributions } : undefined;
}
