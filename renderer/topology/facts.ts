import { formatNumber, formatQuantity } from '../parts/format.ts';
import type { StateName } from '../parts/glyphs.tsx';
import { headlineOf, readingOf } from '../state/headline.ts';
import type { AgentLife, ComponentStatus, Layer, Topology, TopologyNode } from '../state/types.ts';
import { texts } from '../texts/texts.ts';

const words = texts.topology;

/** A processor share above this is worth a warning. */
export const busyShare = 0.85;

export interface NodeFigures {
  cpu: { value: number; share: number; busy: boolean } | null;
  power: { value: number } | null;
  memory: { value: number; share: number | null } | null;
}

/** Latest figures of a node; null for what nobody has told. */
export function nodeFigures(topology: Topology, node: TopologyNode): NodeFigures {
  const cpu = readingOf(topology, 'cpu_used_ratio', node.name);
  const power = readingOf(topology, 'power_w', node.name);
  const memory = readingOf(topology, 'memory_used_bytes', node.name);
  const total = readingOf(topology, 'memory_total_bytes', node.name)?.value ?? node.memoryBytes;
  return {
    cpu: cpu ? { value: cpu.value, share: cpu.value, busy: cpu.value >= busyShare } : null,
    power: power ? { value: power.value } : null,
    memory: memory ? { value: memory.value, share: total ? memory.value / total : null } : null,
  };
}

/** The highest power any node has now: what the bars of power are drawn against. */
export const mostPower = (topology: Topology): number =>
  Math.max(1, ...topology.nodes.map((node) => readingOf(topology, 'power_w', node.name)?.value ?? 0));

/** Sum of what its nodes say; null as soon as one is silent, because a partial sum would mislead. */
export function totalPower(topology: Topology, nodes: readonly TopologyNode[]): number | null {
  const values = nodes.map((node) => readingOf(topology, 'power_w', node.name)?.value ?? null);
  return values.length === 0 || values.includes(null) ? null : values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

/** Mean processor share of nodes, weighted by cores where they are known; null as soon as one is silent. */
export function meanCpu(topology: Topology, nodes: readonly TopologyNode[]): number | null {
  let used = 0;
  let cores = 0;
  for (const node of nodes) {
    const reading = readingOf(topology, 'cpu_used_ratio', node.name);
    if (!reading) return null;
    used += reading.value * (node.cores ?? 1);
    cores += node.cores ?? 1;
  }
  return cores > 0 ? used / cores : null;
}

export function readyWords(ready: boolean | null): { state: StateName; word: string } {
  if (ready === null) return { state: 'wait', word: words.unknown };
  return ready ? { state: 'ok', word: words.ready } : { state: 'bad', word: words.notReady };
}

const componentWords: Record<ComponentStatus['state'], { state: StateName; word: string }> = {
  pending: { state: 'wait', word: words.waitingForA },
  starting: { state: 'run', word: words.waitingForReady },
  running: { state: 'ok', word: words.running },
  leaving: { state: 'held', word: words.stillServing },
  failed: { state: 'bad', word: words.failed },
};
export const componentState = (component: ComponentStatus) => componentWords[component.state];

/** "0.4 core · 260 MiB", or its state while it does not run. */
export function componentLine(topology: Topology, component: ComponentStatus): string {
  if (component.state === 'failed') return component.reason ?? words.failed;
  if (component.state !== 'running') return componentState(component).word;
  const node = component.node ?? '';
  const cores = readingOf(topology, 'component_cpu_cores', node, component.name);
  const memory = readingOf(topology, 'component_memory_bytes', node, component.name);
  const parts = [
    cores ? `${formatNumber(cores.value, cores.value < 10 ? 1 : 0)} core` : null,
    memory ? formatQuantity(memory.value, 'bytes') : null,
  ].filter((part) => part !== null);
  return parts.length > 0 ? parts.join(' · ') : words.running;
}

export const agentsOf = (topology: Topology, layer: Layer): AgentLife[] =>
  topology.agents.filter((agent) => agent.layer === layer);

/** Of a cluster with two agents: "standby-c leads"; null where there is one alone. */
export function leadershipOf(topology: Topology, cluster: string): string | null {
  const alive = agentsOf(topology, 'cluster').filter((agent) => agent.cluster === cluster && agent.alive && agent.role);
  if (alive.length === 0) return null;
  const leader = alive.find(({ role }) => role === 'leading')?.agent;
  if (leader === undefined) return 'nobody leads';
  return alive.length === 1 ? `${leader} leads, nobody stands by` : `${leader} leads`;
}

/** "Control plane · 4 × 3.2 GHz". */
export function nodeLine(node: TopologyNode): string {
  const role = node.role === 'worker' ? words.worker : words.controlPlane;
  const frequency = node.frequencyGHz === null ? null : `${formatNumber(node.frequencyGHz, 1)} GHz`;
  const processor = node.cores === null ? frequency : frequency ? `${node.cores} × ${frequency}` : texts.counts.core(node.cores);
  return processor ? `${role} · ${processor}` : role;
}

/** How the testbed is, in one sentence. */
export function topologySentence(topology: Topology): string {
  const notReady = topology.nodes.filter((node) => node.ready === false).map((node) => node.name);
  const unknown = topology.nodes.filter((node) => node.ready === null);
  const silent = topology.agents.filter((agent) => !agent.alive).map((agent) => agent.agent);
  const parts: string[] = [];
  if (notReady.length > 0) parts.push(words.namedNotReady(notReady));
  else if (unknown.length > 0)
    parts.push(words.ofReadySoFar(topology.nodes.length - unknown.length, texts.counts.node(topology.nodes.length)));
  else parts.push(topology.nodes.length === 0 ? words.noNodeHasBeen : words.allReady(texts.counts.node(topology.nodes.length)));
  if (silent.length > 0) parts.push(words.agentsSilent(texts.counts.agent(silent.length)));
  const moving = topology.applications.flatMap(({ components }) => {
    const leaving = components.find((component) => component.state === 'leaving');
    const coming = components.find((one) => one.name === leaving?.name && one !== leaving);
    return leaving && coming?.node ? [words.isMovingTo(leaving.name, coming.node)] : [];
  });
  const headline = headlineOf(topology);
  if (moving[0]) parts.push(moving[0]);
  if (headline?.value != null) {
    const target = formatQuantity(headline.target, headline.unit);
    parts.push(
      words.at(
        headline.application,
        formatQuantity(headline.value, headline.unit),
        headline.met ? words.withinTarget(target) : words.missingTarget(target),
      ),
    );
  }
  return `${parts.join('; ')}.`;
}
