import type { Clock } from '../../../agents/clock.ts';
import { ApiError, at, type KubeObject, number, objectSchema, record, type StoredObject } from './objects.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from './patch.ts';
import type { Target } from './request.ts';
import { resizedPod } from './resize.ts';
import { groupVersion, type Resource } from './resources.ts';
import { fieldSelector, labelSelector } from './selectors.ts';
import { nameOf, type ObjectStore, qualified } from './store.ts';

/** One request, found and read. */
export interface Call {
  target: Target;
  resource: Resource;
  query: URLSearchParams;
  body: unknown;
  contentType: string;
}

export const selectorOf = (call: Call) => {
  const byLabel = labelSelector(call.query.get('labelSelector'));
  const byField = fieldSelector(call.query.get('fieldSelector'));
  const name = call.target.name;
  return (object: KubeObject) => byLabel(object) && byField(object) && (name === undefined || object.metadata.name === name);
};

export function listObjects(store: ObjectStore, call: Call): StoredObject[] {
  return store.list(nameOf(call.resource), call.target.namespace).filter(selectorOf(call));
}

export function getObject(store: ObjectStore, { resource, target }: Call): StoredObject {
  const object = store.get(nameOf(resource), namespaceOf(resource, target), target.name ?? '');
  if (!object) throw new ApiError(404, 'NotFound', `${qualified(resource)} "${target.name}" not found`);
  return object;
}

const namespaceOf = (resource: Resource, target: Target): string | undefined =>
  resource.namespaced ? (target.namespace ?? 'default') : undefined;

/** An object as it came, checked for what every object must have. @throws ApiError 400 */
function objectOf(call: Call, body: unknown): KubeObject {
  const { resource, target } = call;
  const parsed = objectSchema.safeParse({ apiVersion: groupVersion(resource), kind: resource.kind, ...record(body) });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ApiError(
      400,
      'BadRequest',
      `${resource.kind} in version "${groupVersion(resource)}" cannot be handled: ${issue?.path.join('.')}: ${issue?.message}`,
    );
  }
  const object = parsed.data as KubeObject;
  if (object.kind !== resource.kind)
    throw new ApiError(400, 'BadRequest', `the object is a ${object.kind}, the path is of ${resource.kind}`);
  if (resource.namespaced) {
    const namespace = target.namespace ?? 'default';
    if (object.metadata.namespace && object.metadata.namespace !== namespace) {
      throw new ApiError(
        400,
        'BadRequest',
        `the namespace of the object (${object.metadata.namespace}) does not match the namespace on the request (${namespace})`,
      );
    }
    object.metadata.namespace = namespace;
  }
  return object;
}

export function createObject(store: ObjectStore, call: Call): StoredObject {
  if (call.target.subresource === 'binding') return bindPod(store, call);
  const object = objectOf(call, call.body);
  if (isDryRun(call)) return object as StoredObject;
  return store.create(nameOf(call.resource), object);
}

function bindPod(store: ObjectStore, { target, body }: Call): StoredObject {
  const node = at(body, 'target', 'name');
  return store.modify('pods', target.namespace, target.name ?? '', (pod) => ({
    ...pod,
    spec: { ...record(pod.spec), nodeName: node },
  }));
}

export function replaceObject(store: ObjectStore, call: Call): StoredObject {
  const object = objectOf(call, call.body);
  object.metadata.name ??= call.target.name;
  if (object.metadata.name !== call.target.name)
    throw new ApiError(400, 'BadRequest', 'the name of the object does not match the name on the URL');
  const next = call.target.subresource === 'resize' ? resizedPod(getObject(store, call), object) : object;
  if (isDryRun(call)) return next as StoredObject;
  return store.update(nameOf(call.resource), next, call.target.subresource === 'status' ? 'status' : 'whole');
}

/** PATCH in the four formats; server-side apply creates what is not there. */
export function patchObject(store: ObjectStore, call: Call): { object: StoredObject; created: boolean } {
  const { resource, target, body, contentType } = call;
  const name = nameOf(resource);
  const namespace = namespaceOf(resource, target);
  const isApply = contentType.includes('apply-patch');
  if (isApply && !store.get(name, namespace, target.name ?? '')) {
    return { object: createObject(store, { ...call, target: { ...target, subresource: undefined } }), created: true };
  }
  const present = getObject(store, call);
  const patched = contentType.includes('json-patch')
    ? jsonPatch(present, body)
    : contentType.includes('strategic-merge') || (isApply && resource.columns.length === 0)
      ? strategicMergePatch(present, body)
      : mergePatch(present, body);
  const parsed = objectSchema.safeParse(patched);
  if (!parsed.success)
    throw new ApiError(422, 'Invalid', `the patched ${resource.kind} is invalid: ${parsed.error.issues[0]?.message}`);
  const object = parsed.data as KubeObject;
  // Who patches without a version means "whatever it is now".
  if (at(body, 'metadata', 'resourceVersion') === undefined) delete object.metadata.resourceVersion;
  const next = target.subresource === 'resize' ? resizedPod(present, object) : object;
  if (isDryRun(call)) return { object: next as StoredObject, created: false };
  return { object: store.update(name, next, target.subresource === 'status' ? 'status' : 'whole'), created: false };
}

/** The scale subresource, read or set: replicas alone, as an autoscaling/v1 Scale. */
export function scaleObject(store: ObjectStore, call: Call, method: string) {
  const { resource, target, body } = call;
  let object = getObject(store, call);
  if (method !== 'GET') {
    const replicas = number(at(body, 'spec', 'replicas'));
    if (replicas === undefined || replicas < 0) throw new ApiError(422, 'Invalid', 'spec.replicas: Required value');
    object = store.modify(nameOf(resource), target.namespace, object.metadata.name, (present) => ({
      ...present,
      spec: { ...record(present.spec), replicas },
    }));
  }
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const labels = Object.entries(record(at(object, 'spec', 'selector', 'matchLabels')));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: number(at(object, 'spec', 'replicas')) ?? 1 },
    status: {
      replicas: number(at(object, 'status', 'replicas')) ?? 0,
      selector: labels.map(([key, value]) => `${key}=${value}`).join(','),
    },
  };
}

const isDryRun = (call: Call): boolean => call.query.get('dryRun') === 'All';

export function deleteObject(store: ObjectStore, call: Call): StoredObject {
  const object = getObject(store, call);
  if (isDryRun(call)) return object;
  const precondition = at(call.body, 'preconditions', 'uid');
  if (typeof precondition === 'string' && precondition !== object.metadata.uid) {
    throw new ApiError(
      409,
      'Conflict',
      `the UID in the precondition (${precondition}) does not match the UID in record (${object.metadata.uid})`,
    );
  }
  const fromQuery = call.query.get('gracePeriodSeconds');
  const grace = number(at(call.body, 'gracePeriodSeconds')) ?? (fromQuery === null ? undefined : Number(fromQuery));
  return store.delete(nameOf(call.resource), namespaceOf(call.resource, call.target), object.metadata.name, grace);
}

export function deleteCollection(store: ObjectStore, call: Call): StoredObject[] {
  return listObjects(store, call).map((object) =>
    store.delete(nameOf(call.resource), object.metadata.namespace, object.metadata.name),
  );
}

export const versionInfo = (version: string, clock: Clock) => {
  const [, major = '1', minor = '36'] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const buildDate = new Date(clock.now()).toISOString();
  return {
    major,
    minor,
    gitVersion: version,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate,
    goVersion: 'none',
    compiler: 'none',
    platform: 'linux/amd64',
  };
};
