import { z } from 'zod';
import { checkSchema } from '../phases/preflight/check.ts';
import { reachabilitySchema } from '../phases/preflight/reachability-value.ts';

/** A failure as people need it: what, where, why, what helps. Thrown once, wrapped once, shown with the remedy. */
export const failureSchema = z.object({
  /** One sentence that names host, phase, cause and remedy. */
  message: z.string(),
  host: z.string().optional(),
  phase: z.string().optional(),
  step: z.string().optional(),
  command: z.string().optional(),
  exitCode: z.number().int().optional(),
  /** Last lines of stderr, secrets removed. */
  stderr: z.string().optional(),
  cause: z.string(),
  remedy: z.string().optional(),
  /** The key that the host showed, and the one trusted before; with host-key-unknown and host-key-changed. */
  hostKey: z.object({ algorithm: z.string(), fingerprint: z.string(), was: z.string().optional() }).optional(),
  /**
   * Stable class of failure: unreachable, host-key-unknown, host-key-changed, authentication, sudo, preflight, artefact, step, cancelled,
   * invalid-file, refused (cannot be as it was asked for), drift (the hosts are not what the plan was made of), lease (another run has the host).
   */
  code: z.string(),
});
export type FailureValue = z.infer<typeof failureSchema>;

export const cellStateSchema = z.enum(['waiting', 'running', 'done', 'in-place', 'warning', 'failed', 'held', 'none']);
export type CellState = z.infer<typeof cellStateSchema>;

/** "down" takes back what the phases of a recipe made; every other verb brings about what they want, in their order. */
export const runVerbSchema = z.enum(['up', 'down', 'remove-host', 'replace-host', 'upgrade', 'rotate-certificates']);
export type RunVerb = z.infer<typeof runVerbSchema>;

export const planStepSchema = z.object({
  phase: z.string(),
  host: z.string(),
  step: z.string(),
  title: z.string(),
  /** 'later' = can only be told when earlier phases have run. */
  state: z.enum(['change', 'in-place', 'later']),
  /** Of what the step looks at and would do; absent where that is not known yet. */
  digest: z.string().optional(),
});
export const planValueSchema = z.object({
  version: z.literal(1),
  testbed: z.string(),
  /** Of the testbed file's content. */
  testbedDigest: z.string(),
  verb: runVerbSchema,
  /** Ids of the phases and names of the hosts that the plan is about, in the order of the recipe and of the testbed. */
  chosen: z.object({ phases: z.array(z.string()), hosts: z.array(z.string()) }),
  /** ms since the epoch */
  madeAt: z.number(),
  /** What the plan goes by of each host it has seen, by name of the fact. */
  hosts: z.array(z.object({ name: z.string(), facts: z.record(z.string(), z.string()) })),
  phases: z.array(z.object({ id: z.string(), title: z.string() })),
  steps: z.array(planStepSchema),
  warnings: z.array(z.object({ host: z.string().optional(), text: z.string(), remedy: z.string().optional() })),
  /** Everything that preflight looked at, the good too. An error would stop the host. */
  checks: z.array(checkSchema).optional(),
  /** Who was tried to reach whom, where the testbed will need it. */
  reachability: reachabilitySchema.optional(),
});
export type PlanValue = z.infer<typeof planValueSchema>;

/** What a run tells while it goes. Every event is one line of the journal. */
export const runEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('started'),
    time: z.number(),
    run: z.string(),
    testbed: z.string(),
    verb: runVerbSchema,
    hosts: z.array(z.string()),
    phases: z.array(z.object({ id: z.string(), title: z.string() })),
    /** Named doubles that stand in for real parts; shown wherever the testbed is. */
    doubles: z.array(z.string()),
  }),
  z.object({
    type: z.literal('phase'),
    time: z.number(),
    phase: z.string(),
    state: z.enum(['running', 'done', 'failed', 'skipped']),
    durationMs: z.number().optional(),
  }),
  z.object({
    type: z.literal('cell'),
    time: z.number(),
    phase: z.string(),
    host: z.string(),
    state: cellStateSchema,
    detail: z.string().optional(),
    done: z.number().int().optional(),
    total: z.number().int().optional(),
    durationMs: z.number().optional(),
  }),
  z.object({
    type: z.literal('step'),
    time: z.number(),
    phase: z.string(),
    host: z.string(),
    step: z.string(),
    title: z.string(),
    state: z.enum(['running', 'changed', 'in-place', 'failed']),
    /** Time the commands took on the host itself. */
    hostMs: z.number().optional(),
  }),
  z.object({
    type: z.literal('log'),
    time: z.number(),
    phase: z.string(),
    host: z.string(),
    step: z.string().optional(),
    stream: z.enum(['stdout', 'stderr', 'engine']),
    text: z.string(),
  }),
  z.object({
    type: z.literal('warning'),
    time: z.number(),
    phase: z.string(),
    host: z.string().optional(),
    text: z.string(),
    remedy: z.string().optional(),
  }),
  /** Nothing further is begun while it is paused. */
  z.object({ type: z.literal('paused'), time: z.number(), paused: z.boolean() }),
  z.object({ type: z.literal('failure'), time: z.number(), failure: failureSchema }),
  z.object({
    type: z.literal('finished'),
    time: z.number(),
    state: z.enum(['done', 'failed', 'cancelled']),
    changed: z.number().int(),
    inPlace: z.number().int(),
    wallMs: z.number(),
    /** Wall time less the critical path of the commands' own durations on the hosts. */
    overheadMs: z.number(),
    sentBytes: z.number(),
    summary: z.string(),
  }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;
