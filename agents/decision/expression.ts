import { z } from 'zod';
import { type Tree, treesSchema, walk } from './trees.ts';

/**
 * Arithmetic over premises, as data. A decision record carries the scores of its candidates in this form, so that it can be
 * re-scored anywhere (agent, desktop, a reviewer's recording) without the code of the policy that took it.
 */
export type Expression =
  | { op: 'const'; value: number }
  | { op: 'premise'; id: string }
  | { op: 'add' | 'mul' | 'min' | 'max'; args: Expression[] }
  | { op: 'sub' | 'div'; args: [Expression, Expression] }
  | { op: 'atMost'; args: [Expression, Expression]; then: Expression; else: Expression }
  /** base + scale × sum of the leaves that the trees lead to; what a split asks for is a place in `args`. */
  | { op: 'trees'; args: Expression[]; trees: Tree[]; scale: number; base: number };

/** Deeper, or with more parts, than any policy makes: refused before anything walks it. */
const mostDepth = 64;
const mostParts = 20_000;

const partSchema: z.ZodType<Expression> = z.lazy(() =>
  z.discriminatedUnion('op', [
    z.object({ op: z.literal('const'), value: z.number() }),
    z.object({ op: z.literal('premise'), id: z.string().min(1) }),
    z.object({ op: z.enum(['add', 'mul', 'min', 'max']), args: z.array(partSchema).min(1) }),
    z.object({ op: z.enum(['sub', 'div']), args: z.tuple([partSchema, partSchema]) }),
    z.object({
      op: z.literal('atMost'),
      args: z.tuple([partSchema, partSchema]),
      // biome-ignore lint/suspicious/noThenProperty: the word for a conditional's first branch; these records are never awaited
      then: partSchema,
      else: partSchema,
    }),
    z
      .object({
        op: z.literal('trees'),
        args: z.array(partSchema).max(256),
        trees: treesSchema,
        scale: z.number(),
        base: z.number(),
      })
      .refine(({ args, trees }) => trees.every((tree) => tree.every((node) => node.length === 1 || node[0] < args.length)), {
        message: 'a tree splits on an argument that is not there',
      }),
  ]),
);

/** An expression from outside: finite numbers, at most 64 deep, at most 20,000 parts (trees have limits of their own). */
export const expressionSchema: z.ZodType<Expression> = z
  .unknown()
  .superRefine((value, context) => {
    const problem = tooLarge(value);
    if (problem) context.addIssue({ code: 'custom', message: problem, fatal: true });
  })
  .pipe(partSchema);

/** Walks without recursion, for what is to be refused would overflow the stack. */
function tooLarge(value: unknown): string | undefined {
  const open: [part: unknown, depth: number][] = [[value, 1]];
  let parts = 0;
  while (open.length > 0) {
    const [part, depth] = open.pop()!;
    if (typeof part !== 'object' || part === null) continue;
    if (depth > mostDepth) return `the expression is more than ${mostDepth} deep`;
    if (++parts > mostParts) return `the expression has more than ${mostParts} parts`;
    const { args, ...rest } = part as { args?: unknown; then?: unknown; else?: unknown };
    for (const inner of [...(Array.isArray(args) ? args : []), rest.then, rest.else]) open.push([inner, depth + 1]);
  }
  return undefined;
}

/** Values of premises by id; booleans count as 0 and 1. */
export type PremiseValues = Readonly<Record<string, number>>;

/** @throws RangeError when a premise is missing from `values`. Division by zero gives Infinity, as in IEEE 754. */
export function evaluate(expression: Expression, values: PremiseValues): number {
  switch (expression.op) {
    case 'const':
      return expression.value;
    case 'premise': {
      const value = values[expression.id];
      if (value === undefined) throw new RangeError(`no value for premise "${expression.id}"`);
      return value;
    }
    // Plain loops: a decision among a thousand candidates evaluates tens of thousands of parts.
    case 'add': {
      let sum = 0;
      for (const arg of expression.args) sum += evaluate(arg, values);
      return sum;
    }
    case 'mul': {
      let product = 1;
      for (const arg of expression.args) product *= evaluate(arg, values);
      return product;
    }
    case 'min': {
      let least = Number.POSITIVE_INFINITY;
      for (const arg of expression.args) least = Math.min(least, evaluate(arg, values));
      return least;
    }
    case 'max': {
      let most = Number.NEGATIVE_INFINITY;
      for (const arg of expression.args) most = Math.max(most, evaluate(arg, values));
      return most;
    }
    case 'sub':
      return evaluate(expression.args[0], values) - evaluate(expression.args[1], values);
    case 'div':
      return evaluate(expression.args[0], values) / evaluate(expression.args[1], values);
    case 'atMost': {
      const [left, right] = expression.args;
      return evaluate(evaluate(left, values) <= evaluate(right, values) ? expression.then : expression.else, values);
    }
    case 'trees': {
      const args = expression.args.map((arg) => evaluate(arg, values));
      return expression.base + expression.scale * expression.trees.reduce((sum, tree) => sum + walk(tree, args), 0);
    }
  }
}

export const constant = (value: number): Expression => ({ op: 'const', value });
export const premise = (id: string): Expression => ({ op: 'premise', id });
/** base + scale × the trees' sum; a forest's mean has scale 1 / number of trees. */
export const treesOf = (args: Expression[], trees: Tree[], scale = 1, base = 0): Expression => ({
  op: 'trees',
  args,
  trees,
  scale,
  base,
});
const lift = (value: Expression | number): Expression => (typeof value === 'number' ? constant(value) : value);
export const add = (...args: (Expression | number)[]): Expression => ({ op: 'add', args: args.map(lift) });
export const multiply = (...args: (Expression | number)[]): Expression => ({ op: 'mul', args: args.map(lift) });
export const subtract = (a: Expression | number, b: Expression | number): Expression => ({ op: 'sub', args: [lift(a), lift(b)] });
export const divide = (a: Expression | number, b: Expression | number): Expression => ({ op: 'div', args: [lift(a), lift(b)] });
export const atLeastZero = (value: Expression): Expression => ({ op: 'max', args: [value, constant(0)] });
export const maximum = (...args: (Expression | number)[]): Expression => ({ op: 'max', args: args.map(lift) });
export const minimum = (...args: (Expression | number)[]): Expression => ({ op: 'min', args: args.map(lift) });
