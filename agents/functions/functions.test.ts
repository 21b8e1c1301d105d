import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { functionManifestSchema } from './manifest.ts';
import { FunctionError, runFunction } from './run.ts';

const text = (word: string): number[] => [word.length, ...Buffer.from(word)];
const section = (id: number, content: number[]): number[] => [id, content.length, ...content];

/** A module by hand: env.memory, alloc() = 1024, and handle with the given body. Spelt out in the binary format of the WebAssembly specification. */
function moduleWith(handle: number[], memory = [0x01, 0x01, 0x04]): Uint8Array {
  const alloc = [0x00, 0x41, 0x80, 0x08, 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 1, 0x7e]),
    ...section(2, [1, ...text('env'), ...text('memory'), 0x02, ...memory]),
    ...section(3, [2, 0, 1]),
    ...section(7, [2, ...text('alloc'), 0, 0, ...text('handle'), 0, 1]),
    ...section(10, [2, alloc.length, ...alloc, handle.length, ...handle]),
  ]);
}
/** Flips bit 5 of the first byte (its case, in ASCII) and gives the input back. */
const flipCase = [
  ...[0x00, 0x20, 0, 0x20, 0, 0x2d, 0, 0, 0x41, 0x20, 0x73, 0x3a, 0, 0],
  ...[0x20, 0, 0xad, 0x42, 0x20, 0x86, 0x20, 1, 0xad, 0x84, 0x0b],
];
const forEver = [0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x42, 0x00, 0x0b];
const trap = [0x00, 0x00, 0x0b];

const manifestOf = (module: Uint8Array, more: object = {}) =>
  functionManifestSchema.parse({
    name: 'flip',
    module: createHash('sha256').update(module).digest('hex'),
    memoryPages: 4,
    deadlineMs: 10_000,
    ...more,
  });

test('runs a module on an input, in a sandbox of its own', async () => {
  const module = moduleWith(flipCase);
  const { output, startMs, runMs } = await runFunction(manifestOf(module), module, Buffer.from('people in view'));
  expect(Buffer.from(output).toString()).toBe('People in view');
  expect(startMs).toBeGreaterThan(0);
  expect(runMs).toBeGreaterThanOrEqual(0);
});

test('ends what runs over its deadline, traps, wants more memory than it may have, or is another module', async () => {
  const kindOf = async (module: Uint8Array, more: object = {}): Promise<string> => {
    try {
      await runFunction(manifestOf(module, more), module, Buffer.from('x'));
      return 'ran';
    } catch (error) {
      return error instanceof FunctionError ? error.kind : String(error);
    }
  };
  expect(await kindOf(moduleWith(forEver), { deadlineMs: 300 })).toBe('deadline');
  expect(await kindOf(moduleWith(trap))).toBe('failed');
  expect(await kindOf(moduleWith(flipCase, [0x01, 0x09, 0x10]))).toBe('failed');
  expect(await kindOf(moduleWith(flipCase), { module: '0'.repeat(64) })).toBe('module');
});
