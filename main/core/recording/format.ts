import { z } from 'zod';
import { decisionRecordSchema } from '../../../agents/decision/record.ts';
import { hostSchema } from '../../../provisioning/testbed/schema.ts';
import { seriesKeySchema } from '../../contract/telemetry.ts';
import { pictureSchema } from '../../store/pictures.ts';

/**
 * A recording is one gzip file of JSON values, one a line: the header, then series, samples, pictures and decisions in any order (a series
 * before its samples), then the end, which counts them. Raised whenever an older app would misread a newer file.
 */
export const recordingVersion = 1;
/** Samples of one line. */
export const samplesPerLine = 2000;

const timeSchema = z.number().int();

export const headerSchema = z.object({
  format: z.literal('mlsysops-recording'),
  version: z.number().int().positive(),
  /** Of the app that wrote it. */
  app: z.string(),
  savedAt: timeSchema,
  /** The window, ms since the epoch. */
  from: timeSchema,
  to: timeSchema,
  testbed: z.object({
    name: z.string(),
    kind: z.enum(['hosts', 'local', 'twin']),
    doubles: z.array(z.string()),
    hosts: z.array(hostSchema.pick({ name: true, address: true, role: true, cluster: true })),
  }),
});
export type RecordingHeader = z.infer<typeof headerSchema>;

export const lineSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('series'), series: z.number().int(), key: seriesKeySchema, source: z.string() }),
  z
    .object({
      type: z.literal('samples'),
      series: z.number().int(),
      /** The first one is a time, the others ms since the one before. */
      times: z.array(timeSchema).min(1).max(samplesPerLine),
      values: z.array(z.number()),
    })
    .refine(({ times, values }) => times.length === values.length, 'as many values as times'),
  /** null: from then on nobody listened. */
  z.object({ type: z.literal('picture'), time: timeSchema, picture: pictureSchema.nullable() }),
  z.object({ type: z.literal('decision'), record: decisionRecordSchema }),
  z.object({ type: z.literal('end'), samples: z.number().int(), decisions: z.number().int(), pictures: z.number().int() }),
]);
export type RecordingLine = z.infer<typeof lineSchema>;

/** Times as what they are after the one before, and back. */
export const asDifferences = (times: readonly number[]): number[] =>
  times.map((time, index) => (index === 0 ? time : time - (times[index - 1] ?? 0)));
export function fromDifferences(differences: readonly number[]): number[] {
  let time = 0;
  return differences.map((difference) => {
    time += difference;
    return time;
  });
}
