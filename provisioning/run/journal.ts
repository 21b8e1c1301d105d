import { type FileHandle, mkdir, open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type RunEvent, runEventSchema } from './events.ts';

export const journalFolder = (stateFolder: string): string => path.join(stateFolder, 'runs');
export const journalFile = (stateFolder: string, run: string): string => path.join(journalFolder(stateFolder), `${run}.jsonl`);

const gatherMs = 100;

/** Ids of runs that have a journal, oldest first. */
export async function listJournals(stateFolder: string): Promise<string[]> {
  const names = await readdir(journalFolder(stateFolder)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => name.slice(0, -6))
    .sort();
}

/**
 * What a run tells, one JSON line an event, mode 0600. Events are on the disk (fsync) a moment after they are written: those that come
 * within 100 ms share a write, which costs more than many a step. It explains a run; it is not what the next run goes by: the hosts are.
 */
export class Journal {
  readonly file: string;
  readonly #handle: FileHandle;
  #waiting: string[] = [];
  #writing: Promise<void> | null = null;
  readonly #hurry = new AbortController();

  private constructor(file: string, handle: FileHandle) {
    this.file = file;
    this.#handle = handle;
  }

  static async create(file: string): Promise<Journal> {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    return new Journal(file, await open(file, 'a', 0o600));
  }

  write(event: RunEvent): void {
    this.#waiting.push(`${JSON.stringify(event)}\n`);
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = null;
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.join('');
      this.#waiting = [];
      await this.#handle.appendFile(lines);
      await this.#handle.sync();
      // Cut short by closing, which writes the rest at once.
      await setTimeout(gatherMs, undefined, { signal: this.#hurry.signal }).catch(() => {});
    }
  }

  /** @throws when what was written could not be kept, e.g. on a full disk */
  async close(): Promise<void> {
    this.#hurry.abort();
    await this.#writing;
    await this.#handle.close();
  }
}

/** Events of a run. A last line that a crash has cut is left out. */
export async function readJournal(file: string): Promise<RunEvent[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.flatMap((line, index) => {
    try {
      return [runEventSchema.parse(JSON.parse(line))];
    } catch (error) {
      if (index === lines.length - 1) return [];
      throw error;
    }
  });
}
