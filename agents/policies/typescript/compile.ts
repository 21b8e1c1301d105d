import { z } from 'zod';
// Carried inside of the agent's program: nothing else has to be installed for it.
import api from './mlsysops.ts?raw';
import child from './policy-child.ts?raw';

/** A policy file that cannot be run, or went wrong; the message names the line where it is known. */
export class TypeScriptPolicyError extends Error {
  override readonly name = 'TypeScriptPolicyError';
}

/** Plain JavaScript of a policy file and of what runs with it: scripts of one context, in this order. */
export type Compiled = { name: string; code: string }[];

const located = z.object({ message: z.string(), loc: z.object({ line: z.number() }).optional() });

/**
 * Takes the types away (nothing is checked but syntax) and turns imports into lookups, of which only 'mlsysops' is found. Lines stay where they are.
 * @throws TypeScriptPolicyError with the line of a syntax error
 */
export async function compilePolicy(name: string, source: string): Promise<Compiled> {
  // Only an agent that is given a policy in TypeScript carries its compiler in memory.
  const { transform } = await import('sucrase');
  const plain = (code: string, file: string): string => {
    try {
      return transform(code, {
        transforms: ['typescript', 'imports'],
        disableESTransforms: true,
        preserveDynamicImport: true,
        production: true,
        filePath: file,
      }).code;
    } catch (error) {
      const { data } = located.safeParse(error);
      const text = (data?.message ?? String(error)).replace(/^Error transforming [^:]*: /, '').replace(/ \(\d+:\d+\)$/, '');
      throw new TypeScriptPolicyError(`${data?.loc ? `line ${data.loc.line}: ` : ''}${text}`);
    }
  };
  const wrapped = (code: string, into: string, require: string): string =>
    // On one line with the code's first: lines stay what they are.
    `const ${into} = {}; (function (exports, require) { ${code}\n})(${into}, ${require});`;
  return [
    { name: 'before', code: before },
    { name: 'mlsysops', code: wrapped(plain(api, 'mlsysops.ts'), 'apiModule', 'noModule') },
    { name, code: wrapped(plain(source, name), 'policyModule', 'onlyMlsysops') },
    { name: 'host', code: wrapped(plain(child, 'policy-child.ts'), 'hostModule', 'noModule') },
  ];
}

/** What a file finds besides the language itself: print. It has neither files nor network nor timers. */
const before = `
const printed = [];
const print = (...what) => {
  if (printed.length >= 50) return;
  printed.push(what.map((one) => typeof one === 'string' ? one : JSON.stringify(one)).join(' ').slice(0, 500));
};
const console = { log: print, info: print, warn: print, error: print, debug: print };
const noModule = (name) => { throw new Error('there is no module "' + name + '": a policy file can import "mlsysops" alone'); };
const onlyMlsysops = (name) => name === 'mlsysops' ? apiModule : noModule(name);
`;
