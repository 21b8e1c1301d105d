import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ApplicationDescription, applicationSchema, type ComponentDescription } from '../descriptions/application.ts';
import { type NodeDescription, nodeSchema } from '../descriptions/node.ts';
import { rejectionOf } from './constraints.ts';
import type { ClusterSituation, NodeSituation } from './situation.ts';

const now = 1_700_000_000_000;
const described = (more: object = {}): NodeDescription =>
  nodeSchema.parse({
    continuum_layer: 'edge',
    environment: { node_type: 'bare_metal', os: 'ubuntu', container_runtime: ['containerd'] },
    hardware: { cpu: { architecture: 'x86_64', frequency: [1.2, 3.4] } },
    ...more,
  });
const node = (more: Partial<NodeSituation> = {}): NodeSituation => ({
  name: 'w1',
  ready: true,
  unschedulable: false,
  labels: { 'kubernetes.io/arch': 'amd64', zone: 'north' },
  taints: [],
  cores: 4,
  memoryBytes: 8e9,
  heartbeat: { lastAt: now, alive: true },
  frequencyGHz: null,
  description: described(),
  ...more,
});
const containers = (platform_requirements: object) => [{ image: 'a', platform_requirements }];

function rule(on: NodeSituation, wants: object, more: { application?: object; others?: object[] } = {}): string | undefined {
  const others = (more.others ?? []).map((other, index) => ({ metadata: { name: `other-${index}` }, ...other }));
  const description = applicationSchema.parse({
    name: 'app',
    components: [{ metadata: { name: 'it' }, ...wants }, ...others],
    ...more.application,
  });
  const component = description.components[0]!;
  const view: ClusterSituation = {
    cluster: 'c',
    mechanisms: {},
    mode: 0,
    nodes: [on],
    applications: [{ uid: 'u', description }],
    components: others.map(({ metadata }) => ({
      application: 'app',
      component: metadata.name,
      componentUid: metadata.name,
      pin: on.name,
      pods: [],
    })),
  } as ClusterSituation;
  const rejection = rejectionOf(on, description, component, view, now);
  if (rejection) expect(rejection.reason).toContain(on.name);
  return rejection?.rule;
}

