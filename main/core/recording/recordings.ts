import { randomUUID } from 'node:crypto';
import { appendFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { testbedSchema } from '../../../provisioning/testbed/schema.ts';
import { ContractError } from '../../contract/contract.ts';
import type { Lives } from '../lives.ts';
import type { TestbedEntry, Testbeds } from '../testbeds.ts';
import type { RecordingHeader } from './format.ts';
import { readRecording } from './read.ts';

/** A file that comes in may have so many bytes: a day of a large testbed, compressed. */
const maximumBytes = 2 ** 30;

/** Networks that the schema of a testbed asks for; a recording makes none. */
const networksOf = (clusters: readonly string[]) =>
  Object.fromEntries(
    clusters.map((cluster, index) => [
      cluster,
      { podCidr: `10.${10 + 2 * (index % 100)}.0.0/16`, serviceCidr: `10.${11 + 2 * (index % 100)}.0.0/16` },
    ]),
  );

/** Recordings that come in: each becomes a testbed that can only be looked at. */
export class Recordings {
  readonly #folder: string;
  readonly #services: { testbeds: Testbeds; lives: Lives };
  readonly #uploads = new Map<string, { file: string; bytes: number; last: Promise<void> }>();

  constructor(folder: string, services: { testbeds: Testbeds; lives: Lives }) {
    this.#folder = folder;
    this.#services = services;
  }

  async begin(): Promise<string> {
    // What an earlier process left behind nobody finishes.
    if (this.#uploads.size === 0) await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const upload = randomUUID();
    this.#uploads.set(upload, { file: join(this.#folder, upload), bytes: 0, last: Promise.resolve() });
    return upload;
  }

  /** @throws ContractError no-such-upload, too-large */
  async piece(upload: string, data: string): Promise<void> {
    const target = this.#get(upload);
    const bytes = Buffer.from(data, 'base64');
    target.bytes += bytes.length;
    if (target.bytes > maximumBytes) {
      await this.#forget(upload);
      throw new ContractError('too-large', 'The recording is larger than 1 GiB.', 'Save a shorter window of time.');
    }
    // One after the other, in the order in which they came.
    target.last = target.last.then(() => appendFile(target.file, bytes, { mode: 0o600 }));
    await target.last;
  }

  /** @throws ContractError no-such-upload, not-a-recording, newer-recording */
  async open(upload: string): Promise<TestbedEntry> {
    const { file, last } = this.#get(upload);
    const { testbeds, lives } = this.#services;
    let made: TestbedEntry | null = null;
    try {
      await last;
      const header = await readRecording(file, async (header) => {
        made = await this.#make(header);
        return { store: await lives.store(made), testbed: made.testbed.name };
      });
      const entry = made ?? (await this.#make(header));
      await testbeds.update(entry.testbed.name, { state: 'down' });
      return entry;
    } catch (error) {
      const half = made as TestbedEntry | null;
      if (half) {
        await lives.forget(half.testbed.name);
        await testbeds.remove(half.testbed.name);
      }
      throw error;
    } finally {
      await this.#forget(upload);
    }
  }

  #make(header: RecordingHeader): Promise<TestbedEntry> {
    const { testbed, from, to, savedAt } = header;
    const { testbeds } = this.#services;
    const stem = testbed.name.endsWith('-recording') ? testbed.name : `${testbed.name.slice(0, 48)}-recording`;
    const taken = new Set(testbeds.all().map((entry) => entry.testbed.name));
    let name = stem;
    for (let index = 2; taken.has(name); index++) name = `${stem}-${index}`;
    const clusters = [...new Set(testbed.hosts.map(({ cluster }) => cluster))];
    return testbeds.add(
      name,
      testbed.doubles,
      async () => testbedSchema.parse({ name, kind: testbed.kind, hosts: testbed.hosts, clusters: networksOf(clusters) }),
      { of: testbed.name, from, to, savedAt },
    );
  }

  #get(upload: string): { file: string; bytes: number; last: Promise<void> } {
    const found = this.#uploads.get(upload);
    if (found) return found;
    throw new ContractError('no-such-upload', 'That file is not coming in, or not any more.', 'Open it again.');
  }

  async #forget(upload: string): Promise<void> {
    const target = this.#uploads.get(upload);
    this.#uploads.delete(upload);
    if (target) await rm(target.file, { force: true });
  }
}

/** @throws ContractError read-only for a testbed that is a recording */
export function commandable(entry: TestbedEntry): TestbedEntry {
  if (!entry.remembered.recording) return entry;
  throw new ContractError(
    'read-only',
    `"${entry.testbed.name}" is a recording: it can be looked at, not commanded.`,
    'Start a twin, or set up a testbed of your own.',
  );
}
