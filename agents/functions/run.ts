import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { FunctionManifest } from './manifest.ts';

/** A function that could not be run, ran over its deadline or its memory, or failed. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
  readonly kind: 'module' | 'deadline' | 'failed';
  constructor(kind: FunctionError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

const replySchema = z.union([
  z.object({ output: z.instanceof(Uint8Array), startMs: z.number(), runMs: z.number() }),
  z.object({ error: z.string() }),
]);

/**
 * Runs in the worker: a module has no imports but its memory, so it can reach nothing. Kept as text so that every bundle is one file.
 * Convention: imports env.memory; exports alloc(length) → pointer, and handle(pointer, length) → pointer << 32 | length of the output.
 */
const workerSource = `
const { workerData, parentPort } = require('node:worker_threads');
const begun = performance.now();
try {
  const module = new WebAssembly.Module(workerData.module);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: workerData.memoryPages });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const pointer = exports.alloc(workerData.input.length) >>> 0;
  new Uint8Array(memory.buffer, pointer, workerData.input.length).set(workerData.input);
  const ready = performance.now();
  const packed = BigInt.asUintN(64, exports.handle(pointer, workerData.input.length));
  const output = new Uint8Array(memory.buffer, Number(packed >> 32n), Number(packed & 0xffffffffn)).slice();
  parentPort.postMessage({ output, startMs: ready - begun, runMs: performance.now() - ready });
} catch (error) {
  parentPort.postMessage({ error: String(error) });
}`;

/** One cold call in a sandbox of its own. Times are measured: start is compiling and instantiating. @throws FunctionError */
export async function runFunction(
  manifest: FunctionManifest,
  module: Uint8Array,
  input: Uint8Array,
): Promise<{ output: Uint8Array; startMs: number; runMs: number }> {
  if (createHash('sha256').update(module).digest('hex') !== manifest.module)
    throw new FunctionError('module', `the module of ${manifest.name} is not the one its manifest names`);
  const worker = new Worker(workerSource, {
    eval: true,
    workerData: { module, input, memoryPages: manifest.memoryPages },
    // Not even the environment is its business.
    env: {},
    stdin: false,
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 8 },
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const reply = await new Promise<unknown>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new FunctionError('deadline', `${manifest.name} ran over its ${manifest.deadlineMs} ms`)),
        manifest.deadlineMs,
      );
      worker.once('message', resolve);
      worker.once('error', (error) => reject(new FunctionError('failed', `${manifest.name}: ${error.message}`)));
      worker.once('exit', () => reject(new FunctionError('failed', `${manifest.name} ended without an answer`)));
    });
    const parsed = replySchema.parse(reply);
    if ('error' in parsed) throw new FunctionError('failed', `${manifest.name}: ${parsed.error}`);
    return parsed;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
