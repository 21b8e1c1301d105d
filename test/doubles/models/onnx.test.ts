import { describe, expect, test } from 'vitest';
import { findRuntime, OnnxModel } from '../../../agents/learning/onnx.ts';
import { endlessModel, greedyModel, linearModel } from './onnx-bytes.ts';

const isInstalled = (): boolean => {
  try {
    return findRuntime() !== '';
  } catch {
    return false;
  }
};

test('says what is missing where the runtime is not installed', () => {
  expect(() => findRuntime('file:///nowhere/agent.mjs')).toThrow('npm install onnxruntime-node');
});

// It is an optional dependency: systems that it has no build for go without.
describe.skipIf(!isInstalled())('a model in ONNX', () => {
  test('predicts, and refuses features that do not fit', async () => {
    const model = new OnnxModel(linearModel([22, 5], 10), { timeoutMs: 20_000 });
    try {
      expect(await model.predict([3, 0.5])).toBeCloseTo(78.5, 4);
      await expect(model.predict([3])).rejects.toThrow('takes 2 features, 1 were given');
      await expect(model.predict([3, Number.NaN])).rejects.toThrow('not a finite number');
      expect(await Promise.all([model.predict([0, 0]), model.predict([1, 0])])).toEqual([10, 32]);
    } finally {
      model.close();
    }
  });

  test('that is no model is an error in words; one that divides by zero gives none', async () => {
    const broken = new OnnxModel(Uint8Array.from([1, 2, 3]), { timeoutMs: 20_000 });
    await expect(broken.load()).rejects.toThrow(/^the model failed: /);
    broken.close();
    const infinite = new OnnxModel(linearModel([Number.POSITIVE_INFINITY], 0), { timeoutMs: 20_000 });
    await expect(infinite.predict([1])).rejects.toThrow('no finite number');
    infinite.close();
    expect(() => new OnnxModel(new Uint8Array(10), { mostBytes: 5 })).toThrow('at most 5');
  });

  test('that never ends, or takes all memory, is ended; the loop goes on meanwhile', async () => {
    const endless = new OnnxModel(endlessModel(), { timeoutMs: 3000 });
    let turns = 0;
    const turning = setInterval(() => turns++, 10);
    await expect(endless.predict([1])).rejects.toThrow('more than 3000 ms');
    clearInterval(turning);
    expect(turns).toBeGreaterThan(20);
    endless.close();
    const greedy = new OnnxModel(greedyModel(), { timeoutMs: 20_000, memoryMb: 400 });
    await expect(greedy.predict([1])).rejects.toThrow('more than 400 MB');
    greedy.close();
  });
});
