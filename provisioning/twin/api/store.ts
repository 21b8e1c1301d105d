import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../agents/clock.ts';
import { ApiError, type KubeObject, type Metadata, type StoredObject } from './objects.ts';
import { builtinResources, groupVersion, type Resource, resourceKey, resourcesOf } from './resources.ts';

export type WatchType = 'ADDED' | 'MODIFIED' | 'DELETED';
export interface WatchEvent {
  type: WatchType;
  object: StoredObject;
  /** The object before the change: a watch with a selector needs to know what left it. */
  before: StoredObject | null;
  version: number;
}

/** How far back a watch may start: with more changes since, it is told 410 Gone and lists again. */
const keptEvents = 20_000;

/**
 * The objects of one cluster: optimistic concurrency, one version counter, watches with a replay window. Objects handed out are the stored ones:
 * take them as read-only; every change makes a new object.
 */
export class ObjectStore {
  readonly #clock: Clock;
  readonly #resources = new Map<string, Resource[]>();
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  readonly #events = new Map<string, WatchEvent[]>();
  readonly #defaults = new Map<string, (object: StoredObject) => StoredObject>();
  readonly #watchers = new Map<string, Set<(event: WatchEvent) => void>>();
  #version = 1;
  #compacted = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    for (const resource of builtinResources) this.#register(resource);
  }

  get version(): number {
    return this.#version;
  }

  #register(resource: Resource): void {
    const key = resourceKey(resource);
    const others = (this.#resources.get(key) ?? []).filter((other) => other.version !== resource.version);
    this.#resources.set(key, [...others, resource]);
    if (!this.#objects.has(key)) this.#objects.set(key, new Map());
  }

  resources(): Resource[] {
    return [...this.#resources.values()].flat();
  }

  resource(group: string, plural: string, version?: string): Resource | undefined {
    const all = this.#resources.get(`${group}/${plural}`);
    return version === undefined ? all?.[0] : all?.find((resource) => resource.version === version);
  }

  resourceOfKind(apiVersion: string, kind: string): Resource | undefined {
    return this.resources().find((resource) => groupVersion(resource) === apiVersion && resource.kind === kind);
  }

  /** By plural name with its group: list('pods'), list('apps/deployments'). */
  list(name: string, namespace?: string): StoredObject[] {
    const objects = [...this.#collection(name).values()];
    return namespace === undefined ? objects : objects.filter((object) => object.metadata.namespace === namespace);
  }

  get(name: string, namespace: string | undefined, objectName: string): StoredObject | undefined {
    return this.#collection(name).get(`${namespace ?? ''}/${objectName}`);
  }

  /** What an object of this resource gets when it is created, e.g. a service its address: it is there from the first moment. */
  giveDefaults(name: string, defaults: (object: StoredObject) => StoredObject): void {
    this.#defaults.set(name, defaults);
  }

  /** @throws ApiError 409 AlreadyExists, 404 when the namespace is not there or ends, 422 without a name. */
  create(name: string, object: KubeObject): StoredObject {
    const resource = this.#find(name);
    const metadata = { ...object.metadata };
    if (!metadata.name && metadata.generateName)
      metadata.name = metadata.generateName + randomUUID().replaceAll('-', '').slice(0, 5);
    if (!metadata.name) throw new ApiError(422, 'Invalid', `${resource.kind} is invalid: metadata.name: Required value`);
    if (!/^[a-z0-9]([a-z0-9.:-]{0,251}[a-z0-9])?$/.test(metadata.name)) {
      throw new ApiError(
        422,
        'Invalid',
        `${resource.kind} "${metadata.name}" is invalid: metadata.name: must consist of lower case letters, digits, "-" or "."`,
      );
    }
    if (resource.namespaced) {
      metadata.namespace ??= 'default';
      if (!this.get('namespaces', undefined, metadata.namespace))
        throw new ApiError(404, 'NotFound', `namespaces "${metadata.namespace}" not found`);
    } else delete metadata.namespace;
    const place = `${metadata.namespace ?? ''}/${metadata.name}`;
    if (this.#collection(name).has(place)) {
      throw new ApiError(409, 'AlreadyExists', `${qualified(resource)} "${metadata.name}" already exists`);
    }
    const stored: StoredObject = {
      ...object,
      apiVersion: object.apiVersion || groupVersion(resource),
      kind: resource.kind,
      metadata: {
        ...metadata,
        name: metadata.name,
        uid: randomUUID(),
        resourceVersion: '',
        generation: 1,
        creationTimestamp: new Date(this.#clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
      },
    };
    return this.#put(name, place, this.#defaults.get(name)?.(stored) ?? stored, null);
  }

  /**
   * Replaces an object. Its identity stays; `generation` counts changes outside metadata and status.
   * @throws ApiError 404, or 409 Conflict when `resourceVersion` is given and is not the present one.
   */
  update(name: string, object: KubeObject, part: 'whole' | 'status' = 'whole'): StoredObject {
    const resource = this.#find(name);
    const { metadata } = object;
    const place = `${resource.namespaced ? (metadata.namespace ?? 'default') : ''}/${metadata.name}`;
    const before = this.#collection(name).get(place);
    if (!before) throw new ApiError(404, 'NotFound', `${qualified(resource)} "${metadata.name}" not found`);
    if (metadata.resourceVersion && metadata.resourceVersion !== before.metadata.resourceVersion) {
      throw new ApiError(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ${qualified(resource)} "${metadata.name}": the object has been modified; please apply your changes to the latest version and try again`,
      );
    }
    const content: KubeObject =
      part === 'status'
        ? { ...before, status: object.status }
        : resource.subresources.includes('status')
          ? { ...object, status: before.status }
          : object;
    const kept: Partial<Metadata> = {
      uid: before.metadata.uid,
      creationTimestamp: before.metadata.creationTimestamp,
      deletionTimestamp: before.metadata.deletionTimestamp,
      namespace: before.metadata.namespace,
    };
    const spec = ({ metadata: _m, status: _s, ...rest }: KubeObject) => JSON.stringify(rest);
    const generation = (before.metadata.generation ?? 1) + (spec(content) === spec(before) ? 0 : 1);
    const next = {
      ...content,
      metadata: {
        ...(part === 'status' ? before.metadata : metadata),
        ...stripUndefined(kept),
        name: before.metadata.name,
        generation,
      },
    } as StoredObject;
    if (content.status === undefined) delete next.status;
    if (sameContent(before, next)) return before;
    const stored = this.#put(name, place, next, before);
    if (stored.metadata.deletionTimestamp && (stored.metadata.finalizers ?? []).length === 0 && resource.kind !== 'Pod')
      return this.remove(name, stored);
    return stored;
  }

  /** Changes an object by a function of its present state; tried again when somebody else was faster. @throws ApiError 404 */
  modify(
    name: string,
    namespace: string | undefined,
    objectName: string,
    change: (object: StoredObject) => KubeObject,
    part: 'whole' | 'status' = 'whole',
  ): StoredObject {
    const present = this.get(name, namespace, objectName);
    if (!present) throw new ApiError(404, 'NotFound', `${qualified(this.#find(name))} "${objectName}" not found`);
    return this.update(name, change(structuredClone(present)), part);
  }

  patchStatus(name: string, namespace: string | undefined, objectName: string, status: Record<string, unknown>): StoredObject {
    const merge = (object: StoredObject) => ({ ...object, status: { ...(object.status as object | undefined), ...status } });
    return this.modify(name, namespace, objectName, merge, 'status');
  }

  /**
   * Deletes, as the API does: a pod on a node first gets a deletionTimestamp and goes when its kubelet (or the grace period) says so; an object
   * with finalizers waits for them.
   */
  delete(name: string, namespace: string | undefined, objectName: string, graceSeconds?: number): StoredObject {
    const resource = this.#find(name);
    const present = this.get(name, namespace, objectName);
    if (!present) throw new ApiError(404, 'NotFound', `${qualified(resource)} "${objectName}" not found`);
    const isBoundPod =
      resource.kind === 'Pod' && typeof (present.spec as { nodeName?: unknown } | undefined)?.nodeName === 'string';
    const grace =
      graceSeconds ??
      Number((present.spec as { terminationGracePeriodSeconds?: unknown } | undefined)?.terminationGracePeriodSeconds ?? 30);
    const waits = (isBoundPod && grace > 0) || (present.metadata.finalizers ?? []).length > 0;
    if (!waits) return this.remove(name, present);
    if (present.metadata.deletionTimestamp) return present;
    const ends = this.#clock.now() + (isBoundPod ? grace * 1000 : 0);
    const metadata = {
      ...present.metadata,
      deletionTimestamp: new Date(ends).toISOString().replace(/\.\d+Z$/, 'Z'),
      deletionGracePeriodSeconds: grace,
    };
    return this.#put(name, placeOf(present), { ...present, metadata }, present);
  }

  /** Takes an object away at once, and what it owns after it. */
  remove(name: string, object: StoredObject): StoredObject {
    const key = resourceKey(this.#find(name));
    if (!this.#objects.get(key)?.delete(placeOf(object))) return object;
    this.#version++;
    const gone = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#tell(key, { type: 'DELETED', object: gone, before: object, version: this.#version });
    if (object.kind === 'CustomResourceDefinition')
      for (const resource of resourcesOf(object)) this.#resources.delete(resourceKey(resource));
    this.#removeOwned(gone.metadata.uid);
    if (object.kind === 'Namespace') this.#empty(object.metadata.name);
    return gone;
  }

  #removeOwned(uid: string): void {
    for (const resource of this.resources()) {
      const name = nameOf(resource);
      for (const object of this.list(name)) {
        if (object.metadata.ownerReferences?.some((owner) => owner.uid === uid))
          this.delete(name, object.metadata.namespace, object.metadata.name);
      }
    }
  }

  #empty(namespace: string): void {
    for (const resource of this.resources()) {
      if (!resource.namespaced) continue;
      for (const object of this.list(nameOf(resource), namespace)) this.delete(nameOf(resource), namespace, object.metadata.name);
    }
  }

  /** Calls back for every change from now on, or from `since` (a resourceVersion) on. @throws ApiError 410 when `since` is too long ago. */
  watch(name: string, callback: (event: WatchEvent) => void, since?: number): { close(): void } {
    const key = resourceKey(this.#find(name));
    // From another life of this API: what has changed since cannot be told.
    if (since !== undefined && since > this.#version)
      throw new ApiError(410, 'Expired', `resource version ${since} is not of this API (${this.#version})`);
    if (since !== undefined && since < this.#version) {
      const events = this.#events.get(key) ?? [];
      const oldest = Math.max(this.#compacted, events.length >= keptEvents ? (events[0]?.version ?? 0) - 1 : 0);
      if (since < oldest) throw new ApiError(410, 'Expired', `too old resource version: ${since} (${oldest})`);
      for (const event of events) if (event.version > since) callback(event);
    }
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers.add(callback));
    return { close: () => void watchers.delete(callback) };
  }

  /** Forgets what has changed until now, as etcd does from time to time: a watch from before is told 410. */
  compact(): void {
    this.#compacted = this.#version;
    this.#events.clear();
  }

  /** Everything, for a file; and back from it. */
  snapshot(): { version: number; objects: [string, StoredObject[]][] } {
    return { version: this.#version, objects: [...this.#objects].map(([key, objects]) => [key, [...objects.values()]]) };
  }
  restore(snapshot: { version: number; objects: [string, StoredObject[]][] }): void {
    const definitions = snapshot.objects.find(([key]) => key === 'apiextensions.k8s.io/customresourcedefinitions')?.[1] ?? [];
    for (const definition of definitions) for (const resource of resourcesOf(definition)) this.#register(resource);
    for (const [key, objects] of snapshot.objects)
      this.#objects.set(key, new Map(objects.map((object) => [placeOf(object), object])));
    this.#version = snapshot.version;
    this.#compacted = snapshot.version;
  }

  #put(name: string, place: string, object: StoredObject, before: StoredObject | null): StoredObject {
    const key = resourceKey(this.#find(name));
    this.#version++;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#collection(name).set(place, stored);
    if (stored.kind === 'CustomResourceDefinition') for (const resource of resourcesOf(stored)) this.#register(resource);
    this.#tell(key, { type: before ? 'MODIFIED' : 'ADDED', object: stored, before, version: this.#version });
    return stored;
  }

  #tell(key: string, event: WatchEvent): void {
    const events = this.#events.get(key) ?? [];
    events.push(event);
    // Cut in blocks: shifting one by one would move the whole array each time.
    if (events.length > keptEvents * 1.25) events.splice(0, events.length - keptEvents);
    this.#events.set(key, events);
    for (const watcher of [...(this.#watchers.get(key) ?? [])]) watcher(event);
  }

  #find(name: string): Resource {
    const [group, plural] = splitName(name);
    const resource = this.resource(group, plural);
    if (!resource) throw new ApiError(404, 'NotFound', `the server could not find the requested resource ${name}`);
    return resource;
  }

  #collection(name: string): Map<string, StoredObject> {
    const [group, plural] = splitName(name);
    const objects = this.#objects.get(`${group}/${plural}`);
    if (!objects) throw new ApiError(404, 'NotFound', `the server could not find the requested resource ${name}`);
    return objects;
  }
}

const splitName = (name: string): [string, string] => {
  const slash = name.lastIndexOf('/');
  return slash < 0 ? ['', name] : [name.slice(0, slash), name.slice(slash + 1)];
};
/** The name by which the store knows a resource: "pods", "apps/deployments". */
export const nameOf = (resource: Resource): string =>
  resource.group === '' ? resource.plural : `${resource.group}/${resource.plural}`;
const placeOf = (object: StoredObject): string => `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
/** As Kubernetes names it in errors: "pods", "deployments.apps". */
export const qualified = (resource: Resource): string =>
  resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
const stripUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined && field !== null)) as T;

function sameContent(a: StoredObject, b: StoredObject): boolean {
  const content = (object: StoredObject) =>
    JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: '', generation: 0, managedFields: undefined } });
  return content(a) === content(b);
}
