import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FromDryRun, toDryRunSchema } from './messages.ts';
import { dryRun } from './run.ts';

/** Entry of the process that does one dry run, so that the core stays free meanwhile. It ends with it, and with the core. */
const say = (message: FromDryRun): Promise<void> =>
  new Promise((resolve) => {
    if (process.send) process.send(message, undefined, {}, () => resolve());
    else resolve();
  });

const folder = mkdtempSync(join(tmpdir(), 'mlsysops-dry-run-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

async function run(raw: unknown): Promise<void> {
  try {
    const { present, change, minutes, seed } = toDryRunSchema.parse(raw);
    const onProgress = (progress: Extract<FromDryRun, { type: 'progress' }>['progress']) =>
      void say({ type: 'progress', progress });
    const result = await dryRun({ present, change, minutes, seed, folder, onProgress });
    await say({ type: 'done', result });
  } catch (error) {
    await say({ type: 'failed', error: error instanceof Error ? error.message : String(error) });
  }
  process.exit(0);
}

process.once('message', (raw) => void run(raw));
process.on('disconnect', () => process.exit(0));
