import type { ApplicationDescription, ComponentDescription } from './application.ts';
import type { Description, Kind } from './kinds.ts';
import { nearestName } from './nearest.ts';
import { parseQuantity } from './quantity.ts';

/** What is wrong with the meaning of a description whose form is right. */
export interface SemanticIssue {
  path: PropertyKey[];
  message: string;
}

/** What one description says that cannot be, by itself. */
export function checkMeaning(description: Description): SemanticIssue[] {
  if (description.kind === 'MLSysOpsApp') return checkApplication(description.value);
  if (description.kind === 'MLSysOpsCluster') return twice(description.value.nodes ?? [], ['nodes'], 'node');
  if (description.kind === 'MLSysOpsContinuum') return twice(description.value.clusters ?? [], ['clusters'], 'cluster');
  return [];
}

function checkApplication(application: ApplicationDescription): SemanticIssue[] {
  const { components } = application;
  const names = components.map(({ metadata }) => metadata.name);
  const known = new Set(names);
  const unknownComponent = (name: string, path: PropertyKey[]): SemanticIssue[] =>
    known.has(name) ? [] : [{ path, message: `there is no component "${name}"${nearestName(name, names)}` }];
  return [
    ...twice(names, ['components'], 'component', ['metadata', 'name']),
    ...components.flatMap((component, index) => [
      ...dependenciesOf(component).flatMap((name, at) =>
        name === component.metadata.name
          ? [{ path: ['components', index, 'depends_on', at], message: `${name} depends on itself` }]
          : unknownComponent(name, ['components', index, 'depends_on', at]),
      ),
      ...checkContainers(component, ['components', index, 'containers']),
    ]),
    ...circles(components),
    ...(application.component_interactions ?? []).flatMap((interaction, index) => [
      ...unknownComponent(interaction.component_name1, ['component_interactions', index, 'component_name1']),
      ...unknownComponent(interaction.component_name2, ['component_interactions', index, 'component_name2']),
    ]),
    ...(application.single_node ?? []).flatMap((group, index) => [
      ...group.components.flatMap((name, at) => unknownComponent(name, ['single_node', index, 'components', at])),
      ...checkGroup(application, index),
    ]),
    ...checkWeights(application),
  ];
}

/** Components that must be on one node, and are each pinned to another. */
function checkGroup(application: ApplicationDescription, index: number): SemanticIssue[] {
  const group = application.single_node?.[index];
  if (!group) return [];
  const pins = application.components.flatMap(({ metadata, node_placement: placement }) =>
    group.components.includes(metadata.name) && placement?.node ? [{ name: metadata.name, node: placement.node }] : [],
  );
  const wanted = group.node ? [{ name: 'the group', node: group.node }, ...pins] : pins;
  const [first] = wanted;
  const other = wanted.find(({ node }) => node !== first?.node);
  if (!first || !other) return [];
  return [
    {
      path: ['single_node', index, 'components'],
      message: `${first.name} is pinned to ${first.node} and ${other.name} to ${other.node}, but they must be on one node`,
    },
  ];
}

/** Satisfaction is a weighted mean over QoS metrics: each must be one that a component has a target for. */
function checkWeights(application: ApplicationDescription): SemanticIssue[] {
  const weights = application.global_satisfaction?.achievement_weights ?? [];
  if (weights.length === 0) return [];
  const metrics = application.components.flatMap(({ qos_metrics: own = [] }) =>
    own.map((metric) => metric.application_metric_id),
  );
  const at = ['global_satisfaction', 'achievement_weights'];
  const issues: SemanticIssue[] = weights.flatMap(({ metric_id: metric }, index) =>
    metrics.includes(metric)
      ? []
      : [
          {
            path: [...at, index, 'metric_id'],
            message: `no component has a target for the metric "${metric}"${nearestName(metric, metrics)}`,
          },
        ],
  );
  if (weights.every(({ weight }) => weight === 0)) issues.push({ path: at, message: 'at least one weight must be above 0' });
  return [
    ...issues,
    ...twice(
      weights.map(({ metric_id: metric }) => metric),
      at,
      'metric',
      ['metric_id'],
    ),
  ];
}

