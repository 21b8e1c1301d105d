import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunSummary, runSummarySchema } from '../contract/runs.ts';
import { writeInOnePiece } from './testbed-folder.ts';

/** Events of the run: one JSON value a line. */
export const journalFile = (folder: string, run: string): string => join(folder, `${run}.jsonl`);
const summaryFile = (folder: string, run: string): string => join(folder, `${run}.json`);

export const writeRunSummary = (folder: string, summary: RunSummary): Promise<void> =>
  writeInOnePiece(summaryFile(folder, summary.run), `${JSON.stringify(summary)}\n`);

/** Summaries of all runs in the folder, the newest first; one that can't be read is left out. */
export async function readRunSummaries(folder: string): Promise<RunSummary[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const summaries = await Promise.all(names.map((name) => readSummary(join(folder, name))));
  return summaries.flatMap((summary) => (summary ? [summary] : [])).sort((a, b) => b.startedAt - a.startedAt);
}

async function readSummary(file: string): Promise<RunSummary | null> {
  const text = await readFile(file, 'utf8');
  try {
    return runSummarySchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
