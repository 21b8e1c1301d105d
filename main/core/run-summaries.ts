import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { runSummarySchema } from '../contract/runs.ts';
import { choiceSchema, operationSchema } from '../contract/testbeds.ts';
import { writeInOnePiece } from './testbed-folder.ts';

/** What a run was asked for, so that it can be asked for again. */
export const runWordsSchema = z.discriminatedUnion('verb', [
  choiceSchema.extend({ verb: z.literal('up') }),
  z.object({ verb: z.literal('down') }),
  z.object({ verb: z.literal('operate'), operation: operationSchema }),
]);
export type RunWords = z.infer<typeof runWordsSchema>;

/** `words` are absent of runs that an earlier version of the app has made. */
const keptRunSchema = runSummarySchema.extend({ words: runWordsSchema.optional() });
export type KeptRun = z.infer<typeof keptRunSchema>;

/** Events of the run: one JSON value a line. */
export const journalFile = (folder: string, run: string): string => join(folder, `${run}.jsonl`);
const summaryFile = (folder: string, run: string): string => join(folder, `${run}.json`);

export const writeRunSummary = (folder: string, summary: KeptRun): Promise<void> =>
  writeInOnePiece(summaryFile(folder, summary.run), `${JSON.stringify(summary)}\n`);

/** Summaries of all runs in the folder, the newest first; one that can't be read is left out. */
export async function readRunSummaries(folder: string): Promise<KeptRun[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const summaries = await Promise.all(names.map((name) => readSummary(join(folder, name))));
  return summaries.flatMap((summary) => (summary ? [summary] : [])).sort((a, b) => b.startedAt - a.startedAt);
}

async function readSummary(file: string): Promise<KeptRun | null> {
  const text = await readFile(file, 'utf8');
  try {
    return keptRunSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
