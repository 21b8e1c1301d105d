import type { ComponentDescription } from '../descriptions/application.ts';
import type { NodeDescription } from '../descriptions/node.ts';
import { parseQuantity } from '../descriptions/quantity.ts';
import type { Rejection } from './rejection.ts';
import type { ClusterSituation, NodeSituation } from './situation.ts';

const sensorKinds = ['camera', 'temperature', 'accelerometer', 'barometer', 'air_quality'] as const;
const gigabyte = 1e9;

type Requirements = NonNullable<NonNullable<ComponentDescription['containers']>[number]['platform_requirements']>;
const requirementsOf = (component: ComponentDescription): Requirements[] =>
  component.containers?.flatMap(({ platform_requirements: needs }) => needs ?? []) ?? [];

/** Sum of an amount over a component's containers, in its base unit; what is not asked for, or cannot be read, is 0. */
const sumOf = (component: ComponentDescription, amount: (needs: Requirements) => number | string | undefined): number =>
  requirementsOf(component).reduce((sum, needs) => sum + (parseQuantity(amount(needs) ?? 0) ?? 0), 0);

export const cpuRequest = (component: ComponentDescription): number => sumOf(component, ({ cpu }) => cpu?.requests);
export const memoryRequest = (component: ComponentDescription): number => sumOf(component, ({ memory }) => memory?.requests);
/** A container that describes a GPU without an amount wants one. */
export const gpuRequest = (component: ComponentDescription): number =>
  sumOf(component, ({ gpu }) => (gpu ? (gpu.requests ?? 1) : 0));

/** Descriptions of all components that are pinned to a node, but for one of them. */
export function othersOn(view: ClusterSituation, node: string, application: string, component: string): ComponentDescription[] {
  const there = pinnedIn(view).get(node);
  if (!there) return none;
  return there.filter((placed) => placed.application !== application || placed.component !== component).map(({ is }) => is);
}

interface Pinned {
  application: string;
  component: string;
  is: ComponentDescription;
}
const none: ComponentDescription[] = [];
const indices = new WeakMap<
  ClusterSituation['components'],
  { of: ClusterSituation['applications']; byNode: Map<string, Pinned[]> }
>();

/** Every described component by the node that it is pinned to: a decision asks for all nodes of the same situation. */
function pinnedIn({ components, applications }: ClusterSituation): Map<string, Pinned[]> {
  const known = indices.get(components);
  if (known?.of === applications) return known.byNode;
  const described = new Map(
    applications.map(({ description: { name, components: own } }) => [name, new Map(own.map((is) => [is.metadata.name, is]))]),
  );
  const byNode = new Map<string, Pinned[]>();
  for (const { application, component, pin } of components) {
    const is = described.get(application)?.get(component);
    if (pin === null || !is) continue;
    const there = byNode.get(pin);
    if (there) there.push({ application, component, is });
    else byNode.set(pin, [{ application, component, is }]);
  }
  indices.set(components, { of: applications, byNode });
  return byNode;
}

/** Why a node has no room for what a component requests, beside what the others on it have requested. */
export function roomRejection(
  node: NodeSituation,
  component: ComponentDescription,
  others: ComponentDescription[],
): Rejection | undefined {
  const amounts = [
    { rule: 'cpu', of: cpuRequest, there: node.cores, scale: 1, unit: 'cores' },
    { rule: 'memory', of: memoryRequest, there: node.memoryBytes, scale: 1e6, unit: 'MB' },
  ];
  for (const { rule, of, there, scale, unit } of amounts) {
    const wanted = of(component);
    if (wanted === 0) continue;
    const taken = others.reduce((sum, other) => sum + of(other), 0);
    // A node whose capacity cannot be read is not held to it.
    if (!(wanted + taken > there * (1 + 1e-9))) continue;
    const free = Math.max(there - taken, 0);
    const text = (value: number) => Number((value / scale).toPrecision(4));
    return {
      rule: `requests.${rule}`,
      reason: `${node.name} has ${text(free)} of ${text(there)} ${unit} free, ${component.metadata.name} requests ${text(wanted)}`,
    };
  }
  return undefined;
}

