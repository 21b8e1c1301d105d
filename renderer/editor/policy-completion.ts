import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { type ApiWord, imported, interfaces, python } from './policy-api.ts';

/** Names of metrics that the testbed has readings of. */
export type MetricNames = () => Promise<readonly string[]>;

const option = ({ label, detail, apply }: ApiWord, type: string): Completion => ({
  label,
  detail,
  type,
  ...(apply === undefined ? {} : { apply }),
});

/** A name that views are usually held under, and what it then is; an element is named in the singular. */
const heldAs: readonly (readonly [pattern: RegExp, of: readonly string[]])[] = [
  [/^(shown|input)$/, ['Shown', 'Premises']],
  [/^view$/, ['ClusterView', 'HostView', 'ContinuumView']],
  [/^node$/, ['NodeView']],
  [/^(component|placed|pod)$/, ['ComponentView']],
  [/^application$/, ['Application']],
  [/^trigger$/, ['Trigger']],
  [/^candidate$/, ['Candidate']],
  [/^(reading|latest|point)$/, ['Reading']],
];
/** What any other name may be. */
const anything = ['NodeView', 'ComponentView', 'Application', 'Reading', 'Trigger'];
/** What stands as a key of an object in a file. */
const keyed = ['PolicyFile', 'Plan', 'Candidate', 'Trigger', 'SeriesQuery'];

/** What may be written in a policy file at a place: members after a dot, metrics in quotes, else words of the API. */
export async function completePolicy(
  context: CompletionContext,
  language: 'typescript' | 'python',
  metricNames: MetricNames,
): Promise<CompletionResult | null> {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const quoted = /(['"])([\w-]*)$/.exec(before);
  const isOpen = quoted !== null && before.slice(0, quoted.index).split(quoted[1]!).length % 2 === 1;
  if (quoted && isOpen) {
    if (!/metric/.test(before)) return null;
    const names = await metricNames();
    return {
      from: context.pos - quoted[2]!.length,
      options: names.map((label) => ({ label, type: 'constant' })),
      validFor: /^[\w-]*$/,
    };
  }
  const member = /([\w$]+)\??\.(\w*)$/.exec(before);
  if (member) {
    if (language === 'python') return null;
    const of = heldAs.find(([pattern]) => pattern.test(member[1]!))?.[1] ?? anything;
    return { from: context.pos - member[2]!.length, options: membersOf(of), validFor: /^\w*$/ };
  }
  const word = /[\w$]+$/.exec(before)?.[0] ?? '';
  if (word === '' && !context.explicit) return null;
  const from = context.pos - word.length;
  if (language === 'python') {
    const functions = /^\s*(async\s+)?(def\s+)?\w*$/.test(before) ? python.functions.map((one) => option(one, 'function')) : [];
    // A whole function takes the place of what was begun of its head.
    const start = functions.length > 0 && /^\S/.test(before) ? line.from : from;
    if (start !== from) return { from: start, options: functions, filter: false };
    return { from, options: [...functions, ...python.words.map((one) => option(one, 'variable'))], validFor: /^\w*$/ };
  }
  return {
    from,
    options: [
      ...imported.functions.map((one) => option(one, 'function')),
      ...imported.types.map((one) => option(one, 'type')),
      ...membersOf(keyed),
    ],
    validFor: /^[\w$]*$/,
  };
}

/** Each name once, of the first interface that has it. */
function membersOf(names: readonly string[]): Completion[] {
  const found = new Map<string, Completion>();
  for (const name of names)
    for (const word of interfaces[name] ?? [])
      if (!found.has(word.label)) found.set(word.label, option(word, word.detail.startsWith('(') ? 'method' : 'property'));
  return [...found.values()];
}
