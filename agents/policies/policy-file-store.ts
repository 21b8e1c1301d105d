import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What follows the folder: see PolicyFolder. */
export interface FollowedFolder {
  readonly policies: readonly { name: string; version: string }[];
  refresh(): Promise<void>;
}

export interface PolicyFileStoreOptions {
  folder: string;
  followed: FollowedFolder;
  /** Loads a file as the folder would, and lets go of it. @throws Error that says what is wrong with it */
  check: (file: string) => Promise<void>;
}

/** The files of an agent's policies, changed from afar: none takes the place of another before it was seen to load. */
export class PolicyFileStore {
  readonly #options: PolicyFileStoreOptions;

  constructor(options: PolicyFileStoreOptions) {
    this.#options = options;
  }

  get policies(): readonly { name: string; version: string }[] {
    return this.#options.followed.policies;
  }

  async read(name: string): Promise<string | undefined> {
    try {
      return await readFile(this.#path(name), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** @throws Error that says what is wrong with it; then the one before goes on */
  async install(name: string, content: string): Promise<void> {
    const { folder, followed, check } = this.#options;
    const trial = join(folder, '.trial');
    await mkdir(trial, { recursive: true });
    const file = join(trial, `policy-${name}.py`);
    try {
      await writeFile(file, content, { mode: 0o640 });
      await check(file);
      await rename(file, this.#path(name));
    } finally {
      await rm(file, { force: true });
    }
    await followed.refresh();
  }

  async remove(name: string): Promise<boolean> {
    if ((await this.read(name)) === undefined) return false;
    await rm(this.#path(name), { force: true });
    await this.#options.followed.refresh();
    return true;
  }

  #path(name: string): string {
    return join(this.#options.folder, `policy-${name}.py`);
  }
}
