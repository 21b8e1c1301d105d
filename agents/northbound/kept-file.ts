import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import type { Log } from '../config.ts';

/** Something small that must outlive a restart: one JSON file, replaced whole. */
export class KeptFile<S extends z.ZodType> {
  readonly #path: string;
  readonly #schema: S;
  #saving: Promise<void> = Promise.resolve();

  constructor(path: string, schema: S) {
    this.#path = path;
    this.#schema = schema;
  }

  /** undefined when there is none yet. One that cannot be read is told and left behind: it is no reason not to start. */
  async load(log: Log): Promise<z.output<S> | undefined> {
    try {
      return this.#schema.parse(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch (error) {
      const isNew = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isNew) log('warn', 'what was kept over the restart cannot be read', { path: this.#path, error: String(error) });
      return undefined;
    }
  }

  /** One write at a time, or two would race for the same temporary file. */
  save(value: z.input<S>): Promise<void> {
    const text = JSON.stringify(value);
    this.#saving = this.#saving
      .catch(() => {})
      .then(async () => {
        await mkdir(dirname(this.#path), { recursive: true });
        await writeFile(`${this.#path}.new`, text, { mode: 0o600 });
        await rename(`${this.#path}.new`, this.#path);
      });
    return this.#saving;
  }
}
