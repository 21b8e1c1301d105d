import { z } from 'zod';
import { applicationStatusSchema } from '../../agents/bus/messages.ts';
import { call } from './define.ts';

export const applicationsContract = {
  'applications.list': call(z.object({ testbed: z.string() }), z.array(applicationStatusSchema)),
  /** `description` is the YAML of an MLSysOpsApp. */
  'applications.deploy': call(z.object({ testbed: z.string(), description: z.string() }), z.object({ application: z.string() })),
  /** What is wrong with a description, by line; nothing when it can be deployed. `application` is the name it would have. */
  'applications.check': call(
    z.object({ description: z.string().max(1_000_000) }),
    z.object({
      application: z.string().nullable(),
      issues: z.array(z.object({ line: z.number().int().min(1), path: z.string(), message: z.string() })),
    }),
  ),
  /** What may stand at a place (offset in characters) of a description that is being written. */
  'applications.complete': call(
    z.object({ description: z.string().max(1_000_000), offset: z.number().int().min(0) }),
    z.object({
      from: z.number().int(),
      options: z.array(z.object({ label: z.string(), detail: z.string(), kind: z.enum(['key', 'value']) })),
    }),
  ),
  /** The description that an application is deployed by, as YAML. */
  'applications.described': call(
    z.object({ testbed: z.string(), application: z.string() }),
    z.object({ description: z.string() }),
  ),
  /** Descriptions to begin with. */
  'applications.samples': call(z.object({}), z.array(z.object({ name: z.string(), description: z.string() }))),
  'applications.remove': call(z.object({ testbed: z.string(), application: z.string() }), z.object({})),
};
