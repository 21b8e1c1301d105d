import type { ApplicationDescription, ComponentDescription } from './application.ts';

/** How many pods a component may have. */
export interface ReplicaLimits {
  /** Pods that it starts with. */
  initial: number;
  least: number;
  /** null where the description sets no limit. */
  most: number | null;
  /** Whether an agent may change the number: `scaling_mode: auto`. */
  automatic: boolean;
}

/**
 * From `scaling` of the component's node placement, or else of the single_node group that it is in. By hand (or without a mode) it has
 * `instances` pods, and keeps them; automatically it starts with one, and has `instances` at most.
 */
export function replicaLimits(application: ApplicationDescription, component: ComponentDescription): ReplicaLimits {
  const group = application.single_node?.find(({ components }) => components.includes(component.metadata.name));
  const scaling = [component.node_placement?.scaling ?? group?.scaling ?? []].flat();
  const automatic = scaling.some(({ scaling_mode: mode }) => mode === 'auto');
  const instances = scaling.find((one) => one.instances !== undefined)?.instances;
  if (automatic) return { initial: 1, least: 1, most: instances === undefined ? null : Math.max(instances, 1), automatic };
  // No pods at all is no way to run a component: leaving it out of the description is.
  const fixed = Math.max(instances ?? 1, 1);
  return { initial: fixed, least: fixed, most: fixed, automatic };
}
