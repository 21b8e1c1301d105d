import { ModelError } from '../../learning/onnx.ts';
import type { HandlersOf } from '../endpoints/table.ts';
import { HttpError } from '../http-error.ts';
import type { Models } from '../models.ts';

export function mlHandlers(models: Models, fetchFrom: typeof fetch, now: () => number): HandlersOf<'ml'> {
  const stateOf = async (id: string) => {
    const { model } = models.find(id);
    const startedAt = now();
    try {
      if (model.example) await predict(models, id, model.example);
      else await reach(fetchFrom, model.endpoint, model.timeout_ms);
      const state = model.example ? ('serving' as const) : ('reachable' as const);
      return { ...model, state, reason: null, roundTripMs: now() - startedAt };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ...model, state: 'failing' as const, reason, roundTripMs: null };
    }
  };
  return {
    'ml.deploy': async ({ body: { image, endpoint, ...model } }) => {
      if (image !== undefined)
        throw new HttpError(
          501,
          'serving a model from an image is not done here: deploy it as an application, and register the endpoint that it serves at',
        );
      if (endpoint === undefined) throw new HttpError(422, 'a model needs the "endpoint" that it is served at');
      const { uid } = await models.register({ ...model, endpoint });
      return stateOf(uid);
    },
    'ml.list': async ({ query: { kind } }) => models.all().filter((model) => kind === undefined || model.kind === kind),
    'ml.status': ({ path: { uid } }) => stateOf(uid),
    'ml.remove': async ({ path: { uid } }) => {
      const { uid: removed, name } = await models.remove(uid);
      return { uid: removed, name };
    },
    'ml.predict': async ({ path: { uid }, body: { data } }) => {
      try {
        const { value, explanation } = await predict(models, uid, data);
        return { inference: value, explanation: explanation ?? null };
      } catch (error) {
        if (error instanceof ModelError) throw new HttpError(502, error.message);
        throw error;
      }
    },
  };
}

/** What it says now: what it said last of the same data stands for nothing here. @throws ModelError */
async function predict(models: Models, id: string, data: Record<string, number>) {
  const prediction = await models.find(id).predictor.predict('the data given', data);
  if (prediction.stale !== undefined) throw new ModelError(prediction.stale);
  return prediction;
}

/** Any answer will do: a server that knows no such path is there. @throws Error */
async function reach(fetchFrom: typeof fetch, url: string, timeoutMs: number): Promise<void> {
  const response = await fetchFrom(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
  await response.body?.cancel();
}
