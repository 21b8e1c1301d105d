import { choosing, counting, type Forms } from '../plural.ts';

export const locale = 'en';
export const counted = counting(locale);
export const formOf = choosing(locale);

const lists = new Intl.ListFormat('en-GB', { type: 'conjunction' });
/** "a", "a and b", "a, b and c". */
export const listed = (names: readonly string[]): string => lists.format(names);

/** Nouns that are counted in more than one place. */
const forms = (one: string, other = `${one}s`): Forms => ({ one, other });
export const nouns = {
  agent: forms('agent'),
  cluster: forms('cluster'),
  decision: forms('decision'),
  host: forms('host'),
  model: forms('model'),
  node: forms('node'),
  outcome: forms('outcome'),
  password: forms('password'),
} satisfies Record<string, Forms>;
