import { type Expression, evaluate, type PremiseValues } from '../decision/expression.ts';
import { collectPremises } from './premises.ts';

/** slope × value + intercept, up to (and about) `end`. Where exactly an end belongs is left open: it is one value of a real number. */
export interface Piece {
  end: number;
  slope: number;
  intercept: number;
}

/**
 * An expression as a function of one premise between `low` and `high`, all others as given: straight pieces, ascending, the last one ending at
 * `high`. undefined when it is curved there (the premise times or by itself).
 */
export function piecesOf(
  expression: Expression,
  id: string,
  values: PremiseValues,
  low: number,
  high: number,
): Piece[] | undefined {
  const flat = (value: number): Piece[] => [{ end: high, slope: 0, intercept: value }];
  const visit = (part: Expression): Piece[] | undefined => {
    if (part.op === 'premise') return part.id === id ? [{ end: high, slope: 1, intercept: 0 }] : flat(evaluate(part, values));
    if (part.op === 'const') return flat(part.value);
    if (!reads(part, id)) return flat(evaluate(part, values));
    const args: Piece[][] = [];
    for (const arg of part.args) {
      const pieces = visit(arg);
      if (!pieces) return undefined;
      args.push(pieces);
    }
    const fold = (step: (a: Piece[], b: Piece[]) => Piece[] | undefined): Piece[] | undefined =>
      args.slice(1).reduce<Piece[] | undefined>((sum, next) => sum && step(sum, next), args[0]);
    switch (part.op) {
      case 'add':
        return fold((a, b) => linear(a, b, 1));
      case 'sub':
        return linear(args[0]!, args[1]!, -1);
      case 'mul':
        return fold((a, b) => join(a, b, product));
      case 'div':
        return join(args[0]!, args[1]!, (x, y) =>
          y.slope === 0 && y.intercept !== 0 ? { slope: x.slope / y.intercept, intercept: x.intercept / y.intercept } : undefined,
        );
      case 'max':
        return fold((a, b) => choose(linear(b, a, -1), a, b));
      case 'min':
        return fold((a, b) => choose(linear(a, b, -1), a, b));
      case 'atMost': {
        const [yes, no] = [visit(part.then), visit(part.else)];
        return yes && no && choose(linear(args[0]!, args[1]!, -1), yes, no);
      }
      case 'trees':
        return treePieces(part, args);
    }
  };
  /** Where `sign` is at most 0 the first, elsewhere the second. */
  const choose = (sign: Piece[], yes: Piece[], no: Piece[]): Piece[] => {
    const parts = split(sign, low);
    const ends = merged([parts, yes, no]);
    return ends.map((end, index) => {
      const middle = ((ends[index - 1] ?? low) + end) / 2;
      const { slope, intercept } = at(parts, middle);
      const { slope: s, intercept: i } = at(slope * middle + intercept <= 0 ? yes : no, middle);
      return { end, slope: s, intercept: i };
    });
  };
  const treePieces = ({ trees, scale, base }: Extract<Expression, { op: 'trees' }>, args: Piece[][]): Piece[] => {
    /** How much the sum of leaves rises at a place. */
    const steps = new Map<number, number>();
    let sum = 0;
    for (const tree of trees) {
      let last: number | undefined;
      // Depth first would not do: an argument that falls with the premise goes right before it goes left.
      const visitNode = (index: number, from: number, to: number): void => {
        const node = tree[index]!;
        if (node.length === 1) {
          if (last === undefined) sum += node[0];
          else steps.set(from, (steps.get(from) ?? 0) + node[0] - last);
          last = node[0];
          return;
        }
        const [argument, threshold, left, right] = node;
        const sign = split(linear(args[argument]!, [{ end: high, slope: 0, intercept: threshold }], -1), low);
        let start = low;
        let open: { from: number; to: number; child: number } | undefined;
        for (const { end, slope, intercept } of sign) {
          const [a, b] = [Math.max(start, from), Math.min(end, to)];
          start = end;
          if (a >= b) continue;
          const middle = (a + b) / 2;
          const child = slope * middle + intercept <= 0 ? left : right;
          if (open && open.child === child) open.to = b;
          else {
            if (open) visitNode(open.child, open.from, open.to);
            open = { from: a, to: b, child };
          }
        }
        if (open) visitNode(open.child, open.from, open.to);
      };
      visitNode(0, low, high);
    }
    const ends = [...steps.keys()].sort((a, b) => a - b);
    const pieces: Piece[] = [];
    for (const end of ends) {
      pieces.push({ end, slope: 0, intercept: base + scale * sum });
      sum += steps.get(end)!;
    }
    return [...pieces, { end: high, slope: 0, intercept: base + scale * sum }];
  };
  return visit(expression);
}

function reads(expression: Expression, id: string): boolean {
  const used = new Set<string>();
  collectPremises(expression, used);
  return used.has(id);
}

type Line = Pick<Piece, 'slope' | 'intercept'>;

function product(a: Line, b: Line): Line | undefined {
  if (a.slope !== 0 && b.slope !== 0) return undefined;
  return { slope: a.slope * b.intercept + b.slope * a.intercept, intercept: a.intercept * b.intercept };
}

/** a + weight × b. */
export const linear = (a: Piece[], b: Piece[], weight: number): Piece[] =>
  join(a, b, (x, y) => ({ slope: x.slope + weight * y.slope, intercept: x.intercept + weight * y.intercept })) ?? [];

function join(a: Piece[], b: Piece[], step: (a: Line, b: Line) => Line | undefined): Piece[] | undefined {
  const pieces: Piece[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    const line = step(a[i]!, b[j]!);
    if (!line) return undefined;
    const end = Math.min(a[i]!.end, b[j]!.end);
    pieces.push({ end, ...line });
    if (a[i]!.end === end) i++;
    if (b[j]!.end === end) j++;
  }
  return pieces;
}

/** Pieces split where they cross 0. */
function split(pieces: Piece[], low: number): Piece[] {
  let start = low;
  return pieces.flatMap((piece) => {
    const zero = piece.slope === 0 ? Number.NaN : -piece.intercept / piece.slope;
    const parts = zero > start && zero < piece.end ? [{ ...piece, end: zero }, piece] : [piece];
    start = piece.end;
    return parts;
  });
}

const merged = (functions: Piece[][]): number[] =>
  [...new Set(functions.flatMap((pieces) => pieces.map(({ end }) => end)))].sort((a, b) => a - b);

/** The piece that holds a value. */
function at(pieces: Piece[], value: number): Piece {
  let [from, to] = [0, pieces.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (pieces[middle]!.end < value) from = middle + 1;
    else to = middle;
  }
  return pieces[from]!;
}
