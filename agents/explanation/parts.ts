import { type Expression, evaluate, type PremiseValues } from '../decision/expression.ts';

/** Lowest and highest value that an expression takes over all mixtures of actual and usual premises. */
type Interval = [low: number, high: number];

/** A sum that an expression was taken apart into: constant + Σ weight × part. */
export interface Sum {
  constant: number;
  parts: { weight: number; expression: Expression }[];
}

/**
 * Takes an expression apart into a sum of parts that are each told on their own: contributions are additive (Shapley's linearity axiom), so
 * those of a sum are the sums of those of its parts, and what must be enumerated are the premises of one part, not of all. Exact for every
 * mixture of the two values that each premise has, `actual` and `usual`: what is the same under both counts as a constant, and a minimum,
 * maximum or comparison that comes out one way under every mixture is replaced by what it comes out as.
 */
export function partsOf(expression: Expression, actual: PremiseValues, usual: PremiseValues): Sum {
  return sumOf(reduce(expression, actual, usual).expression);
}

function sumOf(expression: Expression): Sum {
  switch (expression.op) {
    case 'const':
      return { constant: expression.value, parts: [] };
    case 'add':
      return expression.args.map(sumOf).reduce((a, b) => ({ constant: a.constant + b.constant, parts: a.parts.concat(b.parts) }));
    case 'sub':
      return combine(sumOf(expression.args[0]), sumOf(expression.args[1]), -1);
    case 'div': {
      const [of, by] = expression.args;
      return by.op === 'const' && by.value !== 0 ? scale(sumOf(of), 1 / by.value) : alone(expression);
    }
    case 'mul': {
      const constants = expression.args.flatMap((arg) => (arg.op === 'const' ? [arg.value] : []));
      const [only, ...others] = expression.args.filter((arg) => arg.op !== 'const');
      const factor = constants.reduce((product, value) => product * value, 1);
      if (!only) return { constant: factor, parts: [] };
      return others.length === 0 ? scale(sumOf(only), factor) : scale(alone({ op: 'mul', args: [only, ...others] }), factor);
    }
    case 'trees':
      return {
        constant: expression.base,
        parts: [{ weight: expression.scale, expression: { ...expression, scale: 1, base: 0 } }],
      };
    default:
      return alone(expression);
  }
}

const alone = (expression: Expression): Sum => ({ constant: 0, parts: [{ weight: 1, expression }] });
const scale = ({ constant, parts }: Sum, by: number): Sum => ({
  constant: constant * by,
  parts: parts.map(({ weight, expression }) => ({ weight: weight * by, expression })),
});
function combine(a: Sum, b: Sum, weight: number): Sum {
  const scaled = scale(b, weight);
  return { constant: a.constant + scaled.constant, parts: a.parts.concat(scaled.parts) };
}

interface Reduced {
  expression: Expression;
  interval: Interval;
}

const constantOf = (value: number): Reduced => ({ expression: { op: 'const', value }, interval: [value, value] });

function reduce(expression: Expression, actual: PremiseValues, usual: PremiseValues): Reduced {
  if (expression.op === 'const') return constantOf(expression.value);
  if (expression.op === 'premise') {
    const [now, then] = [evaluate(expression, actual), evaluate(expression, usual)];
    return now === then ? constantOf(now) : { expression, interval: [Math.min(now, then), Math.max(now, then)] };
  }
  const args = expression.args.map((arg) => reduce(arg, actual, usual));
  const whole = { ...expression, args: args.map((arg) => arg.expression) } as typeof expression;
  // What no longer varies is worked out once, by the evaluation that everything else goes by.
  const isConstant = args.every((arg) => arg.expression.op === 'const');
  if (isConstant && whole.op !== 'atMost') return constantOf(evaluate(whole, {}));
  const intervals = args.map(({ interval }) => interval);
  switch (whole.op) {
    case 'add':
      return { expression: whole, interval: intervals.reduce(([a, b], [c, d]): Interval => [a + c, b + d]) };
    case 'sub': {
      const [[a, b], [c, d]] = intervals as [Interval, Interval];
      return { expression: whole, interval: [a - d, b - c] };
    }
    case 'mul':
      return { expression: whole, interval: intervals.reduce(product) };
    case 'div': {
      const [of, [low, high]] = intervals as [Interval, Interval];
      const interval: Interval =
        low > 0 || high < 0 ? product(of, [1 / high, 1 / low]) : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
      return { expression: whole, interval };
    }
    case 'max':
    case 'min': {
      // The largest of the lowest values: what cannot reach it is never the maximum.
      const sign = whole.op === 'max' ? 1 : -1;
      const least = (one: Reduced): number => (sign === 1 ? one.interval[0] : -one.interval[1]);
      const most = (one: Reduced): number => (sign === 1 ? one.interval[1] : -one.interval[0]);
      const floor = Math.max(...args.map(least));
      const anchor = args.find((one) => least(one) === floor);
      const kept = args.filter((one) => one === anchor || most(one) > floor);
      if (kept.length === 1) return kept[0]!;
      const interval: Interval = sign === 1 ? [floor, Math.max(...kept.map(most))] : [-Math.max(...kept.map(most)), -floor];
      return { expression: { op: whole.op, args: kept.map((one) => one.expression) }, interval };
    }
    case 'atMost': {
      const [left, right] = intervals as [Interval, Interval];
      if (left[1] <= right[0]) return reduce(whole.then, actual, usual);
      if (left[0] > right[1]) return reduce(whole.else, actual, usual);
      const [yes, no] = [reduce(whole.then, actual, usual), reduce(whole.else, actual, usual)];
      return {
        // biome-ignore lint/suspicious/noThenProperty: an expression's branch, never awaited
        expression: { ...whole, then: yes.expression, else: no.expression },
        interval: [Math.min(yes.interval[0], no.interval[0]), Math.max(yes.interval[1], no.interval[1])],
      };
    }
    case 'trees': {
      // Of each tree, its leaves within reach only.
      let [low, high] = [0, 0];
      for (const tree of whole.trees) {
        let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
        const open = [0];
        while (open.length > 0) {
          const node = tree[open.pop()!]!;
          if (node.length === 1) {
            least = Math.min(least, node[0]);
            most = Math.max(most, node[0]);
            continue;
          }
          const [from, to] = intervals[node[0]]!;
          if (from <= node[1]) open.push(node[2]);
          if (to > node[1]) open.push(node[3]);
        }
        low += least;
        high += most;
      }
      const ends = [whole.base + whole.scale * low, whole.base + whole.scale * high];
      return { expression: whole, interval: [Math.min(...ends), Math.max(...ends)] };
    }
  }
}

function product([a, b]: Interval, [c, d]: Interval): Interval {
  const ends = [a * c, a * d, b * c, b * d].map((end) => (Number.isNaN(end) ? 0 : end));
  return [Math.min(...ends), Math.max(...ends)];
}
