import { z } from 'zod';

/** Simulated minutes of a dry run. */
export const dryRunMinutes = { least: 1, most: 720, usual: 30 } as const;

/** Where a parameter of the simulation comes from: a description or the testbed's file, telemetry, or nobody knows and this is usual. */
export const parameterOriginSchema = z.enum(['described', 'measured', 'assumed']);

/** One parameter of the simulation with what it was set by; `of` are nodes or components that have it alike. */
export const parameterSchema = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.string(),
  origin: parameterOriginSchema,
  /** "description of its node", "median of 540 readings of power_w". */
  source: z.string(),
  of: z.array(z.string()).min(1),
});
export type Parameter = z.infer<typeof parameterSchema>;

/** A decision as a line. */
export const dryRunDecisionSchema = z.object({
  id: z.string(),
  /** Seconds after the beginning. */
  atS: z.number(),
  agent: z.string(),
  policy: z.string(),
  application: z.string().nullable(),
  component: z.string().nullable(),
  isAct: z.boolean(),
  /** Of its plan; null without one. */
  status: z.string().nullable(),
  margin: z.number().nullable(),
  title: z.string(),
  sentence: z.string(),
});
export type DryRunDecision = z.infer<typeof dryRunDecisionSchema>;

/** How one component's target was kept. */
export const dryRunTargetSchema = z.object({
  application: z.string(),
  component: z.string(),
  metric: z.string(),
  unit: z.string(),
  target: z.number(),
  /** Share of time over it, 0–1; time in which nobody served counts. null where the simulation has no such metric. */
  overTarget: z.number().nullable(),
  mean: z.number().nullable(),
  worst: z.number().nullable(),
  /** Means over equal parts of the whole time; null where nobody served. */
  course: z.array(z.number().nullable()),
});

/** What came of one set of policies. */
export const dryRunSideSchema = z.object({
  /** What decided: agent, and its policies. */
  policies: z.array(z.object({ agent: z.string(), names: z.array(z.string()) })),
  targets: z.array(dryRunTargetSchema),
  /** Decisions, acts among them, components moved, and other changes that were carried out. */
  decided: z.number().int(),
  acts: z.number().int(),
  moves: z.number().int(),
  changes: z.number().int(),
  failedPlans: z.number().int(),
  /** Of all simulated nodes, Wh. */
  energyWh: z.number(),
  /** The first of them, in order. */
  decisions: z.array(dryRunDecisionSchema),
  /** Where each component was at the end. */
  placement: z.record(z.string(), z.string().nullable()),
  /** Policies that went wrong, and what files printed. */
  failures: z.array(z.object({ agent: z.string(), policy: z.string(), text: z.string() })),
  printed: z.array(z.string()),
});
export type DryRunSide = z.infer<typeof dryRunSideSchema>;

export const dryRunSideNames = ['present', 'candidate'] as const;
export const dryRunResultSchema = z.object({
  cluster: z.string(),
  /** Of the present state, ms since the epoch by the testbed's clock. */
  takenAt: z.number(),
  minutes: z.number(),
  seed: z.number().int(),
  /** Real time that it took, ms. */
  wallMs: z.number(),
  parameters: z.array(parameterSchema),
  /** What the simulation leaves out of the testbed, one sentence each. */
  notes: z.array(z.string()),
  present: dryRunSideSchema,
  candidate: dryRunSideSchema,
});
export type DryRunResult = z.infer<typeof dryRunResultSchema>;

/** While it goes on: which side is simulated, and how far it is, 0–1 of both. */
export const dryRunProgressSchema = z.object({ side: z.enum(dryRunSideNames), done: z.number() });
export type DryRunProgress = z.infer<typeof dryRunProgressSchema>;
