import { ModelError } from '../../learning/onnx.ts';
import { type AskedModels, askModel } from '../asked-model.ts';
import type { HandlersOf } from '../endpoints/table.ts';
import { HttpError } from '../http-error.ts';
import type { Models } from '../models.ts';

export function mlHandlers(models: Models, { stateOf }: AskedModels): HandlersOf<'ml'> {
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
        const { value, explanation } = await askModel(models, uid, data);
        return { inference: value, explanation: explanation ?? null };
      } catch (error) {
        if (error instanceof ModelError) throw new HttpError(502, error.message);
        throw error;
      }
    },
  };
}