describe('what keeps a component off a node', () => {
  it('is nothing where nothing is asked for', () => expect(rule(node(), {})).toBeUndefined());

  it.each<[string, object, Partial<NodeSituation>]>([
    ['not-ready', {}, { ready: false }],
    ['cordoned', {}, { unschedulable: true }],
    ['taint', {}, { taints: [{ key: 'busy', value: '', effect: 'NoSchedule' }] }],
    ['heartbeat', {}, { heartbeat: { lastAt: now - 9000, alive: false } }],
    ['anomaly', {}, { suspect: 'w1 behaves unusually' }],
    ['node_placement.labels', { node_placement: { labels: ['zone=south'] } }, {}],
    ['node_placement.continuum_layer', { node_placement: { continuum_layer: ['cloud'] } }, {}],
    ['node_placement.mobile', { node_placement: { mobile: true } }, { description: described({ mobile: false }) }],
    ['node_type', { node_type: 'virtualized' }, {}],
    ['os', { os: 'zephyr' }, {}],
    ['container_runtime', { container_runtime: 'docker' }, {}],
    ['architecture', { containers: containers({ cpu: { architecture: ['arm64'] } }) }, {}],
    ['cpu.frequency', { containers: containers({ cpu: { frequency: 3.6 } }) }, {}],
    ['requests.cpu', { containers: containers({ cpu: { requests: '4500m' } }) }, {}],
    ['requests.memory', { containers: containers({ memory: { requests: '8Gi' } }) }, {}],
    ['gpu', { containers: containers({ gpu: { requests: 1 } }) }, {}],
    ['gpu', { containers: containers({ gpu: {} }) }, { description: undefined }],
    ['gpu.instances', { containers: containers({ gpu: { requests: 2 } }) }, { description: gpu({ instances: 1 }) }],
    ['gpu.model', { containers: containers({ gpu: { model: 'A100' } }) }, { description: gpu({ model: 'NVIDIA T4' }) }],
    ['gpu.memory', { containers: containers({ gpu: { memory: '24Gi' } }) }, { description: gpu({ memory: 16 }) }],
    ['fpga', { containers: containers({ fpga: {} }) }, {}],
    [
      'fpga.model',
      { containers: containers({ fpga: { model: 'Alveo' } }) },
      { description: described({ hardware: { fpga: { model: 'Zynq' } } }) },
    ],
    ['sensors', { sensors: [{ camera: {} }] }, { description: described({ sensors: [{ temperature: {} }] }) }],
    ['sensors', { sensors: [{ camera: {}, instances: 2 }] }, { description: described({ sensors: [{ camera: {} }] }) }],
    ['trust', { data_sensitivity: true }, { trustLevel: 0.4 }],
    ['trust', { data_criticality: 'medium' }, { trustLevel: 0.2 }],
  ])('%s: %j', (expected, wants, on) => expect(rule(node(on), wants)).toBe(expected));

  it.each<[object, Partial<NodeSituation>]>([
    [{ node_placement: { labels: ['zone', 'zone:north'] } }, {}],
    [{ node_placement: { labels: ['rack=7'] } }, { description: described({ labels: ['rack: 7'] }) }],
    [{ containers: containers({ cpu: { architecture: ['x86_64'], frequency: 3_400_000_000 } }) }, {}],
    [{ containers: containers({ gpu: { requests: 1, model: 't4' } }) }, { description: gpu({ model: 'NVIDIA T4' }) }],
    [{ sensors: [{ camera: {} }], os: 'zephyr', node_type: 'native' }, { description: undefined }],
    [{ data_sensitivity: true, data_criticality: 'high' }, { trustLevel: 0.5 }],
    [{ data_sensitivity: true }, {}],
  ])('nothing: %j', (wants, on) => expect(rule(node(on), wants)).toBeUndefined());

  it('counts what the others on the node have requested', () => {
    const wants = { containers: containers({ cpu: { requests: 2 } }) };
    expect(rule(node(), wants, { others: [wants] })).toBeUndefined();
    expect(rule(node(), wants, { others: [wants, { containers: containers({ cpu: { requests: '1m' } }) }] })).toBe(
      'requests.cpu',
    );
    const gpus = { containers: containers({ gpu: { requests: 1 } }) };
    expect(rule(node({ description: gpu({ instances: 1 }) }), gpus, { others: [gpus] })).toBe('gpu.instances');
  });

  it('never overcommits a node, whatever is asked for and in whatever order', () => {
    const request = fc.record({ cpu: fc.integer({ min: 0, max: 3000 }), memory: fc.integer({ min: 0, max: 4000 }) });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 8 }), (requests) => {
        const placed: object[] = [];
        let cpu = 0;
        let memory = 0;
        for (const one of requests) {
          const wants = { containers: containers({ cpu: { requests: `${one.cpu}m` }, memory: { requests: `${one.memory}M` } }) };
          const isRejected = rule(node(), wants, { others: placed }) !== undefined;
          const cpuFits = one.cpu === 0 || cpu + one.cpu <= 4000;
          const memoryFits = one.memory === 0 || memory + one.memory <= 8000;
          expect(isRejected).toBe(!(cpuFits && memoryFits));
          if (isRejected) continue;
          placed.push(wants);
          cpu += one.cpu;
          memory += one.memory;
        }
      }),
      { numRuns: 200 },
    );
  });

  it('asking for more never makes a node fit that did not', () => {
    const parts: fc.Arbitrary<Partial<ComponentDescription>>[] = [
      fc.constantFrom<Partial<ComponentDescription>>({ os: 'ubuntu' }, { os: 'kali' }),
      fc.constantFrom<Partial<ComponentDescription>>({ node_type: 'bare_metal' }, { node_type: 'native' }),
      fc.constantFrom<Partial<ComponentDescription>>({ container_runtime: 'containerd' }, { container_runtime: 'docker' }),
      fc.constantFrom<Partial<ComponentDescription>>({ data_sensitivity: true }, { data_criticality: 'medium' }),
      fc.constantFrom<Partial<ComponentDescription>>(
        { node_placement: { labels: ['zone=north'] } },
        { node_placement: { labels: ['zone=south'] } },
      ),
    ];
    fc.assert(
      fc.property(fc.tuple(...parts), fc.float({ min: 0, max: 1, noNaN: true }), (asked, trustLevel) => {
        let all = {};
        let wasRejected = false;
        for (const part of asked) {
          all = { ...all, ...part };
          const isRejected = rule(node({ trustLevel }), all) !== undefined;
          if (wasRejected) expect(isRejected).toBe(true);
          wasRejected = isRejected;
        }
      }),
    );
  });

  it('holds the components of single_node together', () => {
    const application: Partial<ApplicationDescription> = { single_node: [{ components: ['it', 'other-0'], labels: ['gone'] }] };
    expect(rule(node(), {}, { application })).toBe('node_placement.labels');
  });
});

function gpu(more: object): NodeDescription {
  return described({ hardware: { gpu: more } });
}
