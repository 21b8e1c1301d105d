import type { ModelRow } from '../bus/models.ts';
import { ModelError } from '../learning/onnx.ts';
import type { ModelState, RegisteredModel } from './endpoints/ml.ts';
import type { Models } from './models.ts';

export interface AskedModels {
  /** A model with how it does now. @throws HttpError 404 */
  stateOf(id: string): Promise<RegisteredModel & ModelState>;
  /** All of them, as the bus tells them. */
  rows(): Promise<ModelRow[]>;
}

/** Registered models, each asked whether it serves now: its example, or anything at all. */
export function askedModels(models: Models, fetchFrom: typeof fetch, now: () => number): AskedModels {
  const stateOf: AskedModels['stateOf'] = async (id) => {
    const { model } = models.find(id);
    const startedAt = now();
    try {
      if (model.example) await askModel(models, id, model.example);
      else await reach(fetchFrom, model.endpoint, model.timeout_ms);
      const state = model.example ? ('serving' as const) : ('reachable' as const);
      return { ...model, state, reason: null, roundTripMs: now() - startedAt };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ...model, state: 'failing' as const, reason, roundTripMs: null };
    }
  };
  return {
    stateOf,
    rows: () => Promise.all(models.all().map(async ({ uid }) => rowOf(await stateOf(uid)))),
  };
}

const rowOf = (model: RegisteredModel & ModelState): ModelRow => ({
  id: model.uid,
  name: model.name,
  kind: model.kind ?? 'served over HTTP',
  origin: 'registered',
  policy: null,
  version: new Date(model.registeredAt).toISOString(),
  state: model.state,
  reason: model.reason,
  unit: '',
  endpoint: model.endpoint,
  predicts: null,
  places: [],
});

/** What it says now: what it said last of the same data stands for nothing here. @throws ModelError */
export async function askModel(models: Models, id: string, data: Record<string, number>) {
  const prediction = await models.find(id).predictor.predict('the data given', data);
  if (prediction.stale !== undefined) throw new ModelError(prediction.stale);
  return prediction;
}

/** Any answer will do: a server that knows no such path is there. @throws Error */
async function reach(fetchFrom: typeof fetch, url: string, timeoutMs: number): Promise<void> {
  const response = await fetchFrom(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
  await response.body?.cancel();
}
