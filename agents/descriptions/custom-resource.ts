import { z } from 'zod';
import { apiGroup, apiVersion, type Description, type Kind, kinds } from './kinds.ts';

export interface CustomResource {
  apiVersion: string;
  kind: Kind;
  metadata: { name: string; namespace: string; uid?: string; resourceVersion?: string; labels?: Record<string, string> };
  [field: string]: unknown;
}

/** Namespace of descriptions and of the components made from them. */
export const namespace = 'mlsysops';

/** The description as a custom resource: its fields at the root, no `spec`. */
export function toCustomResource(description: Description): CustomResource {
  const fields = description.value as Record<string, unknown>;
  const name = fields[kinds[description.kind].nameField];
  return { apiVersion, kind: description.kind, metadata: { name: String(name), namespace }, ...fields };
}

interface PrinterColumn {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  jsonPath: string;
}

/** What "kubectl get" shows of each kind besides name and age. */
const printerColumns: Record<Kind, PrinterColumn[]> = {
  MLSysOpsApp: [
    { name: 'Status', type: 'string', jsonPath: '.status.phase' },
    { name: 'Ready', type: 'string', jsonPath: '.status.ready' },
    { name: 'Clusters', type: 'string', jsonPath: '.status.clusters' },
  ],
  MLSysOpsNode: [
    { name: 'Cluster', type: 'string', jsonPath: '.cluster_id' },
    { name: 'Availability', type: 'string', jsonPath: '.availability' },
    { name: 'Cores', type: 'integer', jsonPath: '.hardware.cpu.cores' },
  ],
  MLSysOpsCluster: [{ name: 'Nodes', type: 'string', jsonPath: '.nodes' }],
  MLSysOpsContinuum: [{ name: 'Clusters', type: 'string', jsonPath: '.clusters' }],
  MLSysOpsDatacenter: [
    { name: 'Cluster', type: 'string', jsonPath: '.cluster_id' },
    { name: 'City', type: 'string', jsonPath: '.city' },
    { name: 'Provider', type: 'string', jsonPath: '.cloud_provider' },
  ],
};

/** The CustomResourceDefinition of a kind, its schema generated from the one that validates files. */
export function customResourceDefinition(kind: Kind) {
  const { plural, shortName, schema } = kinds[kind];
  const generated = structural(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', unrepresentable: 'any' })) as {
    properties: Record<string, unknown>;
    required?: string[];
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${apiGroup}` },
    spec: {
      group: apiGroup,
      scope: 'Namespaced',
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List`, shortNames: [shortName] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: [
            ...printerColumns[kind],
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              // Fields of other people's tools stay; the agents say what they do not know.
              'x-kubernetes-preserve-unknown-fields': true,
              properties: {
                metadata: { type: 'object' },
                ...generated.properties,
                status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
              },
              // The name may be left to metadata.
              required: (generated.required ?? []).filter((field) => field !== kinds[kind].nameField),
            },
          },
        },
      ],
    },
  };
}

/** Kubernetes takes only structural schemas: no alternatives with types of their own, no closed objects, no `$schema`. */
function structural(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(structural);
  if (typeof schema !== 'object' || schema === null) return schema;
  const node = schema as Record<string, unknown>;
  if (node.$ref !== undefined || node.allOf !== undefined || node.anyOf !== undefined)
    return { 'x-kubernetes-preserve-unknown-fields': true };
  if (Object.keys(node).length === 0) return { 'x-kubernetes-preserve-unknown-fields': true };
  const { $schema: _s, additionalProperties: _a, definitions: _d, $defs: _e, id: _i, ...rest } = node;
  if (rest.properties) {
    rest.properties = Object.fromEntries(
      Object.entries(rest.properties as Record<string, unknown>).map(([name, value]) => [name, structural(value)]),
    );
  }
  if (rest.items) rest.items = structural(rest.items);
  return rest;
}
