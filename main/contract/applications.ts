import { z } from 'zod';
import { applicationStatusSchema } from '../../agents/bus/messages.ts';
import { call } from './define.ts';

export const applicationsContract = {
  'applications.list': call(z.object({ testbed: z.string() }), z.array(applicationStatusSchema)),
  /** `description` is the YAML of an MLSysOpsApp. */
  'applications.deploy': call(z.object({ testbed: z.string(), description: z.string() }), z.object({ application: z.string() })),
  'applications.remove': call(z.object({ testbed: z.string(), application: z.string() }), z.object({})),
};
