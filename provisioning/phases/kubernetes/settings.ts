import type { z } from 'zod';

type Json = z.infer<ReturnType<typeof z.json>>;
type JsonObject = { [key: string]: Json };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Objects are merged key by key; anything else (lists too) of `over` takes the place of what was there. */
export function mergeDeep(base: JsonObject, over: JsonObject): JsonObject {
  const merged: JsonObject = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const former = merged[key];
    merged[key] = isObject(former) && isObject(value) ? mergeDeep(former, value) : value;
  }
  return merged;
}

const kinds = ['ClusterConfiguration', 'InitConfiguration', 'JoinConfiguration', 'KubeProxyConfiguration'] as const;
export type KubeadmKind = (typeof kinds)[number];

/**
 * Overrides of the testbed file for one kind: those below its name, and for ClusterConfiguration also what stands at the top
 * (`etcd: …` is the same as `ClusterConfiguration: {etcd: …}`).
 */
export function overridesFor(kind: KubeadmKind, overrides: JsonObject): JsonObject {
  const named = overrides[kind];
  const below = isObject(named) ? named : {};
  if (kind !== 'ClusterConfiguration') return below;
  const top = Object.fromEntries(Object.entries(overrides).filter(([key]) => !kinds.some((other) => other === key)));
  return mergeDeep(top, below);
}
