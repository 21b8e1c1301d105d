import { type ChildProcess, fork } from 'node:child_process';
import type { Testbed } from '../testbed/schema.ts';
import {
  type FromTwin,
  fromTwinSchema,
  type ToTwin,
  type TwinClock,
  type TwinControl,
  type TwinReady,
  twinClockSchema,
} from './protocol.ts';

export interface TwinProcessOptions {
  /** The bundled process: dist/twin/process.mjs. */
  program: string;
  name: string;
  /** What is simulated, and its networks, as a testbed file says; by default the framework's testbed of four. */
  testbed?: Pick<Testbed, 'twin' | 'clusters'>;
  /** Same seed, same scenario; by default the file's. */
  seed?: number;
  /** Twin ms per real ms, at first; by default the file's. */
  speed?: number;
  stateFolder: string;
  /** Texts of descriptions to deploy instead of the smart-camera application. */
  applications?: string[];
  /** Only for programs that are not bundled, in tests. */
  execArgv?: string[];
  onLog?: (entry: Extract<FromTwin, { type: 'log' }>) => void;
}

/** A twin that could not start, has ended, or refused a request. */
export class TwinError extends Error {
  override readonly name = 'TwinError';
}

/**
 * Room for what is new, MB: readings live for a moment. In V8's usual 16 MB, a thousand agents fill it so often that half-read messages are taken for old
 * ones, and clearing up takes a quarter more of the processor.
 */
const twinFlags = ['--max-semi-space-size=64'];

/** Time for a twin to end by itself before it is killed. */
const stopMs = 3000;
/** A twin is ready within a few seconds; longer means that something is stuck. */
const startMs = 60_000;

/** A twin in a child process, as the core holds it. Its end, wanted or not, is told once by `onExit`. */
export class TwinProcess {
  readonly #options: TwinProcessOptions;
  readonly #busListeners = new Set<(subject: string, payload: unknown) => void>();
  readonly #exitListeners = new Set<(error: TwinError | null) => void>();
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #child: ChildProcess | null = null;
  #nextId = 1;
  #stopping = false;
  #failure = '';
  #stderr = '';

  constructor(options: TwinProcessOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  /** Resolves when APIs and agents run; decisions follow on the bus. @throws TwinError with the cause. */
  async start(): Promise<TwinReady> {
    if (this.#child) throw new TwinError(`the twin ${this.#options.name} runs already`);
    const { program, name, testbed, seed, speed, stateFolder, applications, execArgv = [] } = this.#options;
    this.#stopping = false;
    this.#failure = '';
    this.#stderr = '';
    const child = fork(program, [], {
      execArgv: [...twinFlags, ...execArgv],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Under Electron the same binary is a plain Node only when told so.
      env: { ...process.env, ...(process.versions.electron && { ELECTRON_RUN_AS_NODE: '1' }) },
    });
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      this.#stderr = (this.#stderr + part).slice(-4000);
    });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#failure = `the twin ${name} was not ready within ${startMs / 1000} s`;
        child.kill('SIGKILL');
      }, startMs);
      child.on('message', (raw) => {
        const message = fromTwinSchema.parse(raw);
        if (message.type === 'ready') {
          clearTimeout(timer);
          resolve(message.ready);
        }
        this.#receive(message);
      });
      child.on('error', (error) => {
        this.#failure ||= error.message;
      });
      // "close" rather than "exit": what it said last on stderr is there by then.
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        this.#ended(code, signal);
        reject(new TwinError(this.#failure || `the twin ${name} was stopped`));
      });
      const { twin, clusters } = testbed ?? {};
      this.#send({ type: 'start', name, twin, clusters, seed, speed, stateFolder, applications });
    });
  }

  /** Every message on the twin's bus. */
  onBus(listener: (subject: string, payload: unknown) => void): { close(): void } {
    this.#busListeners.add(listener);
    return { close: () => this.#busListeners.delete(listener) };
  }

  /** Called when the process has ended: with null when it was stopped, else with the cause. */
  onExit(listener: (error: TwinError | null) => void): { close(): void } {
    this.#exitListeners.add(listener);
    return { close: () => this.#exitListeners.delete(listener) };
  }

  /** Asks on the twin's bus, e.g. subjects.request("continuum", "deploy"); gives the answer as it came. @throws TwinError */
  request(subject: string, payload: Extract<ToTwin, { type: 'request' }>['payload'], timeoutMs = 5000): Promise<unknown> {
    return this.#ask((id) => ({ type: 'request', id, subject, payload, timeoutMs }));
  }

  /** Resolves with the twin's time after it. @throws TwinError, e.g. for a node that the twin does not have. */
  async control(control: TwinControl): Promise<TwinClock> {
    return twinClockSchema.parse(await this.#ask((id) => ({ type: 'control', id, control })));
  }

  /** @throws TwinError when it does not run */
  async clock(): Promise<TwinClock> {
    return twinClockSchema.parse(await this.#ask((id) => ({ type: 'control', id })));
  }

  /** Ends the twin; harmless when it does not run. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#stopping = true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
      child.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      if (child.connected) this.#send({ type: 'stop' });
      else child.kill('SIGKILL');
    });
  }

  #ask(message: (id: number) => ToTwin): Promise<unknown> {
    const id = this.#nextId++;
    if (!this.#child?.connected) return Promise.reject(new TwinError(`the twin ${this.#options.name} does not run`));
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send(message(id));
    });
  }

  #send(message: ToTwin): void {
    // An error here means that it is ending: "close" tells it.
    this.#child?.send(message, () => {});
  }

  #receive(message: FromTwin): void {
    switch (message.type) {
      case 'bus':
        for (const listener of this.#busListeners) listener(message.subject, message.payload);
        return;
      case 'log':
        this.#options.onLog?.(message);
        return;
      case 'failed':
        this.#failure = message.error;
        return;
      case 'reply': {
        const asked = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        if (message.error === undefined) asked?.resolve(message.value);
        else asked?.reject(new TwinError(message.error));
        return;
      }
      case 'ready':
        return;
    }
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (!this.#child) return;
    this.#child = null;
    if (!this.#stopping && !this.#failure) {
      const last = this.#stderr.trim().split('\n').slice(-5).join('\n');
      this.#failure = `the twin ${this.#options.name} ended with ${signal ?? `exit code ${code}`}${last && `: ${last}`}`;
    }
    const error = this.#stopping ? null : new TwinError(this.#failure);
    for (const asked of this.#pending.values()) asked.reject(error ?? new TwinError('the twin was stopped'));
    this.#pending.clear();
    for (const listener of this.#exitListeners) listener(error);
  }
}
