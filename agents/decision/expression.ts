import { z } from 'zod';

/**
 * Arithmetic over premises, as data. A decision record carries the scores of its candidates in this form, so that it can be
 * re-scored anywhere (agent, desktop, a reviewer's recording) without the code of the policy that took it.
 */
export type Expression =
  | { op: 'const'; value: number }
  | { op: 'premise'; id: string }
  | { op: 'add' | 'mul' | 'min' | 'max'; args: Expression[] }
  | { op: 'sub' | 'div'; args: [Expression, Expression] }
  | { op: 'atMost'; args: [Expression, Expression]; then: Expression; else: Expression };

export const expressionSchema: z.ZodType<Expression> = z.lazy(() =>
  z.discriminatedUnion('op', [
    z.object({ op: z.literal('const'), value: z.number() }),
    z.object({ op: z.literal('premise'), id: z.string().min(1) }),
    z.object({ op: z.enum(['add', 'mul', 'min', 'max']), args: z.array(expressionSchema).min(1) }),
    z.object({ op: z.enum(['sub', 'div']), args: z.tuple([expressionSchema, expressionSchema]) }),
    z.object({
      op: z.literal('atMost'),
      args: z.tuple([expressionSchema, expressionSchema]),
      // biome-ignore lint/suspicious/noThenProperty: the word for a conditional's first branch; these records are never awaited
      then: expressionSchema,
      else: expressionSchema,
    }),
  ]),
);

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
    case 'add':
      return expression.args.reduce((sum, arg) => sum + evaluate(arg, values), 0);
    case 'mul':
      return expression.args.reduce((product, arg) => product * evaluate(arg, values), 1);
    case 'min':
      return Math.min(...expression.args.map((arg) => evaluate(arg, values)));
    case 'max':
      return Math.max(...expression.args.map((arg) => evaluate(arg, values)));
    case 'sub':
      return evaluate(expression.args[0], values) - evaluate(expression.args[1], values);
    case 'div':
      return evaluate(expression.args[0], values) / evaluate(expression.args[1], values);
    case 'atMost': {
      const [left, right] = expression.args;
      return evaluate(evaluate(left, values) <= evaluate(right, values) ? expression.then : expression.else, values);
    }
  }
}

export const constant = (value: number): Expression => ({ op: 'const', value });
export const premise = (id: string): Expression => ({ op: 'premise', id });
const lift = (value: Expression | number): Expression => (typeof value === 'number' ? constant(value) : value);
export const add = (...args: (Expression | number)[]): Expression => ({ op: 'add', args: args.map(lift) });
export const multiply = (...args: (Expression | number)[]): Expression => ({ op: 'mul', args: args.map(lift) });
export const subtract = (a: Expression | number, b: Expression | number): Expression => ({ op: 'sub', args: [lift(a), lift(b)] });
export const divide = (a: Expression | number, b: Expression | number): Expression => ({ op: 'div', args: [lift(a), lift(b)] });
export const atLeastZero = (value: Expression): Expression => ({ op: 'max', args: [value, constant(0)] });
export const maximum = (...args: (Expression | number)[]): Expression => ({ op: 'max', args: args.map(lift) });
export const minimum = (...args: (Expression | number)[]): Expression => ({ op: 'min', args: args.map(lift) });
