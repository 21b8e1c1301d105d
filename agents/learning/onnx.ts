import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { z } from 'zod';
import { onnxChildSource } from './onnx-child.ts';

/** A model that cannot be used, or did not answer: what is wrong, for people. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
}

const valueSchema = z.object({ name: z.string(), type: z.string(), shape: z.array(z.number()) });
const metadataSchema = z.object({ inputs: z.array(valueSchema), outputs: z.array(valueSchema) });
const replySchema = z.object({ id: z.number(), result: z.unknown().optional(), error: z.string().optional() });
const resultSchema = z.object({ values: z.array(z.number()).min(1) });
const numeric = ['float32', 'float64', 'int32', 'int64'];

export interface OnnxOptions {
  /** Of loading the model, and of each prediction. */
  timeoutMs: number;
  /** Resident memory of the process that runs it, the runtime's own (some 80 MB) included. */
  memoryMb: number;
  /** Largest model taken, in bytes. */
  mostBytes: number;
}

const defaults: OnnxOptions = { timeoutMs: 2000, memoryMb: 512, mostBytes: 64 * 2 ** 20 };
/** A model may take so much more than its file before it is looked at again. */
const memoryCheckMs = 50;

/** Where onnxruntime-node is. @throws ModelError that says how to get it. */
export function findRuntime(from: string = import.meta.url): string {
  try {
    return createRequire(from).resolve('onnxruntime-node');
  } catch {
    throw new ModelError('ONNX models need the package onnxruntime-node, which is not installed: npm install onnxruntime-node');
  }
}

/**
 * An ONNX model of one input (features, as [n], [1, n] or with the first size left open) and one figure as output. It runs in a process of its
 * own, which is killed when it takes too long or too much memory: whatever a model does, the loop goes on. It is started again with the next call.
 */
export class OnnxModel {
  readonly #bytes: Uint8Array;
  readonly #runtime: string;
  readonly #options: OnnxOptions;
  #child: ChildProcess | undefined;
  #metadata: z.infer<typeof metadataSchema> | undefined;
  #calls = 0;
  /** One call at a time: the next begins when the last has ended. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(bytes: Uint8Array, options: Partial<OnnxOptions> = {}, runtime: string = findRuntime()) {
    this.#options = { ...defaults, ...options };
    if (bytes.length > this.#options.mostBytes)
      throw new ModelError(`the model has ${bytes.length} bytes; at most ${this.#options.mostBytes} are taken`);
    this.#bytes = bytes;
    this.#runtime = runtime;
  }

  /** @throws ModelError @throws Error when the file cannot be read. */
  static async open(path: string, options: Partial<OnnxOptions> = {}): Promise<OnnxModel> {
    const model = new OnnxModel(await readFile(path), options);
    await model.load();
    return model;
  }

  /** Loads it, unless it is loaded, and checks that it takes numbers and gives numbers. @throws ModelError */
  load(): Promise<void> {
    return this.#inTurn(() => this.#loaded().then(() => {}));
  }

  /** The first figure of its output. @throws ModelError when features do not fit, it fails, or it passes a limit. */
  predict(features: readonly number[]): Promise<number> {
    return this.#inTurn(async () => {
      const { input, output } = await this.#loaded();
      const wanted = input.shape.at(-1) ?? 1;
      if (wanted > 0 && wanted !== features.length)
        throw new ModelError(`the model takes ${wanted} features, ${features.length} were given`);
      if (!features.every(Number.isFinite)) throw new ModelError('a feature is not a finite number');
      const shape = input.shape.map((size, index) => (index === input.shape.length - 1 ? features.length : Math.max(size, 1)));
      if (shape.reduce((product, size) => product * size, 1) !== features.length)
        throw new ModelError(`the model takes an input of shape ${input.shape.join(' × ')}, not one row of features`);
      const asked = { input: input.name, type: input.type, shape, values: features, output: output.name };
      const result = resultSchema.safeParse(await this.#call(asked));
      if (!result.success) throw new ModelError('the model gave no finite number');
      return result.data.values[0]!;
    });
  }

  close(): void {
    this.#kill();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.catch(() => {}).then(work);
    this.#last = next;
    return next;
  }

  async #loaded() {
    if (!this.#child || !this.#metadata) {
      this.#start();
      const result = metadataSchema.safeParse(await this.#call({ model: Buffer.from(this.#bytes).toString('base64') }));
      if (!result.success) throw this.#refuse('the model does not tell what it takes and gives');
      this.#metadata = result.data;
    }
    const { inputs, outputs } = this.#metadata;
    const [input] = inputs;
    const output = outputs.find(({ type }) => numeric.includes(type));
    if (!input || inputs.length !== 1) throw this.#refuse(`the model takes ${inputs.length} inputs, one is needed`);
    if (!numeric.includes(input.type)) throw this.#refuse(`the model's input ${input.name} is of type ${input.type}`);
    if (!output) throw this.#refuse('the model gives no numbers');
    return { input, output };
  }

  #refuse(reason: string): ModelError {
    this.#kill();
    return new ModelError(reason);
  }

  #start(): void {
    this.#kill();
    this.#child = spawn(process.execPath, ['--max-old-space-size=128', '-e', onnxChildSource, this.#runtime], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // Nothing of ours is its business; under Electron, it is to be plain Node.
      env: { ELECTRON_RUN_AS_NODE: '1', OMP_NUM_THREADS: '1' },
    });
    // A model must not keep an agent from ending.
    this.#child.unref();
    this.#child.channel?.unref();
    this.#child.on('error', () => this.#kill());
  }

  #kill(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
    this.#metadata = undefined;
  }

  async #call(message: object): Promise<unknown> {
    const child = this.#child;
    if (!child?.connected) throw this.#refuse('the process that runs the model did not start');
    const id = this.#calls++;
    const { timeoutMs, memoryMb } = this.#options;
    const timers: NodeJS.Timeout[] = [];
    const listeners: (() => void)[] = [];
    try {
      return await new Promise<unknown>((resolve, reject) => {
        const fail = (reason: string): void => reject(this.#refuse(reason));
        timers.push(setTimeout(() => fail(`the model took more than ${timeoutMs} ms`), timeoutMs));
        timers.push(
          setInterval(() => {
            void residentMb(child.pid).then((used) => {
              if (used > memoryMb) fail(`the model took more than ${memoryMb} MB of memory`);
            });
          }, memoryCheckMs),
        );
        const onExit = (): void => fail('the process that runs the model ended');
        const onMessage = (raw: unknown): void => {
          const reply = replySchema.safeParse(raw);
          if (!reply.success || reply.data.id !== id) return;
          if (reply.data.error === undefined) resolve(reply.data.result);
          else reject(new ModelError(`the model failed: ${reply.data.error}`));
        };
        child.once('exit', onExit);
        child.on('message', onMessage);
        listeners.push(() => {
          child.off('exit', onExit);
          child.off('message', onMessage);
        });
        child.send({ id, ...message }, (error) => {
          if (error) fail(`the process that runs the model cannot be reached: ${error.message}`);
        });
      });
    } finally {
      for (const timer of timers) clearTimeout(timer);
      for (const remove of listeners) remove();
    }
  }
}

/** 0 where there is no /proc: such a system has no limit but time. */
async function residentMb(pid: number | undefined): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
