import type { Liveness } from './liveness.ts';
import type { NodeDescriptions } from './node-descriptions.ts';
import type { NodeMechanisms } from './node-mechanisms.ts';
import type { NodeView } from './orchestration/orchestrator.ts';
import type { NodeSituation, TrustWeights } from './policies/situation.ts';
import { type Reputation, trustLevel } from './policies/trust.ts';
import type { SlidingWindow } from './telemetry/window.ts';

export interface ClusterNodesOptions {
  liveness: Liveness;
  descriptions: NodeDescriptions;
  knobs: NodeMechanisms;
  window: SlidingWindow;
  reputation: Reputation;
  trustWeights: (node: string) => TrustWeights;
}

/** Nodes as policies see them: what Kubernetes says of each, with what its agent has said, and how far it is trusted. `suspicions`: why some misbehave. */
export function clusterNodes(
  views: readonly NodeView[],
  suspicions: ReadonlyMap<string, string>,
  { liveness, descriptions, knobs, window, reputation, trustWeights }: ClusterNodesOptions,
): NodeSituation[] {
  const trustIn = reputation.assessing(views, trustWeights);
  return views.map((view) => {
    const { name, cores, memoryBytes } = view;
    const heartbeat = liveness.ofNode(name);
    const description = heartbeat ? descriptions.of(heartbeat.agent) : undefined;
    const trust = trustIn(name, cores, memoryBytes, heartbeat, description);
    const frequencyGHz = window.lastOf(name, 'cpu_frequency_max_ghz')?.value ?? null;
    // Property by property: hundreds of nodes, several times a second, and spreading objects of many shapes is slow.
    const node: NodeSituation = {
      name,
      ready: view.ready,
      unschedulable: view.unschedulable,
      labels: view.labels,
      taints: view.taints,
      cores,
      memoryBytes,
      heartbeat,
      frequencyGHz,
      trust,
      trustLevel: trustLevel(trust),
    };
    if (view.notReadySince !== undefined) node.notReadySince = view.notReadySince;
    if (view.devices) node.devices = view.devices;
    if (view.address !== undefined) node.address = view.address;
    const suspect = suspicions.get(name);
    if (suspect !== undefined) node.suspect = suspect;
    if (description) node.description = description;
    const mechanisms = heartbeat ? knobs.of(heartbeat.agent) : undefined;
    if (mechanisms) node.mechanisms = mechanisms;
    return node;
  });
}
