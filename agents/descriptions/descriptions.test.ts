import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { permits, receiversOf } from './application.ts';
import { customResourceDefinition, toCustomResource } from './custom-resource.ts';
import { type Kind, kinds } from './kinds.ts';
import { editDistance } from './nearest.ts';
import { DescriptionError, parseCustomResource, parseDescription, parseDescriptions } from './parse.ts';
import { parseQuantity } from './quantity.ts';

const file = new URL('../../assets/applications/smart-camera.yaml', import.meta.url);

test('the shipped application reads the same in both forms', async () => {
  const described = parseDescription(await readFile(file, 'utf8'), 'smart-camera.yaml');
  if (described.kind !== 'MLSysOpsApp') return expect.fail(described.kind);
  expect(described.value.components.map(({ metadata }) => metadata.name)).toEqual(['camera', 'detector', 'classifier']);
  expect(receiversOf(described.value, 'camera')).toEqual(['detector']);
  expect(permits(described.value, 'component_relocation')).toBe(true);
  expect(permits(described.value, 'change_container_image')).toBe(false);
  const resource = toCustomResource(described);
  expect(resource).toMatchObject({ apiVersion: 'mlsysops.eu/v1', kind: 'MLSysOpsApp', metadata: { name: 'smart-camera' } });
  expect(parseDescription(stringify(resource), 'resource.yaml')).toEqual(described);
  const fromApi = { ...resource, metadata: { ...resource.metadata, uid: 'u', managedFields: [] }, status: { any: 1 } };
  expect(parseCustomResource(fromApi)).toEqual(described);
});

const issuesOf = (text: string) => {
  try {
    parseDescription(text, 'app.yaml');
  } catch (error) {
    if (error instanceof DescriptionError) return error.message.split('\n');
    throw error;
  }
  return [];
};

test('errors name file, line and the nearest known key', () => {
  const text = `MLSysOpsApp:
  name: shop
  components:
    - metadata: { name: front }
      node_placment:
        node: a
      containers:
        - image: x
          platform_requirements:
            cpu: { request: 1 }
    - metadata: { name: Back }
  permitted_actions: [component_relocations]
`;
  expect(issuesOf(text)).toEqual([
    'app.yaml:5: components.0: unknown key "node_placment"; did you mean "node_placement"?',
    'app.yaml:10: components.0.containers.0.platform_requirements.cpu: unknown key "request"; did you mean "requests"?',
    'app.yaml:11: components.1.metadata.name: a name is lower-case letters, digits and "-", at most 52 characters',
    expect.stringMatching(/^app\.yaml:12: permitted_actions\.0: /),
  ]);
  // Where one or several may stand, too.
  const either = (scaling: string) => `MLSysOpsApp:
  name: shop
  components:
    - metadata: { name: front }
      node_placement:
        scaling: ${scaling}
`;
  expect(issuesOf(either('{ scaling_mod: auto }'))).toEqual([
    'app.yaml:6: components.0.node_placement.scaling: unknown key "scaling_mod"; did you mean "scaling_mode"?',
  ]);
  expect(issuesOf(either('[{ instances: many }]'))).toEqual([
    expect.stringMatching(/^app\.yaml:6: components\.0\.node_placement\.scaling\.0\.instances: .*number/),
  ]);
  expect(issuesOf('MLSysOpsAp: {name: x}')).toEqual(['app.yaml:1: unknown kind "MLSysOpsAp"; did you mean "MLSysOpsApp"?']);
  expect(issuesOf('apiVersion: v1\nkind: MLSysOpsApp')).toEqual(['app.yaml:1: apiVersion is "v1", expected "mlsysops.eu/v1"']);
  expect(issuesOf('MLSysOpsApp:\n  name: [')[0]).toMatch(/^app\.yaml:\d: /);
  expect(issuesOf('just text')).toHaveLength(1);
  expect(issuesOf('')).toHaveLength(1);
  expect(editDistance('kitten', 'sitting')).toBe(3);
});

test('both spellings of redundancy are read', () => {
  for (const spelling of ['redundancy', 'reduncancy'])
    expect(
      issuesOf(
        `MLSysOpsApp: {name: a, components: [{metadata: {name: b}, storage: {buckets: [{bucket_id: c, ${spelling}: high}]}}]}`,
      ),
    ).toEqual([]);
});

/** What the API server refuses in a structural schema (kubernetes.io, Custom Resources, "Specifying a structural schema"). */
function structuralFaults(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [`${path}: no schema`];
  const node = schema as Record<string, unknown>;
  const forbidden = ['$ref', '$schema', 'definitions', '$defs', 'anyOf', 'oneOf', 'allOf', 'const', 'propertyNames', 'id'];
  const faults = forbidden.filter((key) => key in node).map((key) => `${path}: ${key}`);
  if (!('type' in node) && node['x-kubernetes-preserve-unknown-fields'] !== true) faults.push(`${path}: no type`);
  if (node.additionalProperties === false) faults.push(`${path}: closed`);
  if (Array.isArray(node.items)) faults.push(`${path}: tuple`);
  if (node.type === 'array') faults.push(...structuralFaults(node.items, `${path}[]`));
  for (const [name, value] of Object.entries((node.properties ?? {}) as object))
    faults.push(...structuralFaults(value, `${path}.${name}`));
  return faults;
}

