import { z } from 'zod';
import { descriptionTextSchema, endpoint } from '../endpoint.ts';
import { agentSchema } from './agents.ts';
import { figuresSchema, windowQuerySchema } from './figures.ts';

export const infraTypeSchema = z.enum(['continuum', 'datacenter', 'cluster', 'node']);
export type InfraType = z.infer<typeof infraTypeSchema>;

const wordSchema = z
  .string()
  .transform((word) => word.toLowerCase())
  .pipe(z.enum([...infraTypeSchema.options, 'all']));

const entrySchema = z
  .object({
    type: infraTypeSchema,
    id: z.string(),
    /** It was registered with a description. */
    registered: z.boolean(),
    /** It was found: an agent of it was heard, or Karmada has it. */
    found: z.boolean(),
    /** Its agent is alive; null where it has none. */
    alive: z.boolean().nullable(),
    /** What it belongs to. */
    parent: z.string().nullable(),
  })
  .meta({ id: 'InfraEntry' });
export type InfraEntry = z.infer<typeof entrySchema>;

const descriptionSchema = z.record(z.string(), z.json());
/** Where a description and what was measured say different things. */
const differenceSchema = z.object({ path: z.string(), described: z.json(), measured: z.json() });

export const infraEndpoints = {
  'infra.register': endpoint({
    method: 'POST',
    path: '/infra/register',
    group: 'infra',
    role: 'operator',
    summary: 'Register a node, cluster, datacenter or continuum by its description; one of that name is replaced',
    body: { as: 'description', schema: descriptionTextSchema },
    answer: z.object({
      type: infraTypeSchema,
      id: z.string(),
      replaced: z.boolean(),
      found: z.boolean(),
      differences: z.array(differenceSchema),
    }),
    idempotent: true,
    failures: [409, 422],
  }),
  'infra.list': endpoint({
    method: 'GET',
    path: '/infra/list',
    group: 'infra',
    role: 'viewer',
    summary: 'What was registered, and what was found',
    query: z.strictObject({ type: wordSchema.default('all'), name: z.string().max(253).optional() }),
    answer: z.array(entrySchema),
  }),
  'infra.node': endpoint({
    method: 'GET',
    path: '/infra/node/{id}',
    group: 'infra',
    role: 'viewer',
    summary: 'A node: as it was described, as it is, and what it has been doing',
    query: windowQuerySchema,
    answer: z.object({
      ...entrySchema.shape,
      description: descriptionSchema.nullable(),
      measured: descriptionSchema.nullable(),
      differences: z.array(differenceSchema),
      agent: agentSchema.nullable(),
      metrics: z.array(figuresSchema),
    }),
    failures: [404],
  }),
  'infra.cluster': endpoint({
    method: 'GET',
    path: '/infra/cluster/{id}',
    group: 'infra',
    role: 'viewer',
    summary: 'A cluster: its nodes, agents and applications, and what its nodes have been doing together',
    query: windowQuerySchema,
    answer: z.object({
      ...entrySchema.shape,
      description: descriptionSchema.nullable(),
      /** As Karmada sees it; null where it does not know it. */
      member: z
        .object({
          ready: z.boolean(),
          reason: z.string().nullable(),
          provider: z.string().nullable(),
          region: z.string().nullable(),
          kubernetesVersion: z.string().nullable(),
        })
        .nullable(),
      nodes: z.array(z.string()),
      agents: z.array(agentSchema),
      applications: z.array(z.string()),
      metrics: z.array(figuresSchema),
    }),
    failures: [404],
  }),
  'infra.datacenter': endpoint({
    method: 'GET',
    path: '/infra/datacenter/{id}',
    group: 'infra',
    role: 'viewer',
    summary: 'A datacenter: its description, and the clusters and nodes in it',
    answer: z.object({
      ...entrySchema.shape,
      description: descriptionSchema.nullable(),
      clusters: z.array(entrySchema),
      nodes: z.array(entrySchema),
    }),
    failures: [404],
  }),
  'infra.unregister': endpoint({
    method: 'DELETE',
    path: '/infra/unregister/{id}',
    group: 'infra',
    role: 'operator',
    summary: 'Forget a description; what it describes is not touched',
    query: z.strictObject({ type: infraTypeSchema.optional() }),
    answer: z.object({ type: infraTypeSchema, id: z.string() }),
    failures: [404, 409],
  }),
} as const;
