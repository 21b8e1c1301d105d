import { z } from 'zod';
import { applicationStatusSchema } from '../../bus/messages.ts';
import { listedApplicationSchema } from '../../bus/requests.ts';
import { relationSchema } from '../../descriptions/common.ts';
import { descriptionTextSchema, endpoint } from '../endpoint.ts';
import { figuresSchema, windowQuerySchema } from './figures.ts';

export const statusSchema = applicationStatusSchema.meta({ id: 'ApplicationStatus' });

/** A target of the description, held against what was measured. */
const keptTargetSchema = z.object({
  component: z.string(),
  metric: z.string(),
  target: z.number(),
  relation: relationSchema,
  unit: z.string(),
  mean: z.number().nullable(),
  /** Share of the readings that kept to it, 0–1, within 1 %; null where there is none, or "equal" is asked of a continuous value. */
  share: z.number().min(0).max(1).nullable(),
});

export const appEndpoints = {
  'apps.deploy': endpoint({
    method: 'POST',
    path: '/apps/deploy',
    group: 'apps',
    role: 'operator',
    summary: 'Deploy an application, or change one that is there, by an MLSysOpsApp description in YAML or JSON',
    body: { as: 'description', schema: descriptionTextSchema },
    answer: z.object({ application: z.string(), uid: z.string() }),
    idempotent: true,
    failures: [409, 422, 502],
  }),
  'apps.list': endpoint({
    method: 'GET',
    path: '/apps/list_all',
    group: 'apps',
    role: 'viewer',
    summary: 'All applications: the clusters they are placed on, and their state',
    answer: z.array(
      listedApplicationSchema.extend({
        /** "unknown" until its cluster has told. */
        state: z.enum([...applicationStatusSchema.shape.state.options, 'unknown']),
      }),
    ),
  }),
  'apps.status': endpoint({
    method: 'GET',
    path: '/apps/status/{id}',
    group: 'apps',
    role: 'viewer',
    summary: 'State of an application and its components; id is its name or uid',
    answer: statusSchema,
    failures: [404],
  }),
  'apps.details': endpoint({
    method: 'GET',
    path: '/apps/details/{id}',
    // Where the framework's own tools look for it.
    aliases: ['/apps/apps/details/{id}'],
    group: 'apps',
    role: 'viewer',
    summary: 'All that is known of an application: its description, where it runs, what was decided last',
    answer: z.object({
      application: z.string(),
      uid: z.string(),
      clusters: z.array(z.string()),
      status: statusSchema.nullable(),
      description: z.record(z.string(), z.json()),
      /** Newest first. */
      decisions: z.array(
        z.object({ id: z.string(), time: z.number(), agent: z.string(), title: z.string(), sentence: z.string() }),
      ),
    }),
    failures: [404],
  }),
  'apps.performance': endpoint({
    method: 'GET',
    path: '/apps/performance/{id}',
    group: 'apps',
    role: 'viewer',
    summary: 'What was measured of an application in the last minutes, and how well it keeps to its targets',
    query: windowQuerySchema,
    answer: z.object({
      application: z.string(),
      windowS: z.number(),
      metrics: z.array(figuresSchema),
      targets: z.array(keptTargetSchema),
      /** The weighted share of targets kept, where the description weighs them. */
      satisfaction: z.object({ score: z.number(), threshold: z.number(), met: z.boolean() }).nullable(),
    }),
    failures: [404],
  }),
  'apps.remove': endpoint({
    method: 'DELETE',
    path: '/apps/remove/{id}',
    group: 'apps',
    role: 'operator',
    summary: 'Remove an application with everything that runs of it',
    answer: z.object({ application: z.string() }),
    failures: [404, 502],
  }),
} as const;
