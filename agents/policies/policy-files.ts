import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../config.ts';
import type { FilePolicy, PolicyFailure } from './file-policy.ts';
import { type BrokenFile, PolicyFolder } from './policy-folder.ts';

export const policyLanguages = ['typescript', 'python'] as const;
export type PolicyLanguage = (typeof policyLanguages)[number];
const extensions: Record<PolicyLanguage, string> = { typescript: 'ts', python: 'py' };

export interface PolicyFilesOptions<View> {
  folder: string;
  /** Reads and checks one file; what it prints goes to `log`. @throws Error that says what is wrong with it */
  load(file: string, log: Log): Promise<FilePolicy<View>>;
  /** Called with all policies after anything of them has changed. */
  onChange(policies: FilePolicy<View>[]): void;
  log: Log;
  now?: () => number;
}

/** A policy file as it stands. */
export interface PolicyFileView {
  name: string;
  kind: PolicyLanguage;
  /** '' where it was never loaded. */
  version: string;
  summary: string;
  failure: PolicyFailure | null;
  /** Present when the file, as it is now, cannot be used. */
  broken?: BrokenFile;
  /** A policy of it decides; not the file as it is now when that is broken. */
  decides: boolean;
}

/** The policy files of an agent: followed as they change, and changed from afar: none takes the place of another before it was seen to load. */
export class PolicyFiles<View> {
  readonly #options: PolicyFilesOptions<View>;
  readonly #followed: PolicyFolder<FilePolicy<View>>;

  constructor(options: PolicyFilesOptions<View>) {
    this.#options = options;
    this.#followed = new PolicyFolder({ ...options, load: (file) => options.load(file, options.log) });
  }

  start(): Promise<void> {
    return this.#followed.start();
  }

  close(): void {
    this.#followed.close();
  }

  get policies(): FilePolicy<View>[] {
    return this.#followed.policies;
  }

  /** All files that were seen, those that cannot be used included. */
  list(): PolicyFileView[] {
    const loaded = this.policies.map((policy): PolicyFileView => {
      const { name, kind, version, summary, failure } = policy;
      const broken = this.#followed.broken.get(fileOf(name, kind));
      return { name, kind, version, summary, failure, decides: true, ...(broken && { broken }) };
    });
    const others = [...this.#followed.broken].flatMap(([file, broken]): PolicyFileView[] => {
      if (this.#followed.has(file)) return [];
      const kind = file.endsWith('.ts') ? 'typescript' : 'python';
      const name = file.replace(/^policy-/, '').replace(/\.(py|ts)$/, '');
      return [{ name, kind, version: '', summary: '', failure: null, decides: false, broken }];
    });
    return [...loaded, ...others].sort((a, b) => a.name.localeCompare(b.name));
  }

  /** Content of the file of this policy; undefined when there is none. */
  async read(name: string): Promise<{ language: PolicyLanguage; content: string } | undefined> {
    for (const language of policyLanguages)
      try {
        return { language, content: await readFile(this.#path(name, language), 'utf8') };
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      }
    return undefined;
  }

  /** Loads content as a file would be, has something done with it, and lets go of it; what it prints goes to `log`. @throws Error that says what is wrong with it */
  async tryOut<T>(
    name: string,
    language: PolicyLanguage,
    content: string,
    log: Log,
    work: (policy: FilePolicy<View>) => Promise<T>,
  ): Promise<T> {
    return this.#onTrial(name, language, content, async (file) => {
      const policy = await this.#options.load(file, log);
      try {
        return await work(policy);
      } finally {
        policy.close();
      }
    });
  }

  /** Checks a file and has it decide from now on. @throws Error that says what is wrong with it; then the one before goes on */
  async install(name: string, language: PolicyLanguage, content: string): Promise<void> {
    await this.#onTrial(name, language, content, async (file) => {
      (await this.#options.load(file, this.#options.log)).close();
      const former = await this.read(name);
      if (former && former.language !== language) await rm(this.#path(name, former.language), { force: true });
      await rename(file, this.#path(name, language));
    });
    await this.#followed.refresh();
  }

  /** false when there was none. */
  async remove(name: string): Promise<boolean> {
    const former = await this.read(name);
    if (!former) return false;
    await rm(this.#path(name, former.language), { force: true });
    await this.#followed.refresh();
    return true;
  }

  async #onTrial<T>(name: string, language: PolicyLanguage, content: string, work: (file: string) => Promise<T>): Promise<T> {
    // A folder of its own for each trial: two of the same name must not take each other's file.
    const trial = join(this.#options.folder, `.trial-${trials++}`);
    await mkdir(trial, { recursive: true, mode: 0o750 });
    try {
      const file = join(trial, fileOf(name, language));
      await writeFile(file, content, { mode: 0o640 });
      return await work(file);
    } finally {
      await rm(trial, { recursive: true, force: true });
    }
  }

  #path(name: string, language: PolicyLanguage): string {
    return join(this.#options.folder, fileOf(name, language));
  }
}

let trials = 0;
const fileOf = (name: string, language: PolicyLanguage): string => `policy-${name}.${extensions[language]}`;
