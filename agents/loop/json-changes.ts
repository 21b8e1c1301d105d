import type { Json } from '../mechanisms/mechanism.ts';

/** What differs: a value laid at a path, or (without `value`) taken away. Lists of another length are laid whole. */
export interface JsonChange {
  path: (string | number)[];
  value?: Json;
}

/** Changes that make `after` of `before`; none when they are the same. */
export function jsonChanges(before: Json, after: Json, path: (string | number)[] = []): JsonChange[] {
  if (before === after) return [];
  if (!isObject(before) || !isObject(after) || Array.isArray(before) !== Array.isArray(after)) return [{ path, value: after }];
  if (Array.isArray(before) && Array.isArray(after)) {
    if (before.length !== after.length) return [{ path, value: after }];
    return after.flatMap((value, index) => jsonChanges(before[index]!, value, [...path, index]));
  }
  const [old, fresh] = [before as Record<string, Json>, after as Record<string, Json>];
  const gone = Object.keys(old).filter((key) => !Object.hasOwn(fresh, key));
  return [
    ...gone.map((key): JsonChange => ({ path: [...path, key] })),
    ...Object.entries(fresh).flatMap(([key, value]) =>
      Object.hasOwn(old, key) ? jsonChanges(old[key]!, value, [...path, key]) : [{ path: [...path, key], value }],
    ),
  ];
}

/** A copy of `before` with changes laid over it. @throws RangeError when a path leads nowhere */
export function withChanges(before: Json, changes: readonly JsonChange[]): Json {
  const root = { value: structuredClone(before) };
  for (const { path, value } of changes) {
    const steps = ['value', ...path];
    let at: unknown = root;
    for (const step of steps.slice(0, -1)) {
      if (!isObject(at) || !Object.hasOwn(at, step)) throw new RangeError(`nothing is at ${path.join('.')}`);
      at = (at as Record<string | number, unknown>)[step];
    }
    const last = steps.at(-1)!;
    if (!isObject(at)) throw new RangeError(`nothing is at ${path.join('.')}`);
    // Not assigned: a key "__proto__" from outside must stay a key.
    if (value === undefined) delete (at as Record<string | number, unknown>)[last];
    else Object.defineProperty(at, last, { value: structuredClone(value), writable: true, enumerable: true, configurable: true });
  }
  return root.value;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
