import type { z } from 'zod';
import type {
  PolicyRow,
  PolicyTrial,
  policyDetailSchema,
  policyListSchema,
  policyTryRequestSchema,
} from './bus/administration.ts';
import type { Clock } from './clock.ts';
import type { AgentConfig } from './config.ts';
import type { DecisionRecord } from './decision/record.ts';
import { decide } from './policies/decide.ts';
import type { Policy, PolicyInput } from './policies/policy.ts';
import type { PolicyFiles } from './policies/policy-files.ts';
import type { PolicySet } from './policies/policy-set.ts';

/** A policy throws at each tick: one that has not for so long works again. */
const worksAgainMs = 10_000;

export interface PolicyAdministrationOptions<View> {
  config: Pick<AgentConfig, 'agent' | 'layer' | 'cluster' | 'node'>;
  clock: Clock;
  shipped: PolicySet<View>;
  files?: PolicyFiles<View> | undefined;
  /** What policies are shown now. */
  input: () => Omit<PolicyInput<View>, 'now' | 'agent'>;
}

/** The policies of an agent as people see them: what each is, how it does, and what it would decide now. */
export class PolicyAdministration<View> {
  readonly #options: PolicyAdministrationOptions<View>;
  readonly #failures = new Map<string, { at: number; text: string; count: number }>();

  constructor(options: PolicyAdministrationOptions<View>) {
    this.#options = options;
  }

  /** A shipped policy has thrown. */
  failed(name: string, text: string): void {
    const now = this.#options.clock.now();
    const last = this.#failures.get(name);
    const count = last && now - last.at < worksAgainMs ? last.count : 0;
    this.#failures.set(name, { at: now, text, count: count + 1 });
  }

  list(mode: 0 | 1): z.infer<typeof policyListSchema> {
    const { shipped, files } = this.#options;
    const deciding = new Map(shipped.policies.map((policy) => [policy.name, policy]));
    const rows = shipped.known.map((name): PolicyRow => {
      const policy = deciding.get(name);
      const error = this.#failures.get(name) ?? null;
      const isFailing = error !== null && this.#options.clock.now() - error.at < worksAgainMs;
      return {
        name,
        kind: 'shipped',
        version: policy?.version ?? '',
        state: policy ? (isFailing ? 'failing' : 'deciding') : 'off',
        summary: shipped.summaryOf(name),
        error: policy ? error : null,
      };
    });
    const fromFiles = (files?.list() ?? []).map((file): PolicyRow => {
      const { name, kind, version, summary, failure, broken, decides } = file;
      const error = broken ? { at: broken.at, text: broken.error, count: 1 } : failure;
      const state = broken ? (decides ? 'outdated' : 'broken') : failure ? 'failing' : 'deciding';
      return { name, kind, version, summary, error, state };
    });
    return { mode, takesFiles: files !== undefined, policies: [...rows, ...fromFiles] };
  }

  /** @throws Error when there is none of that name */
  async read(name: string): Promise<z.infer<typeof policyDetailSchema>> {
    const { shipped, files } = this.#options;
    const row = this.list(0).policies.find((one) => one.name === name);
    if (!row) throw new Error(`there is no policy "${name}"`);
    const file = row.kind === 'shipped' ? undefined : await files?.read(name);
    return {
      ...row,
      source: file?.content ?? null,
      settings: shipped.settingsOf(name) ?? null,
      settingsSchema: shipped.schemaOf(name) ?? null,
    };
  }

  /** @throws Error that says what is wrong with the file or the settings */
  async tryOut({ name, content, language, settings }: z.infer<typeof policyTryRequestSchema>): Promise<PolicyTrial> {
    const { shipped, files } = this.#options;
    if ((content === undefined) === (settings === undefined)) throw new Error('give either content or settings');
    if (content === undefined) {
      await shipped.check(name, settings ?? {});
      return this.#considered(shipped.beside(name, settings ?? {}));
    }
    if (!files) throw new Error('this agent takes no policy files');
    const printed: string[] = [];
    return files.tryOut(
      name,
      language,
      content,
      (_level, line) => void printed.push(line),
      async (policy) => {
        await policy.askNow(this.#input());
        return { ...this.#considered(policy), log: printed };
      },
    );
  }

  #input(): PolicyInput<View> {
    const { config, clock, input } = this.#options;
    return { ...input(), now: clock.now(), agent: config.agent };
  }

  #considered(policy: Policy<View>): PolicyTrial {
    const { config } = this.#options;
    const input = this.#input();
    policy.learn?.(input);
    const triggers = policy.analyze(input);
    const decisions = triggers.flatMap((trigger, index): DecisionRecord[] => {
      const proposal = policy.plan(input, trigger);
      if (!proposal) return [];
      const { layer, cluster, node } = config;
      const agent = { id: config.agent, layer, cluster, ...(node !== undefined && { node }) };
      return [
        decide(proposal, trigger, {
          id: `trial-${index}`,
          now: input.now,
          agent,
          policy: { name: policy.name, version: policy.version },
          lastChangeAt: undefined,
        }),
      ];
    });
    const note = triggers.length === 0 ? 'nothing calls for a decision of it now' : null;
    return { version: policy.version, triggers, decisions, log: [], note };
  }
}
