import { z } from 'zod';
import { applicationSchema } from './application.ts';
import { nodeSchema } from './node.ts';

export const clusterSchema = z.strictObject({
  cluster_id: z.string().min(1),
  datacenter_id: z.string().optional(),
  nodes: z.array(z.string()).optional(),
});
export const continuumSchema = z.strictObject({ continuum_id: z.string().min(1), clusters: z.array(z.string()).optional() });
export const datacenterSchema = z.strictObject({
  datacenter_id: z.string().min(1),
  cluster_id: z.string().optional(),
  continuum: z.string().optional(),
  nodes: z.array(z.string()).optional(),
  continent: z.string().optional(),
  country: z.string().optional(),
  city: z.string().optional(),
  location: z.array(z.number()).optional(),
  cloud_provider: z.enum(['private', 'aws', 'microsoft_azure', 'gcp']).optional(),
});

export const apiGroup = 'mlsysops.eu';
export const apiVersion = `${apiGroup}/v1`;

/** The kinds of descriptions: the custom resource's kind, its plural and short name, its schema, and the field that names one. */
export const kinds = {
  MLSysOpsApp: { plural: 'mlsysopsapps', shortName: 'mlsapp', schema: applicationSchema, nameField: 'name' },
  MLSysOpsNode: { plural: 'mlsysopsnodes', shortName: 'mlsnode', schema: nodeSchema, nameField: 'name' },
  MLSysOpsCluster: { plural: 'mlsysopsclusters', shortName: 'mlscluster', schema: clusterSchema, nameField: 'cluster_id' },
  MLSysOpsContinuum: {
    plural: 'mlsysopscontinuums',
    shortName: 'mlscontinuum',
    schema: continuumSchema,
    nameField: 'continuum_id',
  },
  MLSysOpsDatacenter: {
    plural: 'mlsysopsdatacenters',
    shortName: 'mlsdatacenter',
    schema: datacenterSchema,
    nameField: 'datacenter_id',
  },
} as const;
export type Kind = keyof typeof kinds;
export type DescriptionOf<K extends Kind> = z.infer<(typeof kinds)[K]['schema']>;
/** A description with its kind: what a file or a custom resource holds. */
export type Description = { [K in Kind]: { kind: K; value: DescriptionOf<K> } }[Kind];

export const isKind = (name: string): name is Kind => Object.hasOwn(kinds, name);
