import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Json } from '../../mechanisms/mechanism.ts';
import { policyChildSource } from './child-source.ts';
import { type Compiled, TypeScriptPolicyError } from './compile.ts';

export interface TypeScriptProcessLimits {
  /** Each call must end within so many seconds, or the process is ended and started anew for the next. */
  timeLimitS: number;
  /** Resident memory of the process, Node's own (some 45 MB) included. */
  memoryLimitMB: number;
  /** Starting Node takes a second on a small board: that is not the policy's time. */
  startLimitS: number;
}
const usualLimits: TypeScriptProcessLimits = { timeLimitS: 2, memoryLimitMB: 192, startLimitS: 10 };

const memoryCheckMs = 50;
const longestAnswer = 4 * 1024 * 1024;

const messageSchema = z.object({
  id: z.number(),
  answer: z.string().max(longestAnswer).optional(),
  error: z.string().optional(),
});
const answerSchema = z.object({ value: z.json(), printed: z.array(z.string()) });

/** Node's own fence around files, processes and threads, where this Node has one. */
const fence = ['--permission', '--experimental-permission'].find(
  (flag) => process.versions.electron === undefined && process.allowedNodeEnvironmentFlags.has(flag),
);

/** One policy file in a process of its own, started when it is first asked and again after it has ended. One call at a time. */
export class TypeScriptProcess {
  readonly #compiled: Compiled;
  readonly #limits: TypeScriptProcessLimits;
  readonly #onLine: (line: string) => void;
  #child: ChildProcess | undefined;
  #calls = 0;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Given to the file when it is started again. */
  #state: Json | undefined;

  constructor(compiled: Compiled, onLine: (line: string) => void, limits: Partial<TypeScriptProcessLimits> = {}) {
    this.#compiled = compiled;
    this.#onLine = onLine;
    this.#limits = { ...usualLimits, ...limits };
  }

  /** @throws TypeScriptPolicyError */
  call(verb: 'about' | 'ask', given?: unknown): Promise<Json> {
    const next = this.#last.catch(() => {}).then(() => this.#ask(verb, given));
    this.#last = next;
    return next;
  }

  /** What a restart of the process begins with. */
  keep(state: Json): void {
    this.#state = state;
  }

  /** Has the file begin anew with what it had learnt before. */
  startFrom(state: Json): void {
    this.#state = state;
    this.#last = this.#last.catch(() => {}).then(() => this.#kill());
  }

  close(): void {
    this.#closed = true;
    this.#kill();
  }

  async #ask(verb: string, given: unknown): Promise<Json> {
    if (this.#closed) throw new TypeScriptPolicyError('it was stopped');
    const child = this.#child ?? (await this.#start());
    return this.#run(child, verb, given);
  }

  async #run(child: ChildProcess, verb: string, given: unknown): Promise<Json> {
    const text = await this.#send(child, { text: JSON.stringify({ verb, given }) }, this.#limits.timeLimitS);
    const { success, data } = answerSchema.safeParse(JSON.parse(text));
    if (!success) throw new TypeScriptPolicyError('it gave an answer that cannot be read');
    for (const line of data.printed) this.#onLine(line);
    return data.value;
  }

  async #start(): Promise<ChildProcess> {
    const heapMB = Math.max(32, Math.round(this.#limits.memoryLimitMB / 2));
    const child = spawn(
      process.execPath,
      [...(fence ? [fence] : []), `--max-old-space-size=${heapMB}`, '-e', policyChildSource],
      {
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        // Nothing of ours is its business; under Electron, it is to be plain Node.
        env: { ELECTRON_RUN_AS_NODE: '1' },
      },
    );
    // A policy must not keep an agent from ending.
    child.unref();
    child.channel?.unref();
    this.#child = child;
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    await this.#send(child, { scripts: this.#compiled }, this.#limits.startLimitS);
    if (this.#state !== undefined)
      try {
        await this.#run(child, 'restore', this.#state);
      } catch (error) {
        this.#state = undefined;
        this.#onLine(`what it had learnt does not fit any more: ${error instanceof Error ? error.message : String(error)}`);
        if (this.#child !== child) throw error;
      }
    return child;
  }

  async #send(child: ChildProcess, message: object, limitS: number): Promise<string> {
    const id = this.#calls++;
    const { memoryLimitMB } = this.#limits;
    const owned: (() => void)[] = [];
    try {
      return await new Promise<string>((resolve, reject) => {
        const fail = (reason: string): void => {
          this.#kill();
          reject(new TypeScriptPolicyError(reason));
        };
        const timer = setTimeout(() => fail(`it took more than ${limitS} s`), limitS * 1000);
        const memory = setInterval(() => {
          void residentMB(child.pid).then((used) => {
            if (used > memoryLimitMB) fail(`it took more than ${memoryLimitMB} MB of memory`);
          });
        }, memoryCheckMs);
        const onExit = (code: number | null, signal: string | null): void =>
          // Of Node itself: a heap that is full.
          fail(
            code === 134 || signal === 'SIGABRT'
              ? `it took more than its memory`
              : `its process ended with ${signal ?? `code ${code}`}`,
          );
        const onError = (error: Error): void => fail(`its process cannot be started: ${error.message}`);
        const onMessage = (raw: unknown): void => {
          const { success, data } = messageSchema.safeParse(raw);
          if (success && data.id !== id) return;
          if (!success) fail('it gave an answer that is too long, or cannot be read');
          else if (data.answer !== undefined) resolve(data.answer);
          else reject(new TypeScriptPolicyError(data.error ?? 'it gave no answer'));
        };
        child.once('exit', onExit);
        child.once('error', onError);
        child.on('message', onMessage);
        owned.push(
          () => clearTimeout(timer),
          () => clearInterval(memory),
          () => void child.off('exit', onExit).off('error', onError).off('message', onMessage),
        );
        child.send({ id, ...message }, (error) => {
          if (error) fail(`its process cannot be reached: ${error.message}`);
        });
      });
    } finally {
      for (const close of owned) close();
    }
  }

  #kill(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

/** 0 where there is no /proc: such a system has no limit but that of Node's heap. */
async function residentMB(pid: number | undefined): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
