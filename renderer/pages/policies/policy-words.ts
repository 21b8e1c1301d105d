import type { OutputOf } from '../../../main/contract/contract.ts';
import type { CodeIssue } from '../../editor/code-editor.tsx';
import type { StateName } from '../../parts/glyphs.tsx';
import type { DecisionRecord } from '../../state/types.ts';
import { texts } from '../../texts/texts.ts';

export type PolicyList = OutputOf<'policies.list'>;
export type PolicyRow = PolicyList['policies'][number];
export type PolicyDetail = OutputOf<'policies.read'>;
export type PolicyTrial = OutputOf<'policies.try'>;

export const policyStates: Record<
  PolicyRow['state'],
  { word: string; glyph: StateName; kind: '' | 'ok' | 'warn' | 'bad'; meaning: string }
> = {
  deciding: { word: texts.policies.deciding, glyph: 'ok', kind: 'ok', meaning: texts.policies.itDecidesAnd },
  off: { word: texts.policies.off2, glyph: 'none', kind: '', meaning: texts.policies.itComesWith },
  failing: { word: texts.policies.failing, glyph: 'warn', kind: 'warn', meaning: texts.policies.itsLastCall },
  broken: { word: texts.policies.broken, glyph: 'bad', kind: 'bad', meaning: texts.policies.itsFileCannot },
  outdated: { word: texts.policies.outdated, glyph: 'warn', kind: 'warn', meaning: texts.policies.itsFileCannotBe },
};

export const kindNames: Record<PolicyRow['kind'], string> = {
  shipped: 'shipped',
  typescript: 'TypeScript',
  python: texts.policies.python,
};

/** How the policies of an agent are, in one sentence. */
export function policiesSentence(agent: string, { policies, mode }: Pick<PolicyList, 'policies' | 'mode'>): string {
  const deciding = policies.filter(({ state }) => state === 'deciding').length;
  const wrong = policies.filter(({ state }) => state === 'failing' || state === 'broken' || state === 'outdated');
  const by = mode === 1 ? texts.policies.learntModels2 : 'heuristics';
  const first = texts.policies.ofPolicies(deciding, policies.length, agent, by);
  return wrong.length === 0 ? `${first}.` : texts.policies.needsALook(first, wrong.map(({ name }) => name).join(', '));
}

/** The line that an agent's refusal names, where it names one: "policy-x.py:12: …", "line 12", "(12:3)". */
export function issuesOf(text: string): CodeIssue[] {
  const found = /\.(?:py|ts):(\d+)/.exec(text) ?? /\bline (\d+)/i.exec(text) ?? /\((\d+):\d+\)/.exec(text);
  return found ? [{ line: Number(found[1]), message: text }] : [];
}

/** What the policy that decides now made of the same thing last. */
export function currentAnswer(
  decisions: readonly DecisionRecord[],
  { application, component }: { application?: string | undefined; component?: string | undefined },
  agent: string,
): DecisionRecord | null {
  return (
    decisions.find(
      (record) => record.agent.id === agent && record.component === component && record.application === application,
    ) ?? null
  );
}

export interface SettingField {
  name: string;
  kind: 'number' | 'boolean' | 'text' | 'choice' | 'json';
  choices: string[];
  description: string;
  fallback: unknown;
}

/** The fields of a form for an object's JSON Schema; what has no field of its own kind is written as JSON. */
export function fieldsOf(schema: unknown): SettingField[] {
  if (!isObject(schema) || !isObject(schema.properties)) return [];
  return Object.entries(schema.properties).map(([name, property]): SettingField => {
    const { type, description, default: fallback } = isObject(property) ? property : {};
    const choices = isObject(property) && Array.isArray(property.enum) ? property.enum.map(String) : [];
    const kind =
      choices.length > 0
        ? 'choice'
        : type === 'number' || type === 'integer'
          ? 'number'
          : type === 'boolean'
            ? 'boolean'
            : type === 'string'
              ? 'text'
              : 'json';
    return { name, kind, choices, description: typeof description === 'string' ? description : '', fallback };
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** "neededMargin" → "Needed margin", "horizonS" → "Horizon, s". */
export function fieldTitle(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase()
    .replace(/ (s|ms|w)$/, ', $1');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