/**
 * Why a host is not what a component wants, by the host's description. What a description does not say is not held against the host, but
 * for accelerators: a component that needs one cannot do without.
 */
export function capabilityRejection(
  node: NodeSituation,
  component: ComponentDescription,
  others: ComponentDescription[],
): Rejection | undefined {
  const { description, name } = node;
  const wants = component.metadata.name;
  if (description) {
    const { node_type: type, os, container_runtime: runtimes } = description.environment;
    if (component.node_type && component.node_type !== type)
      return { rule: 'node_type', reason: `${name} is ${type}, ${wants} wants ${component.node_type}` };
    if (component.os && component.os !== os) return { rule: 'os', reason: `${name} runs ${os}, ${wants} wants ${component.os}` };
    if (component.container_runtime && runtimes && !runtimes.includes(component.container_runtime))
      return {
        rule: 'container_runtime',
        reason: `${name} has ${runtimes.join(' and ') || 'no runtime'}, ${wants} wants ${component.container_runtime}`,
      };
    const sensor = missingSensor(component, description);
    if (sensor) return { rule: 'sensors', reason: `${name} has ${sensor.has}, ${wants} needs ${sensor.needs}` };
    if (component.node_placement?.mobile !== undefined && description.mobile !== undefined) {
      const { mobile } = component.node_placement;
      if (mobile !== description.mobile)
        return { rule: 'node_placement.mobile', reason: `${name} ${mobile ? 'does not move' : 'moves'}` };
    }
  }
  return processorRejection(node, component) ?? gpuRejection(node, component, others) ?? fpgaRejection(node, component);
}

function missingSensor(
  component: ComponentDescription,
  { sensors: there }: NodeDescription,
): { has: string; needs: string } | undefined {
  if (!there) return undefined;
  for (const wanted of component.sensors ?? [])
    for (const kind of sensorKinds) {
      if (wanted[kind] === undefined) continue;
      const count = there.filter((sensor) => sensor[kind] !== undefined).reduce((sum, { instances = 1 }) => sum + instances, 0);
      const needed = wanted.instances ?? 1;
      if (count < needed) {
        const thing = kind.replace('_', ' ');
        return { has: count === 0 ? `no ${thing}` : `${count} of ${thing}`, needs: needed === 1 ? 'one' : `${needed}` };
      }
      const model = kind === 'camera' ? wanted.camera?.model : undefined;
      if (model !== undefined && !there.some(({ camera }) => camera?.model === model))
        return { has: `no camera ${model}`, needs: 'that one' };
    }
  return undefined;
}

function processorRejection(node: NodeSituation, component: ComponentDescription): Rejection | undefined {
  const wants = component.metadata.name;
  const architectures = requirementsOf(component).flatMap(({ cpu }) => cpu?.architecture ?? []);
  const architecture = node.labels['kubernetes.io/arch'] ?? node.description?.hardware.cpu?.architecture;
  if (architecture && architectures.length > 0 && !architectures.some((one) => alike(one) === alike(architecture)))
    return { rule: 'architecture', reason: `${node.name} is ${architecture}, ${wants} needs ${architectures.join(' or ')}` };
  const needed = Math.max(
    0,
    ...requirementsOf(component)
      .flatMap(({ cpu }) => [cpu?.frequency ?? []].flat())
      .map(gigahertz),
  );
  const told = node.description?.hardware.cpu?.frequency?.map(gigahertz) ?? [];
  const fastest = node.frequencyGHz ?? (told.length > 0 ? Math.max(...told) : null);
  if (fastest !== null && needed > fastest * 1.001)
    return { rule: 'cpu.frequency', reason: `${node.name} reaches ${fastest} GHz, ${wants} needs ${needed} GHz` };
  return undefined;
}

/** Kubernetes and kernels call the same processors by different names. */
const alike = (architecture: string): string =>
  ({ x86_64: 'amd64', x64: 'amd64', aarch64: 'arm64', armv8: 'arm64', armv7l: 'arm' })[architecture.toLowerCase()] ??
  architecture.toLowerCase();

