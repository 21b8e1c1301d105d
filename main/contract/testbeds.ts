import { z } from 'zod';
import { planValueSchema } from '../../provisioning/run/events.ts';
import { hostSchema } from '../../provisioning/testbed/schema.ts';
import { call, stream } from './define.ts';

export const testbedStateSchema = z.enum(['new', 'provisioning', 'up', 'failed', 'down']);
export const testbedSummarySchema = z.object({
  name: z.string(),
  kind: z.enum(['hosts', 'local', 'twin']),
  state: testbedStateSchema,
  hosts: z.array(
    hostSchema
      .pick({ name: true, address: true, port: true, user: true, role: true, cluster: true })
      .required({ port: true, user: true }),
  ),
  /** Doubles that stand in for real parts, by name; empty on a real testbed. Shown wherever the testbed is. */
  doubles: z.array(z.string()),
  lastRun: z.string().nullable(),
  createdAt: z.number(),
});
export type TestbedSummary = z.infer<typeof testbedSummarySchema>;

const named = z.object({ testbed: z.string() });

export const testbedsContract = {
  'testbeds.list': call(z.object({}), z.array(testbedSummarySchema)),
  /** The whole list, again whenever anything of it changes. */
  'testbeds.watch': stream(z.object({}), z.array(testbedSummarySchema)),
  'testbeds.create': call(
    z.object({
      name: z.string(),
      kind: z.enum(['hosts', 'local', 'twin']),
      /** Text of a testbed.yaml or an Ansible inventory; needed for kind "hosts". */
      file: z.string().optional(),
      /** Name to show in errors about `file`. */
      fileName: z.string().optional(),
      bundle: z.string().optional(),
    }),
    testbedSummarySchema,
  ),
  'testbeds.get': call(named, testbedSummarySchema),
  'testbeds.plan': call(named, planValueSchema),
  /** Starts a run and answers with its id; its progress is `runs.watch`. For a twin: starts it. */
  'testbeds.up': call(z.object({ testbed: z.string() }), z.object({ run: z.string() })),
  'testbeds.down': call(named, z.object({ run: z.string() })),
  /** Forgets a testbed that is down; local hosts are destroyed. */
  'testbeds.remove': call(named, z.object({})),
  'testbeds.status': call(
    named,
    z.object({
      testbed: testbedSummarySchema,
      nodes: z.array(z.object({ name: z.string(), cluster: z.string(), ready: z.boolean(), version: z.string() })),
      members: z.array(z.object({ name: z.string(), ready: z.boolean() })),
      agents: z.array(
        z.object({
          agent: z.string(),
          layer: z.string(),
          cluster: z.string(),
          node: z.string().optional(),
          lastHeartbeat: z.number(),
          alive: z.boolean(),
        }),
      ),
    }),
  ),
  'testbeds.kubeconfig': call(z.object({ testbed: z.string(), cluster: z.string() }), z.object({ kubeconfig: z.string() })),
  /** Accepts what first contact showed: the key goes into known_hosts. */
  'testbeds.trust': call(z.object({ testbed: z.string(), host: z.string(), fingerprint: z.string() }), z.object({})),
  'testbeds.hostKeys': call(
    named,
    z.array(
      z.object({
        host: z.string(),
        state: z.enum(['known', 'new', 'changed', 'unreachable']),
        algorithm: z.string().optional(),
        fingerprint: z.string().optional(),
        was: z.string().optional(),
        error: z.string().optional(),
      }),
    ),
  ),
};
