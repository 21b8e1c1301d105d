import { expect, test } from 'vitest';
import { add, type Expression, evaluate, expressionSchema, premise, treesOf } from './expression.ts';

const stump: Expression = treesOf(
  [premise('people'), add(premise('load'), 1)],
  [[[0, 2, 1, 2], [10], [1, 1.5, 3, 4], [20], [30]], [[1]]],
  0.5,
  100,
);

test('trees give base + scale × the sum of their leaves; a value at the threshold goes left', () => {
  expect(evaluate(stump, { people: 2, load: 9 })).toBe(105.5);
  expect(evaluate(stump, { people: 2.1, load: 0.5 })).toBe(110.5);
  expect(evaluate(stump, { people: 3, load: 0.6 })).toBe(115.5);
  expect(expressionSchema.parse(JSON.parse(JSON.stringify(stump)))).toEqual(stump);
});

test('refuses trees that do not end, lead nowhere, ask for what is not there, or are not finite', () => {
  const messages = (trees: unknown): string => JSON.stringify(expressionSchema.safeParse({ ...stump, trees }).error?.issues);
  expect(messages([[[0, 1, 0, 1], [1]]])).toContain('leads to 0');
  expect(messages([[[0, 1, 1, 2], [1]]])).toContain('leads to 2');
  expect(messages([[[2, 1, 1, 2], [1], [2]]])).toContain('argument that is not there');
  expect(messages([[[Number.NaN]]])).toContain('invalid');
  expect(messages([[]])).toContain('too_small');
  expect(messages(Array.from({ length: 501 }, () => [[1]]))).toContain('too_big');
  expect(messages(Array.from({ length: 100 }, () => Array.from({ length: 2000 }, () => [1])))).toContain('200000 nodes');
  expect(() => evaluate(treesOf([], [[[0, 1, 1, 2], [1], [2]]]), {})).toThrow('argument 0');
});

test('refuses an expression too deep or too large, without walking it by recursion', () => {
  let deep: unknown = { op: 'const', value: 1 };
  for (let i = 0; i < 50_000; i++) deep = { op: 'add', args: [deep] };
  expect(expressionSchema.safeParse(deep).error?.issues[0]?.message).toContain('64 deep');
  const args = Array.from({ length: 30_000 }, () => ({ op: 'const', value: 1 }));
  expect(expressionSchema.safeParse({ op: 'add', args }).error?.issues[0]?.message).toContain('20000 parts');
  expect(expressionSchema.safeParse({ op: 'const', value: Number.POSITIVE_INFINITY }).success).toBe(false);
});
