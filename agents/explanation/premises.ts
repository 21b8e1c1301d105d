import type { Expression } from '../decision/expression.ts';

/** Adds the ids of all premises that an expression reads. */
export function collectPremises(expression: Expression, into: Set<string>): void {
  switch (expression.op) {
    case 'const':
      return;
    case 'premise':
      into.add(expression.id);
      return;
    case 'atMost':
      for (const part of [...expression.args, expression.then, expression.else]) collectPremises(part, into);
      return;
    default:
      for (const part of expression.args) collectPremises(part, into);
  }
}
