import { z } from 'zod';
import { telemetrySchema } from '../bus/messages.ts';
import { decisionRecordSchema, layerSchema } from '../decision/record.ts';
import type { Json } from '../mechanisms/mechanism.ts';
import type { Policy } from '../policies/policy.ts';
import type { PolicySet } from '../policies/policy-set.ts';
import type { SlidingWindow } from '../telemetry/window.ts';
import { deciderStateSchema } from './decider.ts';
import { jsonChanges } from './json-changes.ts';
import type { AutonomicLoop } from './loop.ts';

const policySchema = z.object({
  name: z.string(),
  version: z.string(),
  /** null: a policy file, which is not replayed. */
  settings: z.record(z.string(), z.json()).nullable(),
  /** Another number, another beginning: what it held besides `learnt` is gone. */
  instance: z.number().int(),
  learnt: z.json().optional(),
});
const seriesSchema = z.object({
  metric: z.string(),
  node: z.string(),
  application: z.string(),
  component: z.string(),
  peer: z.string(),
  source: z.string().optional(),
  times: z.array(z.number()),
  values: z.array(z.number()),
});
const changeSchema = z.object({ path: z.array(z.union([z.string(), z.number()])), value: z.json().optional() });

/** A recording of an agent's loop: JSON, one of these a line, "begin" first, "end" last. Times are ms since the epoch. */
export const recordingLineSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('begin'),
    format: z.literal(1),
    time: z.number(),
    agent: z.object({ id: z.string(), layer: layerSchema, cluster: z.string(), node: z.string().optional() }),
    version: z.string(),
    windowMs: z.number(),
    policies: z.array(policySchema),
    state: deciderStateSchema,
  }),
  /** What the window held when the recording began. */
  z.object({ kind: z.literal('series'), series: seriesSchema }),
  z.object({ kind: z.literal('telemetry'), message: telemetrySchema }),
  z.object({ kind: z.literal('forgot'), before: z.number() }),
  /** One turn of the loop: what changed in its view since the last one, what it decided, and the outcomes that it judged. */
  z.object({
    kind: z.literal('tick'),
    now: z.number(),
    changes: z.array(changeSchema),
    decided: z.array(
      z.object({
        record: decisionRecordSchema,
        parts: z.array(z.string()).optional(),
        begun: deciderStateSchema.shape.begun.element.omit({ record: true }).optional(),
      }),
    ),
    judged: z.array(decisionRecordSchema),
  }),
  /** A plan was over. */
  z.object({ kind: z.literal('ended'), now: z.number(), record: decisionRecordSchema }),
  z.object({ kind: z.literal('held'), parts: z.array(z.string()) }),
  z.object({ kind: z.literal('released'), parts: z.array(z.string()) }),
  z.object({ kind: z.literal('uses'), policies: z.array(policySchema) }),
  z.object({ kind: z.literal('end'), time: z.number() }),
]);
export type RecordingLine = z.infer<typeof recordingLineSchema>;

/** A window with more points than this is not recorded: the file would have more than 100 MB. */
const mostPoints = 4_000_000;

export interface RecordedLoop<View> {
  agent: Extract<RecordingLine, { kind: 'begin' }>['agent'];
  version: string;
  loop: AutonomicLoop<View>;
  window: SlidingWindow;
  shipped: PolicySet<View>;
  now: () => number;
  /** In this order; must not throw. */
  write: (line: RecordingLine) => void;
}

/**
 * Records all that an agent's decisions depend on, from now until `close`. What shipped policies hold besides what they would keep over a restart is not told,
 * so they begin anew with what they have learnt, as after a restart.
 * @throws RangeError when the window holds too much
 */
export function recordLoop<View>({ agent, version, loop, window, shipped, now, write }: RecordedLoop<View>): { close(): void } {
  const { points } = window.size;
  if (points > mostPoints)
    throw new RangeError(`the window has room for ${points} points; with more than ${mostPoints} it is not recorded`);
  const before = new Set(shipped.policies);
  const files = loop.policies.filter((policy) => !before.has(policy));
  shipped.renew();
  loop.use([...shipped.policies, ...files]);
  const instances = new Map<Policy<View>, number>();
  const told = (policies: readonly Policy<View>[]) =>
    policies.map((policy) => {
      const own = shipped.policies.includes(policy);
      const learnt = own ? policy.state?.() : undefined;
      const instance = instances.get(policy) ?? instances.size;
      instances.set(policy, instance);
      return {
        name: policy.name,
        version: policy.version,
        settings: own ? (shipped.settingsOf(policy.name) ?? {}) : null,
        instance,
        ...(learnt !== undefined && { learnt: structuredClone(learnt) }),
      };
    });

  let lastView: Json = null;
  const followed = loop.follow({
    ticked(time, view, { decided, judged }) {
      const seen = JSON.parse(JSON.stringify(view)) as Json;
      write({
        kind: 'tick',
        now: time,
        changes: jsonChanges(lastView, seen),
        decided: decided.map(({ record, parts, begun }) => ({
          record,
          ...(parts && { parts }),
          ...(begun && { begun: { thing: begun.thing, parts: begun.parts, expects: begun.expects } }),
        })),
        judged,
      });
      lastView = seen;
    },
    ended: (record, time) => write({ kind: 'ended', now: time, record }),
    held: (parts) => write({ kind: 'held', parts: [...parts] }),
    released: (parts) => write({ kind: 'released', parts: [...parts] }),
    uses: (policies) => write({ kind: 'uses', policies: told(policies) }),
  });
  write({
    kind: 'begin',
    format: 1,
    time: now(),
    agent,
    version,
    windowMs: window.spanMs,
    policies: told(loop.policies),
    state: followed.state,
  });
  for (const { source, ...series } of window.dump())
    write({ kind: 'series', series: { ...series, ...(source !== undefined && { source }) } });
  const telemetry = window.follow({
    adds: (message) => write({ kind: 'telemetry', message }),
    forgets: (time) => write({ kind: 'forgot', before: time }),
  });
  return {
    close() {
      followed.close();
      telemetry.close();
      write({ kind: 'end', time: now() });
    },
  };
}
