import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { z } from 'zod';
import {
  type recordAnswerSchema,
  recordingRequestSchema,
  type recordingsAnswerSchema,
  recordingsRequestSchema,
  recordRequestSchema,
} from './bus/administration.ts';
import type { Bus } from './bus/bus.ts';
import { replySchema } from './bus/messages.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import type { AgentConfig, Log } from './config.ts';
import type { AutonomicLoop } from './loop/loop.ts';
import { type RecordingLine, recordLoop } from './loop/recording.ts';
import type { PolicySet } from './policies/policy-set.ts';
import { replying } from './replying.ts';
import type { SlidingWindow } from './telemetry/window.ts';

/** Recordings kept; the oldest makes way. */
const mostKept = 5;
/** A recording ends early when its file has grown to this. */
const mostBytes = 200_000_000;
/** Of a file in one answer: well below what a message of the bus may have. */
const chunkBytes = 256 * 1024;
const suffix = '.recording.jsonl';

export interface RecordingsOptions<View> {
  config: AgentConfig;
  bus: Bus;
  clock: Clock;
  log: Log;
  loop: AutonomicLoop<View>;
  window: SlidingWindow;
  shipped: PolicySet<View>;
}

/** Recordings of what an agent decided and on what, in files of its state folder: made, listed and handed out over the bus. */
export class Recordings<View> {
  readonly #options: RecordingsOptions<View>;
  readonly #folder: string;
  readonly #subscriptions: { close(): void }[];
  #running: { name: string; until: number; end: () => Promise<void> } | undefined;

  constructor(options: RecordingsOptions<View>) {
    this.#options = options;
    const { bus, config } = options;
    this.#folder = join(config.stateFolder, `${config.agent}.recordings`);
    this.#subscriptions = [
      bus.answer(subjects.request(config.agent, 'record'), recordRequestSchema, replySchema, ({ seconds }) =>
        replying(() => this.#record(seconds)),
      ),
      bus.answer(subjects.request(config.agent, 'recordings'), recordingsRequestSchema, replySchema, () =>
        replying(() => this.#list()),
      ),
      bus.answer(subjects.request(config.agent, 'recording'), recordingRequestSchema, replySchema, ({ name, offset }) =>
        replying(() => this.#read(name, offset)),
      ),
    ];
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.close();
    await this.#running?.end();
  }

  async #record(seconds: number): Promise<z.infer<typeof recordAnswerSchema>> {
    const { config, clock, log, loop, window, shipped } = this.#options;
    if (this.#running) throw new Error(`${this.#running.name} is being recorded until ${timeOf(this.#running.until)}`);
    const begun = clock.now();
    const name = `${config.agent}-${new Date(begun).toISOString().replaceAll(/[:.]/g, '-')}`;
    await mkdir(this.#folder, { recursive: true });
    await this.#makeRoom();
    const file = createWriteStream(join(this.#folder, name + suffix), { mode: 0o600 });
    let failure: unknown;
    file.on('error', (error) => {
      failure = error;
      void end();
    });
    const { agent: id, layer, cluster, node, version } = config;
    const write = (line: RecordingLine): void => {
      if (failure !== undefined || file.writableEnded) return;
      file.write(`${JSON.stringify(line)}\n`);
      if (file.bytesWritten + file.writableLength > mostBytes) queueMicrotask(() => void end());
    };
    const agent = { id, layer, cluster, ...(node !== undefined && { node }) };
    let recording: { close(): void };
    try {
      recording = recordLoop({ agent, version, loop, window, shipped, now: () => clock.now(), write });
    } catch (error) {
      file.destroy();
      await rm(join(this.#folder, name + suffix), { force: true });
      throw error;
    }
    let ending: Promise<void> | undefined;
    const end = (): Promise<void> => {
      ending ??= (async () => {
        timer.close();
        recording.close();
        file.end();
        await finished(file).catch((error: unknown) => {
          log('error', `recording ${name} is not whole`, { error: String(failure ?? error) });
        });
        this.#running = undefined;
      })();
      return ending;
    };
    const timer = clock.after(seconds * 1000, end);
    const until = begun + seconds * 1000;
    this.#running = { name, until, end };
    return { name, until };
  }

  async #list(): Promise<z.infer<typeof recordingsAnswerSchema>> {
    const names = await this.#names();
    const recordings = await Promise.all(
      names.map(async (name) => {
        const { size, birthtimeMs } = await stat(join(this.#folder, name + suffix));
        return { name, bytes: size, begun: Math.round(birthtimeMs), isRunning: this.#running?.name === name };
      }),
    );
    return { recordings };
  }

  async #read(name: string, offset: number): Promise<{ base64: string; next: number | null }> {
    if (!(await this.#names()).includes(name)) throw new Error(`there is no recording "${name}"`);
    const file = await open(join(this.#folder, name + suffix));
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, offset);
      const { size } = await file.stat();
      const next = offset + bytesRead;
      return { base64: buffer.subarray(0, bytesRead).toString('base64'), next: next < size ? next : null };
    } finally {
      await file.close();
    }
  }

  /** Oldest first. */
  async #names(): Promise<string[]> {
    try {
      const files = await readdir(this.#folder);
      return files
        .filter((file) => file.endsWith(suffix))
        .map((file) => file.slice(0, -suffix.length))
        .sort();
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  async #makeRoom(): Promise<void> {
    const names = await this.#names();
    for (const name of names.slice(0, Math.max(0, names.length - mostKept + 1))) await rm(join(this.#folder, name + suffix));
  }
}

const timeOf = (ms: number): string => new Date(ms).toISOString().slice(11, 19);
