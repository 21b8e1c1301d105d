import { z } from 'zod';
import { ProgramError, type Programs } from './programs.ts';

/** A chain of ours, and where the kernel calls it. */
export interface OwnChain {
  name: string;
  type: 'filter' | 'nat';
  hook: 'prerouting' | 'postrouting';
  priority: number;
}

/** One rule: what it matches and does, in nft's language, and whose it is. */
export interface OwnRule {
  statement: string;
  /** At most 128 bytes, without quotes. */
  comment: string;
}

/** Stricter than the kernel, for it becomes part of a rule. */
export const interfaceName = /^[\w.-]{1,15}$/;

const table = 'inet mlsysops';
const listingSchema = z.object({
  nftables: z.array(
    z.object({
      chain: z.object({ name: z.string() }).optional(),
      rule: z.object({ chain: z.string(), comment: z.string().optional() }).optional(),
    }),
  ),
});

/**
 * The nft table that is ours: what others have set is in tables of their own, and never touched. A chain is written whole, in one transaction; a chain without
 * rules is taken away, and with the last of them the table.
 */
export class OwnTable {
  readonly #programs: Programs;

  constructor(programs: Programs) {
    this.#programs = programs;
  }

  /** Why `rule` could not be set in `chain`; undefined when it could. Asks the kernel, which changes nothing. */
  async refusal(chain: OwnChain, rule: OwnRule): Promise<string | undefined> {
    try {
      await this.#programs.run('nft', ['--check', '--file', '-'], script(chain, [rule]));
      return undefined;
    } catch (error) {
      if (error instanceof ProgramError) return error.stderr.split('\n')[0] ?? error.message;
      throw error;
    }
  }

  /** Comments of the rules of ours, by chain. */
  async comments(): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    for (const { chain, rule } of await this.#list()) {
      if (chain) found.set(chain.name, found.get(chain.name) ?? []);
      if (rule) found.set(rule.chain, [...(found.get(rule.chain) ?? []), rule.comment ?? '']);
    }
    return found;
  }

  async write(chain: OwnChain, rules: OwnRule[]): Promise<void> {
    await this.#programs.run('nft', ['--file', '-'], script(chain, rules));
    if (rules.length === 0 && (await this.comments()).size === 0)
      await this.#programs.run('nft', ['delete', 'table', ...table.split(' ')]);
  }

  async #list(): Promise<z.infer<typeof listingSchema>['nftables']> {
    try {
      const text = await this.#programs.run('nft', ['--json', 'list', 'table', ...table.split(' ')]);
      return listingSchema.parse(JSON.parse(text)).nftables;
    } catch (error) {
      if (error instanceof ProgramError && /No such file or directory/.test(error.stderr)) return [];
      throw error;
    }
  }
}

function script({ name, type, hook, priority }: OwnChain, rules: OwnRule[]): string {
  return [
    `add table ${table}`,
    `add chain ${table} ${name} { type ${type} hook ${hook} priority ${priority}; }`,
    `flush chain ${table} ${name}`,
    ...rules.map(({ statement, comment }) => `add rule ${table} ${name} ${statement} comment "${comment}"`),
    ...(rules.length === 0 ? [`delete chain ${table} ${name}`] : []),
    '',
  ].join('\n');
}
