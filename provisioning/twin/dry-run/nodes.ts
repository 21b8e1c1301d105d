import { planTwin } from '../plan.ts';
import { powerW } from '../simulation/power.ts';
import type { SimulatedNode } from '../simulation/processors.ts';
import type { ParameterBook } from './parameters.ts';
import type { Past } from './past.ts';
import { powerModelOf } from './power.ts';
import type { Present, PresentNode } from './present.ts';

/** Where neither a description nor a node itself tells. */
const usualGHz = 2.4;
const usualBackground = 0.05;

/** The nodes of a cluster as they are simulated: by their descriptions, else by what they last told, else as is usual. */
export function simulatedNodes(present: Present, past: Past, book: ParameterBook): SimulatedNode[] {
  const planned = new Map(
    present.twin
      ? planTwin({
          ...(present.twin.section && { twin: present.twin.section }),
          ...(present.twin.clusters && { clusters: present.twin.clusters }),
        }).hosts.map(({ simulated }) => [simulated.name, simulated])
      : [],
  );
  return present.nodes.map((node) => {
    const own = planned.get(node.name);
    const source = present.twin?.section ? "the twin's file" : "the framework's testbed of four";
    return own ? told(own, source, book) : simulatedNode(node, present, past, book);
  });
}

/** A node of a twin is what its file says. */
function told(node: SimulatedNode, source: string, book: ParameterBook): SimulatedNode {
  const origin = 'described';
  const { name, cores, ghz, memoryBytes, power, background } = node;
  book.set(name, { name: 'Cores', value: cores, unit: '', origin, source });
  book.set(name, { name: 'Frequency', value: ghz, unit: 'GHz', origin, source });
  book.set(name, { name: 'Memory', value: memoryBytes / 2 ** 30, unit: 'GiB', origin, source });
  book.set(name, { name: 'Power when idle', value: power.b, unit: 'W', origin, source });
  book.set(name, { name: 'Power when busy', value: powerW(power, 1, ghz), unit: 'W', origin, source });
  book.set(name, { name: 'Load of its own services', value: background, unit: 'share', origin, source });
  return node;
}

function simulatedNode(node: PresentNode, present: Present, past: Past, book: ParameterBook): SimulatedNode {
  const { name, description } = node;
  const cpu = description?.hardware.cpu;
  const cores =
    cpu?.cores !== undefined
      ? book.set(name, { name: 'Cores', value: cpu.cores, unit: '', origin: 'described', source: 'description of the node' })
      : book.set(name, {
          name: 'Cores',
          value: node.cores,
          unit: '',
          origin: 'measured',
          source: 'allocatable of its Kubernetes node',
        });
  const memoryBytes = node.memoryBytes;
  book.set(name, {
    name: 'Memory',
    value: memoryBytes / 2 ** 30,
    unit: 'GiB',
    origin: 'measured',
    source: 'allocatable of its Kubernetes node',
  });
  const ghz = frequencyOf(node, past, book);
  return {
    name,
    cores,
    ghz,
    memoryBytes,
    power: powerModelOf(name, { past, book, ghz, processor: cpu?.model }),
    background: backgroundOf(node, cores, present, past, book),
    architecture: cpu?.architecture === 'arm64' || cpu?.architecture === 'aarch64' ? 'arm64' : 'amd64',
    ...(cpu?.model !== undefined && { model: cpu.model }),
  };
}

function frequencyOf({ name, description }: PresentNode, past: Past, book: ParameterBook): number {
  const parameter = { name: 'Frequency', unit: 'GHz' };
  const frequencies = description?.hardware.cpu?.frequency ?? [];
  if (frequencies.length > 0)
    return book.set(name, {
      ...parameter,
      value: Math.max(...frequencies),
      origin: 'described',
      source: 'description of the node',
    });
  const read = past.last({ metric: 'cpu_frequency_max_ghz', node: name });
  if (read) return book.set(name, { ...parameter, value: read.value, origin: 'measured', source: read.source });
  return book.set(name, { ...parameter, value: usualGHz, origin: 'assumed', source: 'the node tells none' });
}

/** What of its load no component accounts for. */
function backgroundOf({ name }: PresentNode, cores: number, present: Present, past: Past, book: ParameterBook): number {
  const parameter = { name: 'Load of its own services', unit: 'share' };
  const used = past.median({ metric: 'cpu_used_ratio', node: name });
  if (!used) return book.set(name, { ...parameter, value: usualBackground, origin: 'assumed', source: 'the node tells no load' });
  const components = present.applications
    .flatMap(({ description, components: placed }) =>
      Object.entries(placed).flatMap(([component, on]) =>
        on === name
          ? (past.median({ metric: 'component_cpu_cores', node: name, application: description.name, component })?.value ?? 0)
          : [],
      ),
    )
    .reduce((sum, one) => sum + one, 0);
  const value = Math.min(0.95, Math.max(0, used.value - components / cores));
  return book.set(name, { ...parameter, value, origin: 'measured', source: `${used.source}, less that of its components` });
}
