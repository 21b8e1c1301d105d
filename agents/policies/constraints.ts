import type { ApplicationDescription, ComponentDescription } from '../descriptions/application.ts';
import { capabilityRejection, othersOn, roomRejection, trustRejection } from './capabilities.ts';
import type { Rejection } from './rejection.ts';
import type { ClusterSituation, NodeSituation } from './situation.ts';

const layers: ReadonlySet<string> = new Set(['cloud', 'edge_infrastructure', 'edge', 'far_edge']);
const layerLabel = 'mlsysops.eu/continuumLayer';

/** Why a component may not be on a node, or undefined when it may: node health first, then what the description asks for. */
export function rejectionOf(
  node: NodeSituation,
  application: ApplicationDescription,
  component: ComponentDescription,
  view: ClusterSituation,
  now: number,
): Rejection | undefined {
  return healthRejection(node, now) ?? trustRejection(node, component) ?? placementRejection(node, application, component, view);
}

function healthRejection(node: NodeSituation, now: number): Rejection | undefined {
  const taint = node.taints[0];
  if (taint) {
    const isControlPlane = /control-plane|master/.test(taint.key);
    return {
      rule: isControlPlane ? 'control-plane' : 'taint',
      reason: isControlPlane
        ? `${node.name} is a control plane and takes no components`
        : `${node.name} has the taint ${taint.key}`,
    };
  }
  if (node.unschedulable) return { rule: 'cordoned', reason: `${node.name} is cordoned` };
  if (!node.ready) return { rule: 'not-ready', reason: `${node.name} is not ready` };
  if (node.heartbeat && !node.heartbeat.alive) {
    const seconds = Math.round((now - node.heartbeat.lastAt) / 1000);
    return { rule: 'heartbeat', reason: `the agent of ${node.name} has been silent for ${seconds} s` };
  }
  if (node.suspect !== undefined) return { rule: 'anomaly', reason: node.suspect };
  return undefined;
}

/** Why a description keeps a component off a node, whatever the state of the node is. */
export function placementRejection(
  node: NodeSituation,
  application: ApplicationDescription,
  component: ComponentDescription,
  view: ClusterSituation,
): Rejection | undefined {
  const name = component.metadata.name;
  const group = application.single_node?.find(({ components }) => components.includes(name));
  for (const wanted of [component.node_placement, group]) {
    if (!wanted) continue;
    if (wanted.node && wanted.node !== '*' && wanted.node !== node.name)
      return { rule: 'node_placement.node', reason: `${name} must be on ${wanted.node}` };
    const missing = wanted.labels?.find((label) => !hasLabel(node, label));
    if (missing) return { rule: 'node_placement.labels', reason: `${node.name} has no label ${missing}` };
    const there = layersOf(node);
    const allowed = wanted.continuum_layer;
    // Nodes that say nothing of cloud or edge are not held to it.
    if (there.length > 0 && allowed?.length && !allowed.some((one) => one === '*' || there.includes(one)))
      return {
        rule: 'node_placement.continuum_layer',
        reason: `${node.name} is ${there.join(' and ')}, ${name} wants ${allowed.join(' or ')}`,
      };
  }
  const peer =
    group &&
    view.components.find(
      (other) =>
        other.application === application.name &&
        other.component !== name &&
        group.components.includes(other.component) &&
        other.pin,
    );
  if (peer && peer.pin !== node.name)
    return { rule: 'single_node', reason: `${name} must be with ${peer.component} on ${peer.pin}` };
  const others = othersOn(view, node.name, application.name, name);
  return capabilityRejection(node, component, others) ?? roomRejection(node, component, others);
}

/** What several components break together, and each would mend: those that must be one would swap places, those that are too many all leave. */
const shared: ReadonlySet<string> = new Set(['single_node', 'requests.cpu', 'requests.memory', 'gpu.instances']);

/** Why its description keeps a component off the node that it is on; what asks for that needs no permission of its own. */
export function misfit(
  node: NodeSituation,
  application: ApplicationDescription,
  component: ComponentDescription,
  view: ClusterSituation,
): Rejection | undefined {
  const why = placementRejection(node, application, component, view);
  return why && !shared.has(why.rule) ? why : undefined;
}

/** Layers that a node says that it is of, by its label or else its description; "*" says nothing. */
function layersOf(node: NodeSituation): string[] {
  const label = node.labels[layerLabel];
  if (label && layers.has(label)) return [label];
  return [node.description?.continuum_layer ?? []].flat().filter((layer) => layers.has(layer));
}

/** `label` is "key" or "key=value" or "key:value". */
function hasLabel(node: NodeSituation, label: string): boolean {
  const [key = '', value] = label.split(/[=:]/);
  const own = node.labels[key.trim()] ?? describedLabel(node, key.trim());
  return value === undefined ? own !== undefined : own === value.trim();
}

/** Labels of a node's description: "key=value", "key:value" or "key". */
const describedLabel = (node: NodeSituation, key: string): string | undefined =>
  node.description?.labels
    ?.map((label) => label.split(/[=:]/))
    .find(([name]) => name?.trim() === key)?.[1]
    ?.trim() ?? (node.description?.labels?.some((label) => label.trim() === key) ? '' : undefined);
