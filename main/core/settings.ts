import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { EventOf, ParsedInputOf } from '../contract/contract.ts';
import { type Settings, settingsSchema } from '../contract/settings.ts';
import { Mailbox } from './mailbox.ts';
import { writeInOnePiece } from './testbed-folder.ts';

export const settingsFile = (dataFolder: string): string => join(dataFolder, 'settings.json');

/** What the file says. Without one the defaults hold. @throws Error when it cannot be read, or says what there is not */
export function readSettings(file: string): Settings {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return settingsSchema.parse({});
    throw error;
  }
  const read = settingsSchema.safeParse(JSON.parse(text));
  if (read.success) return read.data;
  throw new Error(read.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`).join('; '));
}

/** The settings of this user, in one file. One that is broken is put aside, told, and the defaults hold. */
export class SettingsKeeper {
  readonly file: string;
  #settings: Settings;
  #trouble: string | null = null;
  readonly #listeners = new Set<() => void>();
  /** Changes go one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(dataFolder: string, log: (text: string) => void) {
    this.file = settingsFile(dataFolder);
    try {
      this.#settings = readSettings(this.file);
    } catch (error) {
      const aside = `${this.file}.unreadable`;
      this.#settings = settingsSchema.parse({});
      this.#trouble = `${this.file} could not be read (${(error as Error).message}). It was put aside as ${aside}.`;
      log(this.#trouble);
      renameSync(this.file, aside);
    }
  }

  get current(): Settings {
    return this.#settings;
  }

  onChange(listener: () => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }

  /** Kept first, then in force: what could not be written has not happened. @throws Error of the disk */
  change(change: ParsedInputOf<'settings.change'>['change']): Promise<Settings> {
    const changed = this.#last.then(async () => {
      const settings = settingsSchema.parse({ ...this.#settings, ...change });
      await writeInOnePiece(this.file, `${JSON.stringify(settings, null, 2)}\n`);
      this.#settings = settings;
      this.#trouble = null;
      for (const listener of [...this.#listeners]) listener();
      return settings;
    });
    this.#last = changed.catch(() => {});
    return changed;
  }

  async watch(emit: (event: EventOf<'settings.watch'>) => Promise<void>, signal: AbortSignal): Promise<void> {
    // One is enough: each brings all that holds then.
    const mailbox = new Mailbox<null>(1);
    mailbox.push(null);
    const hearing = this.onChange(() => mailbox.push(null));
    try {
      while (await mailbox.take(signal)) await emit({ settings: this.#settings, file: this.file, trouble: this.#trouble });
    } finally {
      hearing.close();
    }
  }
}
