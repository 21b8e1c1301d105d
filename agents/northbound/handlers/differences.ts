import type { z } from 'zod';

type Json = z.core.util.JSONType;
export interface Difference {
  path: string;
  described: Json;
  measured: Json;
}

/** Amounts that are this close are the same: a GB is 1000³ to some, and 1024³ to others. */
const tolerance = 0.1;

/** Where a description says otherwise than what was measured; what only one of them tells is no difference. */
export function differencesOf(described: Json, measured: Json, path = ''): Difference[] {
  if (isTree(described) && isTree(measured))
    return Object.entries(described).flatMap(([key, value]) =>
      measured[key] === undefined
        ? []
        : differencesOf(value as Json, measured[key] as Json, path === '' ? key : `${path}.${key}`),
    );
  return alike(described, measured) ? [] : [{ path, described, measured }];
}

const isTree = (value: Json): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function alike(a: Json, b: Json): boolean {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, index) => alike(one, b[index]!));
  // One of several is written without its list.
  if (Array.isArray(a) !== Array.isArray(b))
    return [a].flat().some((one) => [b].flat().some((other) => alike(one as Json, other as Json)));
  return JSON.stringify(a) === JSON.stringify(b);
}
