import { z } from 'zod';
import { agentRoleSchema } from '../../agents/bus/messages.ts';
import { planValueSchema } from '../../provisioning/run/events.ts';
import { hostSchema } from '../../provisioning/testbed/schema.ts';
import { call, stream } from './define.ts';

export const testbedStateSchema = z.enum(['new', 'provisioning', 'up', 'failed', 'down']);
export type TestbedState = z.infer<typeof testbedStateSchema>;
/** Which testbed it is a recording of, and of which window of time (ms since the epoch). */
export const recordingSchema = z.object({ of: z.string(), from: z.number(), to: z.number(), savedAt: z.number() });
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
  /** null unless it is a recording, which can only be looked at. */
  recording: recordingSchema.nullable(),
});
export type TestbedSummary = z.infer<typeof testbedSummarySchema>;

const named = z.object({ testbed: z.string() });

/** Which part of a recipe, on which hosts; absent: all. */
export const choiceSchema = z.object({
  only: z.array(z.string()).optional(),
  skip: z.array(z.string()).optional(),
  hosts: z.array(z.string()).optional(),
});
const startedSchema = z.object({ run: z.string() });
const takeOver = z.boolean().optional();

/** One certificate on a host, as far as its dates go; `authority`: renewing what it has signed does not renew it. */
const certificateSchema = z.object({
  host: z.string(),
  path: z.string(),
  subject: z.string(),
  /** ms since the epoch */
  expiresAt: z.number(),
  authority: z.boolean(),
});

/** What is done to a testbed that is up. Each is a run of its own verb; an interrupted one is started again with the same words. */
export const operationSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('add-host'), host: hostSchema }),
  z.object({
    kind: z.literal('remove-host'),
    host: z.string(),
    /** It cannot be reached any more: it is neither drained nor reset. */
    gone: z.boolean().optional(),
    /** Also pods that nobody makes anew, and in spite of disruption budgets. */
    force: z.boolean().optional(),
  }),
  /** The host was installed anew: its new key, shown by `testbeds.hostKeys`, is trusted first. */
  z.object({ kind: z.literal('replace-host'), host: z.string(), fingerprint: z.string().optional() }),
  /** Leaves one host as it was found, whatever state the others are in. */
  z.object({ kind: z.literal('reset-host'), host: z.string() }),
  z.object({
    kind: z.literal('upgrade'),
    version: z.string(),
    /** Absolute path of the offline bundle that holds the new version, when artefacts come from one. */
    bundle: z.string().optional(),
    force: z.boolean().optional(),
  }),
  z.object({ kind: z.literal('rotate-certificates') }),
]);
export type OperationInput = z.output<typeof operationSchema>;

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
  /** Files of twins to begin with, smallest first. */
  'testbeds.samples': call(
    z.object({}),
    z.array(
      z.object({
        name: z.string(),
        fileName: z.string(),
        file: z.string(),
        summary: z.string(),
        nodes: z.number(),
        clusters: z.number(),
      }),
    ),
  ),
  'testbeds.get': call(named, testbedSummarySchema),
  /** The testbed file as it stands. */
  'testbeds.file': call(named, z.object({ text: z.string() })),
  /** Puts another file in the place of the testbed's own. Its name and kind stay. */
  'testbeds.change': call(named.extend({ file: z.string(), fileName: z.string().optional() }), testbedSummarySchema),
  /** Preflight alone: a plan that no phase has a part in, with its checks and who reaches whom. Changes nothing. */
  'testbeds.check': call(named, planValueSchema),
  'testbeds.plan': call(named.extend(choiceSchema.shape), planValueSchema),
  /**
   * Starts a run and answers with its id; its progress is `runs.watch`. For a twin: starts it. With `plan`, what is found must be as the plan
   * says. `takeOver`: from a run of somebody else.
   */
  'testbeds.up': call(
    named.extend({
      ...choiceSchema.shape,
      plan: planValueSchema.optional(),
      takeOver,
      /** Absolute path of an offline bundle that the testbed is installed from, from now on. */
      bundle: z.string().optional(),
    }),
    startedSchema,
  ),
  'testbeds.down': call(named.extend({ takeOver }), startedSchema),
  'testbeds.operate': call(named.extend({ operation: operationSchema, takeOver }), startedSchema),
  /** When certificates on the hosts end. */
  'testbeds.certificates': call(named, z.array(certificateSchema)),
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
          role: agentRoleSchema.optional(),
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
        /** Set when it is the key of a jump host on the way to `host`, which is to be trusted first: by `testbeds.trust` of that host. */
        jumpHost: z.string().optional(),
        state: z.enum(['known', 'new', 'changed', 'unreachable']),
        algorithm: z.string().optional(),
        fingerprint: z.string().optional(),
        was: z.string().optional(),
        error: z.string().optional(),
      }),
    ),
  ),
};