/** Descriptions have GHz; those that exist also have Hz and MHz. No processor reaches 100 GHz, or works below 0.1 MHz. */
const gigahertz = (frequency: number): number =>
  frequency >= 1e5 ? frequency / 1e9 : frequency >= 100 ? frequency / 1e3 : frequency;

function gpuRejection(
  node: NodeSituation,
  component: ComponentDescription,
  others: ComponentDescription[],
): Rejection | undefined {
  const wanted = gpuRequest(component);
  if (wanted === 0) return undefined;
  const wants = component.metadata.name;
  const { description, name } = node;
  if (!description) return { rule: 'gpu', reason: `it is not known whether ${name} has a GPU, which ${wants} needs` };
  const { gpu } = description.hardware;
  if (!gpu) return { rule: 'gpu', reason: `${name} has no GPU, which ${wants} needs` };
  const free = (gpu.instances ?? 1) - others.reduce((sum, other) => sum + gpuRequest(other), 0);
  if (wanted > free)
    return { rule: 'gpu.instances', reason: `${name} has ${Math.max(free, 0)} GPUs free, ${wants} needs ${wanted}` };
  for (const { gpu: asked } of requirementsOf(component)) {
    if (asked?.model && gpu.model && !gpu.model.toLowerCase().includes(asked.model.toLowerCase()))
      return { rule: 'gpu.model', reason: `the GPU of ${name} is a ${gpu.model}, ${wants} needs ${asked.model}` };
    const memory = parseQuantity(asked?.memory ?? 0) ?? 0;
    const there = parseQuantity(gpu.memory ?? Number.POSITIVE_INFINITY);
    if (there !== null && gigabytes(memory) > gigabytes(there))
      return { rule: 'gpu.memory', reason: `the GPU of ${name} has ${gigabytes(there)} GB, ${wants} needs ${gigabytes(memory)}` };
  }
  return undefined;
}

/** Descriptions have GB as plain numbers, or a quantity of bytes. */
const gigabytes = (amount: number): number => (amount > 1e6 ? amount / gigabyte : amount);

function fpgaRejection(node: NodeSituation, component: ComponentDescription): Rejection | undefined {
  const wanted = requirementsOf(component).flatMap(({ fpga }) => fpga ?? []);
  if (wanted.length === 0) return undefined;
  const wants = component.metadata.name;
  const { description, name } = node;
  if (!description) return { rule: 'fpga', reason: `it is not known whether ${name} has an FPGA, which ${wants} needs` };
  const { fpga } = description.hardware;
  if (fpga === undefined || fpga === null || fpga === false)
    return { rule: 'fpga', reason: `${name} has no FPGA, which ${wants} needs` };
  const model = wanted.find((one) => one.model !== undefined)?.model;
  if (model !== undefined && !JSON.stringify(fpga).toLowerCase().includes(model.toLowerCase()))
    return { rule: 'fpga.model', reason: `the FPGA of ${name} is not a ${model}, which ${wants} needs` };
  return undefined;
}

/** What a node must be trusted for data that matter: sensitive ones as much as highly critical ones. 0 where anything will do. */
export function trustNeeded(component: ComponentDescription): number {
  const byCriticality = { low: 0, medium: 0.3, high: 0.5 }[component.data_criticality ?? 'low'];
  return Math.max(byCriticality, component.data_sensitivity ? 0.5 : 0);
}

/** Why a node is not trusted with a component's data. One that nobody assesses is not held to it. */
export function trustRejection({ name, trustLevel }: NodeSituation, component: ComponentDescription): Rejection | undefined {
  const needed = trustNeeded(component);
  if (trustLevel === undefined || trustLevel >= needed) return undefined;
  const data = component.data_sensitivity ? 'sensitive' : `${component.data_criticality === 'high' ? 'highly ' : ''}critical`;
  const text = trustLevel.toFixed(2);
  return { rule: 'trust', reason: `${name} has a trust level of ${text}, ${data} data need ${needed}` };
}
