import { z } from 'zod';
import { applicationStatusSchema } from '../../bus/messages.ts';
import { listedApplicationSchema } from '../../bus/requests.ts';
import { descriptionTextSchema, endpoint } from '../endpoint.ts';

export const statusSchema = applicationStatusSchema.meta({ id: 'ApplicationStatus' });

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
    summary: 'All applications, with the clusters they are placed on',
    answer: z.array(listedApplicationSchema.meta({ id: 'ListedApplication' })),
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