function checkContainers(component: ComponentDescription, path: PropertyKey[]): SemanticIssue[] {
  return (component.containers ?? []).flatMap((container, index) => {
    const needs = container.platform_requirements;
    const here = [...path, index, 'platform_requirements'];
    const resources = (['cpu', 'memory', 'gpu'] as const).flatMap((resource) => {
      const { requests, limits } = needs?.[resource] ?? {};
      return [
        ...isQuantity(requests, [...here, resource, 'requests']),
        ...isQuantity(limits, [...here, resource, 'limits']),
        ...withinLimit(requests, limits, [...here, resource, 'requests']),
      ];
    });
    const ports = (container.ports ?? []).map((port) => `${port.protocol ?? 'TCP'} ${port.container_port}`);
    return [...resources, ...twice(ports, [...path, index, 'ports'], 'port', ['container_port'])];
  });
}

type Quantity = number | string | undefined;

const isQuantity = (quantity: Quantity, path: PropertyKey[]): SemanticIssue[] =>
  quantity === undefined || (parseQuantity(quantity) ?? -1) >= 0
    ? []
    : [{ path, message: `"${quantity}" is no quantity such as 0.5, 500m or 128Mi` }];

function withinLimit(requests: Quantity, limits: Quantity, path: PropertyKey[]): SemanticIssue[] {
  const least = requests === undefined ? null : parseQuantity(requests);
  const most = limits === undefined ? null : parseQuantity(limits);
  if (least === null || most === null || least <= most) return [];
  return [{ path, message: `requests ${requests}, more than its limit of ${limits}` }];
}

const dependenciesOf = (component: ComponentDescription): string[] =>
  (component.depends_on ?? []).map((dependency) => (typeof dependency === 'string' ? dependency : dependency.component_name));

/** Components that wait for each other could never be started one after the other. Each circle is told once. */
function circles(components: readonly ComponentDescription[]): SemanticIssue[] {
  const needs = new Map<string, string[]>();
  for (const component of components) {
    const { name } = component.metadata;
    needs.set(name, [...(needs.get(name) ?? []), ...dependenciesOf(component)]);
  }
  const issues: SemanticIssue[] = [];
  const done = new Set<string>();
  const follow = (name: string, trail: readonly string[]): void => {
    const at = trail.indexOf(name);
    if (at >= 0) {
      // Of itself alone is told as such.
      if (trail.length - at > 1) {
        const index = components.findIndex(({ metadata }) => metadata.name === name);
        issues.push({
          path: ['components', index, 'depends_on'],
          message: `depends on itself by way of others: ${[...trail.slice(at), name].join(' → ')}`,
        });
      }
      return;
    }
    if (done.has(name)) return;
    for (const next of needs.get(name) ?? []) follow(next, [...trail, name]);
    done.add(name);
  };
  for (const name of needs.keys()) follow(name, []);
  return issues;
}

function twice(values: readonly string[], path: PropertyKey[], what: string, below: PropertyKey[] = []): SemanticIssue[] {
  return values.flatMap((value, index) =>
    values.indexOf(value) < index ? [{ path: [...path, index, ...below], message: `${what} "${value}" stands here twice` }] : [],
  );
}

/** A description and the file that it came from. */
export interface Described {
  fileName: string;
  description: Description;
}

/** One description against the others. */
export interface CrossIssue extends SemanticIssue {
  fileName: string;
}

/**
 * What descriptions say of each other that does not fit together. A kind of which there is no description at all is not asked for: one may
 * describe an application alone.
 */
