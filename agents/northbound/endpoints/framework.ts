import { z } from 'zod';
import { layerSchema } from '../../decision/record.ts';
import { endpoint } from '../endpoint.ts';

export const frameworkEndpoints = {
  'framework.status': endpoint({
    method: 'GET',
    path: '/framework/status',
    group: 'framework',
    role: 'viewer',
    summary: 'The framework at a glance: version, agents by layer, clusters and applications',
    answer: z.object({
      version: z.string(),
      layers: z.array(z.object({ layer: layerSchema, alive: z.number().int(), silent: z.array(z.string()) })),
      clusters: z.array(z.object({ id: z.string(), ready: z.boolean() })),
      applications: z.array(z.object({ application: z.string(), state: z.string() })),
    }),
  }),
} as const;