test.each(Object.keys(kinds) as Kind[])('the definition of %s is a structural schema with its short name', (kind) => {
  const definition = customResourceDefinition(kind);
  expect(structuralFaults(definition.spec.versions[0]!.schema.openAPIV3Schema, kind)).toEqual([]);
  expect(definition.spec.versions[0]).toMatchObject({ subresources: { status: {} } });
  expect(definition.spec.versions[0]!.additionalPrinterColumns.length).toBeGreaterThan(1);
  expect(definition.spec.names.shortNames).toEqual([kinds[kind].shortName]);
});

test('what an application says of itself must be possible', () => {
  const text = `MLSysOpsApp:
  name: shop
  components:
    - metadata: { name: front }
      depends_on: [front, bakc]
      containers:
        - image: x
          platform_requirements:
            cpu: { requests: "2", limits: 500m }
            memory: { requests: lots }
    - metadata: { name: back }
      depends_on: [store]
      qos_metrics: [{ application_metric_id: answer_ms, target: 5, relation: lower_or_equal }]
    - metadata: { name: store }
      depends_on: [{ component_name: back }]
    - metadata: { name: back }
  single_node:
    - components: [front, cellar]
  component_interactions:
    - { component_name1: front, type: egress, component_name2: backk }
  global_satisfaction:
    threshold: 0.5
    achievement_weights:
      - { metric_id: answers_ms, weight: 1 }
`;
  expect(issuesOf(text)).toEqual([
    'app.yaml:5: components.0.depends_on.0: front depends on itself',
    'app.yaml:5: components.0.depends_on.1: there is no component "bakc"; did you mean "back"?',
    'app.yaml:9: components.0.containers.0.platform_requirements.cpu.requests: requests 2, more than its limit of 500m',
    'app.yaml:10: components.0.containers.0.platform_requirements.memory.requests: "lots" is no quantity such as 0.5, 500m or 128Mi',
    'app.yaml:12: components.1.depends_on: depends on itself by way of others: back → store → back',
    'app.yaml:16: components.3.metadata.name: component "back" stands here twice',
    'app.yaml:18: single_node.0.components.1: there is no component "cellar"; known: front, back, store, back',
    'app.yaml:20: component_interactions.0.component_name2: there is no component "backk"; did you mean "back"?',
    'app.yaml:24: global_satisfaction.achievement_weights.0.metric_id: no component has a target for the metric "answers_ms"; did you mean "answer_ms"?',
  ]);
});

test('descriptions that belong together must fit each other', () => {
  const node = (name: string, cluster: string) => ({
    fileName: `${name}.yaml`,
    text: `MLSysOpsNode:\n  name: ${name}\n  cluster_id: ${cluster}\n  continuum_layer: edge\n  environment: { node_type: native, os: ubuntu }\n  hardware: {}\n`,
  });
  const cluster = (nodes: string) => ({
    fileName: 'cluster1.yaml',
    text: `MLSysOpsCluster:\n  cluster_id: cluster1\n  nodes: ${nodes}\n`,
  });
  const fit = [node('a', 'cluster1'), node('b', 'cluster1'), cluster('[a, b]')];
  expect(parseDescriptions(fit).map(({ kind }) => kind)).toEqual(['MLSysOpsNode', 'MLSysOpsNode', 'MLSysOpsCluster']);
  expect(() => parseDescriptions([node('a', 'cluster1'), node('b', 'cluster1'), cluster('[a]')])).toThrow(
    'b.yaml:2: name: no cluster lists the node "b"',
  );
  expect(() => parseDescriptions([node('a', 'cluster2'), cluster('[a]')])).toThrow(
    'a.yaml:3: cluster_id: there is no cluster "cluster2"; did you mean "cluster1"?',
  );
  expect(() => parseDescriptions([node('a', 'cluster1'), cluster('\n    - a\n    - c')])).toThrow(
    'cluster1.yaml:5: nodes.1: there is no node "c"; did you mean "a"?',
  );
  // Alone, an application may name nodes and clusters of which nothing is known here.
  expect(
    parseDescriptions([
      { fileName: 'x.yaml', text: 'MLSysOpsApp: {name: x, components: [{metadata: {name: y}, node_placement: {node: far}}]}' },
    ]),
  ).toHaveLength(1);
});

test('quantities are those of Kubernetes', () => {
  const quantities = ['500m', '128Mi', '1e3', '1.5k', 0.25, '2', '.5', '1E', 'x', '', '1 Gi', '--1'] as const;
  expect(quantities.map(parseQuantity)).toEqual([0.5, 134_217_728, 1000, 1500, 0.25, 2, 0.5, 1e18, null, null, null, null]);
});
