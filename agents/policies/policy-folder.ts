import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../config.ts';

/** A policy that holds something, and must be let go of when it is replaced. */
export interface LoadedPolicy {
  close(): void;
}

export interface PolicyFolderOptions<P extends LoadedPolicy> {
  folder: string;
  /** Reads and checks one file. @throws Error that says what is wrong with it */
  load(file: string): Promise<P>;
  /** Called with all policies after anything of them has changed. */
  onChange(policies: P[]): void;
  log: Log;
  /** ms since the epoch, for when a file was found broken. */
  now?: () => number;
}

/** A file that cannot be used as it is now. */
export interface BrokenFile {
  at: number;
  error: string;
  source: string;
}

export const policyFilePattern = /^policy-([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.(py|ts)$/;
/** An editor writes a file in several goes. */
const settleMs = 150;

/**
 * The policy files of a folder, loaded when they appear, again when their content changes, and let go of when they are deleted. A file that is
 * broken never stops the one that runs: the old policy goes on until its file is right again.
 */
export class PolicyFolder<P extends LoadedPolicy> {
  readonly #options: PolicyFolderOptions<P>;
  readonly #loaded = new Map<string, P>();
  readonly #broken = new Map<string, BrokenFile>();
  /** Content that was last tried of each file, good or bad: the same is not tried twice. */
  readonly #tried = new Map<string, string>();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: PolicyFolderOptions<P>) {
    this.#options = options;
  }

  /** Loads what is there, and begins to watch. A folder that is not there is an empty one; it is watched from the first `refresh` after it was made. */
  async start(): Promise<void> {
    this.#watch();
    if (this.#watcher) await this.refresh();
  }

  get policies(): P[] {
    return [...this.#loaded].sort(([a], [b]) => a.localeCompare(b)).map(([, policy]) => policy);
  }

  /** By the name of the file. The one before it may go on: see `has`. */
  get broken(): ReadonlyMap<string, BrokenFile> {
    return this.#broken;
  }

  /** Whether a policy of this file decides. */
  has(file: string): boolean {
    return this.#loaded.has(file);
  }

  /** Compares the folder with what is loaded, and resolves when both are the same. */
  refresh(): Promise<void> {
    this.#last = this.#last.then(() => this.#refresh());
    return this.#last;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
    for (const policy of this.#loaded.values()) policy.close();
    this.#loaded.clear();
  }

  #watch(): void {
    if (this.#watcher) return;
    try {
      this.#watcher = watch(this.#options.folder, () => {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.refresh(), settleMs);
      });
      this.#watcher.on('error', (error) =>
        this.#options.log('warn', 'policy files are not watched any more', { error: error.message }),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  async #refresh(): Promise<void> {
    const { folder, log, onChange } = this.#options;
    if (this.#closed) return;
    this.#watch();
    let names: string[];
    try {
      names = (await readdir(folder)).filter((name) => policyFilePattern.test(name));
    } catch (error) {
      log('warn', 'policy files cannot be listed; those that are loaded go on', { error: String(error) });
      return;
    }
    let changed = false;
    // What is gone makes room first: a policy may have changed its language.
    for (const name of new Set([...this.#loaded.keys(), ...this.#broken.keys()])) {
      if (names.includes(name)) continue;
      this.#broken.delete(name);
      this.#tried.delete(name);
      const policy = this.#loaded.get(name);
      if (!policy) continue;
      policy.close();
      this.#loaded.delete(name);
      log('info', `policy ${name} was removed`);
      changed = true;
    }
    for (const name of names.sort()) changed = (await this.#load(name)) || changed;
    if (changed && !this.#closed) onChange(this.policies);
  }

  async #load(name: string): Promise<boolean> {
    const { folder, load, log, now = Date.now } = this.#options;
    const file = join(folder, name);
    let source = '';
    try {
      source = await readFile(file, 'utf8');
      if (this.#tried.get(name) === source) return false;
      this.#tried.set(name, source);
      const other = [...this.#loaded.keys()].find((one) => one !== name && stem(one) === stem(name));
      if (other !== undefined) throw new Error(`${other} has the same name: only one of them can decide`);
      const fresh = await load(file);
      if (this.#closed) {
        fresh.close();
        return false;
      }
      this.#loaded.get(name)?.close();
      this.#loaded.set(name, fresh);
      this.#broken.delete(name);
      log('info', `policy ${name} was loaded`);
      return true;
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown.message : String(thrown);
      this.#broken.set(name, { at: now(), error, source });
      const goesOn = this.#loaded.has(name) ? '; the one before it goes on' : '';
      log('error', `policy ${name} cannot be used${goesOn}`, { error });
      return false;
    }
  }
}

const stem = (file: string): string => file.replace(/\.(py|ts)$/, '');
