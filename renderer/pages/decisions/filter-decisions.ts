import { type DecisionRecord, isAct } from '../../state/types.ts';

export interface DecisionFilter {
  kind: 'all' | 'acts' | 'non-acts';
  /** "" for any. */
  application: string;
  policy: string;
  /** Only those after which another choice would have been better. */
  regretted: boolean;
  /** Words that must all occur in what is told of a decision. */
  text: string;
}

export const anyDecision: DecisionFilter = { kind: 'all', application: '', policy: '', regretted: false, text: '' };

type Filtered = Pick<
  DecisionRecord,
  'title' | 'sentence' | 'application' | 'component' | 'policy' | 'choice' | 'stay' | 'trigger' | 'actual' | 'agent'
>;

const wordsOf = ({ title, sentence, application, component, policy, trigger, agent }: Filtered): string =>
  [title, sentence, application, component, policy.name, trigger.text, agent.cluster, agent.node].join(' ').toLowerCase();

export function filterDecisions<R extends Filtered>(decisions: readonly R[], filter: DecisionFilter): R[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return decisions.filter((record) => {
    if (filter.kind !== 'all' && (record.choice !== record.stay) !== (filter.kind === 'acts')) return false;
    if (filter.application !== '' && record.application !== filter.application) return false;
    if (filter.policy !== '' && record.policy.name !== filter.policy) return false;
    if (filter.regretted && !((record.actual?.regret ?? 0) > 0)) return false;
    if (words.length === 0) return true;
    const told = wordsOf(record);
    return words.every((word) => told.includes(word));
  });
}

/** What there is to choose from, by name. */
export function filterChoices(decisions: readonly Pick<DecisionRecord, 'application' | 'policy'>[]): {
  applications: string[];
  policies: string[];
} {
  return {
    applications: [...new Set(decisions.flatMap(({ application }) => application ?? []))].sort(),
    policies: [...new Set(decisions.map(({ policy }) => policy.name))].sort(),
  };
}

export const countActs = (decisions: readonly DecisionRecord[]): number => decisions.filter(isAct).length;
