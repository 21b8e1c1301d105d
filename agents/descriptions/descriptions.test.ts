import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { permits, receiversOf } from './application.ts';
import { customResourceDefinition, toCustomResource } from './custom-resource.ts';
import { type Kind, kinds } from './kinds.ts';
import { DescriptionError, editDistance, parseCustomResource, parseDescription } from './parse.ts';

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
  expect(definition.spec.names.shortNames).toEqual([kinds[kind].shortName]);
});