export function checkTogether(described: readonly Described[]): CrossIssue[] {
  const nodes = namesOf(described, 'MLSysOpsNode', 'name');
  const clusters = namesOf(described, 'MLSysOpsCluster', 'cluster_id');
  const continuums = namesOf(described, 'MLSysOpsContinuum', 'continuum_id');
  const datacenters = namesOf(described, 'MLSysOpsDatacenter', 'datacenter_id');
  const listed = described.flatMap(({ description }) =>
    description.kind === 'MLSysOpsCluster' ? (description.value.nodes ?? []) : [],
  );
  const inContinuum = described.flatMap(({ description }) =>
    description.kind === 'MLSysOpsContinuum' ? (description.value.clusters ?? []) : [],
  );
  const among = (what: string, name: string | undefined, known: readonly string[], path: PropertyKey[]): SemanticIssue[] =>
    name === undefined || known.length === 0 || known.includes(name)
      ? []
      : [{ path, message: `there is no ${what} "${name}"${nearestName(name, known)}` }];

  const check = (description: Description): SemanticIssue[] => {
    switch (description.kind) {
      case 'MLSysOpsNode': {
        const { name, cluster_id: cluster, datacenter_id: datacenter } = description.value;
        return [
          ...(name !== undefined && clusters.length > 0 && !listed.includes(name)
            ? [{ path: ['name'], message: `no cluster lists the node "${name}"` }]
            : []),
          ...among('cluster', cluster, clusters, ['cluster_id']),
          ...among('datacenter', datacenter, datacenters, ['datacenter_id']),
        ];
      }
      case 'MLSysOpsCluster': {
        const { cluster_id: id, nodes: own = [], datacenter_id: datacenter } = description.value;
        return [
          ...own.flatMap((name, index) => among('node', name, nodes, ['nodes', index])),
          ...(continuums.length > 0 && !inContinuum.includes(id)
            ? [{ path: ['cluster_id'], message: `no continuum lists the cluster "${id}"` }]
            : []),
          ...among('datacenter', datacenter, datacenters, ['datacenter_id']),
        ];
      }
      case 'MLSysOpsContinuum':
        return (description.value.clusters ?? []).flatMap((name, index) => among('cluster', name, clusters, ['clusters', index]));
      case 'MLSysOpsDatacenter':
        return [
          ...among('cluster', description.value.cluster_id, clusters, ['cluster_id']),
          ...among('continuum', description.value.continuum, continuums, ['continuum']),
          ...(description.value.nodes ?? []).flatMap((name, index) => among('node', name, nodes, ['nodes', index])),
        ];
      case 'MLSysOpsApp':
        return [
          ...(description.value.cluster_placement?.cluster_id ?? []).flatMap((name, index) =>
            name === '*' ? [] : among('cluster', name, clusters, ['cluster_placement', 'cluster_id', index]),
          ),
          ...description.value.components.flatMap((component, index) =>
            among('node', component.node_placement?.node, nodes, ['components', index, 'node_placement', 'node']),
          ),
        ];
    }
  };
  return [
    ...described.flatMap(({ fileName, description }) => check(description).map((issue) => ({ fileName, ...issue }))),
    ...listedTwice(described),
  ];
}

/** A node belongs to one cluster. */
function listedTwice(described: readonly Described[]): CrossIssue[] {
  const owner = new Map<string, string>();
  return described.flatMap(({ fileName, description }) => {
    if (description.kind !== 'MLSysOpsCluster') return [];
    const { cluster_id: id, nodes = [] } = description.value;
    return nodes.flatMap((name, index) => {
      const other = owner.get(name);
      if (other === undefined) owner.set(name, id);
      return other === undefined || other === id
        ? []
        : [{ fileName, path: ['nodes', index], message: `cluster ${other} lists the node "${name}" as well` }];
    });
  });
}

function namesOf(described: readonly Described[], kind: Kind, field: string): string[] {
  return described.flatMap(({ description }) => {
    const name = description.kind === kind ? (description.value as Record<string, unknown>)[field] : undefined;
    return typeof name === 'string' ? [name] : [];
  });
}
