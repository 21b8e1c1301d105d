import { ApiError, at, list, record } from './objects.ts';

type Json = unknown;
const isRecord = (value: Json): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON merge patch (RFC 7396). */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isRecord(patch)) return patch;
  const merged: Record<string, Json> = { ...record(target) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

/** Lists that strategic merge joins by a key of their elements, by the name of the field that holds them. */
const listKeys: Record<string, string> = {
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  conditions: 'type',
  addresses: 'type',
  ownerReferences: 'uid',
  containerStatuses: 'name',
};

/** The merge keys of ports differ by kind: a container's have containerPort, a service's have port. */
function keyOf(field: string, items: Json[]): string | undefined {
  if (field !== 'ports') return listKeys[field];
  return items.some((item) => at(item, 'containerPort') !== undefined) ? 'containerPort' : 'port';
}

/** Strategic merge patch, as kubectl sends it for built-in kinds: lists above are merged by key, `$patch: delete` removes, others are replaced. */
export function strategicMergePatch(target: Json, patch: Json, field = ''): Json {
  if (Array.isArray(patch)) return mergeList(list(target), patch, field);
  if (!isRecord(patch)) return patch;
  if (patch.$patch === 'replace') {
    const { $patch: _, ...rest } = patch;
    return rest;
  }
  const merged: Record<string, Json> = { ...record(target) };
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$retainKeys' || key.startsWith('$setElementOrder/')) continue;
    if (key.startsWith('$deleteFromPrimitiveList/')) {
      const name = key.slice('$deleteFromPrimitiveList/'.length);
      merged[name] = list(merged[name]).filter((item) => !list(value).includes(item));
    } else if (value === null) delete merged[key];
    else merged[key] = strategicMergePatch(merged[key], value, key);
  }
  return merged;
}

function mergeList(target: Json[], patch: Json[], field: string): Json[] {
  const key = keyOf(field, [...patch, ...target]);
  if (key === undefined || !patch.every(isRecord)) {
    // finalizers and the like are joined as sets; every other list is replaced.
    return field === 'finalizers' ? [...new Set([...target, ...patch])] : patch;
  }
  const merged = [...target];
  for (const item of patch) {
    const index = merged.findIndex((other) => at(other, key) === at(item, key));
    if (at(item, '$patch') === 'delete') {
      if (index >= 0) merged.splice(index, 1);
    } else if (index >= 0) merged[index] = strategicMergePatch(merged[index], item);
    else merged.push(strategicMergePatch({}, item));
  }
  return merged;
}

/** JSON patch (RFC 6902): add, remove, replace, test, copy, move. @throws ApiError 422 where a path does not exist or a test fails. */
export function jsonPatch(target: Json, operations: Json): Json {
  const document = structuredClone(target);
  for (const operation of list(operations)) {
    const kind = at(operation, 'op');
    const path = pointer(at(operation, 'path'));
    if (kind === 'remove') take(document, path);
    else if (kind === 'test') {
      if (JSON.stringify(at(document, ...path)) !== JSON.stringify(at(operation, 'value')))
        throw unprocessable(`test failed at /${path.join('/')}`);
    } else if (kind === 'copy') put(document, path, structuredClone(at(document, ...pointer(at(operation, 'from')))), true);
    else if (kind === 'move') put(document, path, take(document, pointer(at(operation, 'from'))), true);
    else if (kind === 'add' || kind === 'replace') put(document, path, at(operation, 'value'), kind === 'add');
    else throw unprocessable(`unknown operation ${String(kind)}`);
  }
  return document;
}

const unprocessable = (message: string): ApiError => new ApiError(422, 'Invalid', `the patch does not fit: ${message}`);

function pointer(path: Json): string[] {
  if (typeof path !== 'string' || !path.startsWith('/')) throw unprocessable(`"${String(path)}" is no JSON pointer`);
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function put(document: Json, path: string[], value: Json, insert: boolean): void {
  const parent = at(document, ...path.slice(0, -1));
  const key = path.at(-1) ?? '';
  if (Array.isArray(parent)) {
    const index = key === '-' ? parent.length : Number(key);
    parent.splice(index, insert ? 0 : 1, value);
  } else if (isRecord(parent)) parent[key] = value;
  else throw unprocessable(`/${path.join('/')} does not exist`);
}

function take(document: Json, path: string[]): Json {
  const parent = at(document, ...path.slice(0, -1));
  const key = path.at(-1) ?? '';
  if (Array.isArray(parent)) return parent.splice(Number(key), 1)[0];
  if (!isRecord(parent) || !Object.hasOwn(parent, key)) throw unprocessable(`/${path.join('/')} does not exist`);
  const value = parent[key];
  delete parent[key];
  return value;
}
