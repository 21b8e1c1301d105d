import { z } from 'zod';
import {
  type ChangeAnswer,
  type configTrustRequestSchema,
  deleteConfigRequestSchema,
  deletePolicyRequestSchema,
  pingRequestSchema,
  policiesRequestSchema,
  policyListRequestSchema,
  policyReadRequestSchema,
  policyTryRequestSchema,
  setConfigRequestSchema,
  setModeRequestSchema,
  setPolicyRequestSchema,
} from './bus/administration.ts';
import type { Bus } from './bus/bus.ts';
import { type Reply, replySchema } from './bus/messages.ts';
import { type ModelRow, type modelsAnswerSchema, modelsRequestSchema } from './bus/models.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import type { AgentConfig, Log } from './config.ts';
import type { AutonomicLoop } from './loop/loop.ts';
import { modelRowsOf } from './model-rows.ts';
import type { Policy } from './policies/policy.ts';
import type { PolicyFiles } from './policies/policy-files.ts';
import type { PolicySet } from './policies/policy-set.ts';
import type { TrustWeights } from './policies/situation.ts';
import { equalWeights, trustIndexes } from './policies/trust.ts';
import { PolicyAdministration, type PolicyAdministrationOptions } from './policy-administration.ts';
import { replying } from './replying.ts';
import { type AgentSettings, agentSettingsSchema, checkSettableConfig, type SettingsStore } from './settings.ts';
import { unifiedDiff } from './unified-diff.ts';

type Value = Extract<Reply, { ok: true }>['value'];

export interface AdministrationOptions<View> {
  config: AgentConfig;
  bus: Bus;
  clock: Clock;
  log: Log;
  store: SettingsStore;
  /** As they were loaded when the agent started. */
  settings: AgentSettings | undefined;
  shipped: PolicySet<View>;
  loop: AutonomicLoop<View>;
  files?: PolicyFiles<View> | undefined;
  /** What policies are shown now. */
  input: PolicyAdministrationOptions<View>['input'];
  /** Models that are registered with this agent, besides what its policies learn. */
  registered?: () => Promise<ModelRow[]>;
}

/** What people may ask of any agent: who it is, how it decides, and to decide otherwise from now on. Each change is checked whole, kept over restarts, and told as a diff. */
export class Administration<View> {
  readonly #options: AdministrationOptions<View>;
  readonly #subscriptions: { close(): void }[];
  readonly #policyAdministration: PolicyAdministration<View>;
  #settings: AgentSettings;
  /** One change at a time: two would overwrite each other's. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: AdministrationOptions<View>) {
    this.#options = options;
    this.#settings = options.settings ?? agentSettingsSchema.parse({});
    this.#policyAdministration = new PolicyAdministration(options);
    for (const [name, settings] of Object.entries(this.#settings.policies)) this.#lay(name, settings);
    const answer = <S extends z.ZodType>(verb: string, schema: S, work: (request: z.infer<S>) => Promise<Value>) =>
      options.bus.answer(subjects.request(options.config.agent, verb), schema, replySchema, (request) =>
        replying(() => work(request)),
      );
    this.#subscriptions = [
      answer('ping', pingRequestSchema, async () => this.#ping()),
      answer('policies', policiesRequestSchema, async () => this.#policies()),
      answer('policy-list', policyListRequestSchema, async () => json(this.#policyAdministration.list(this.mode))),
      answer('policy-read', policyReadRequestSchema, async ({ name }) => json(await this.#policyAdministration.read(name))),
      answer('policy-try', policyTryRequestSchema, async (request) => {
        if (request.content !== undefined) this.#checkFileName(request.name);
        return json(await this.#policyAdministration.tryOut(request));
      }),
      answer('models', modelsRequestSchema, async () => json(await this.#models())),
      answer('set-mode', setModeRequestSchema, ({ mode }) => this.#change(() => this.#setMode(mode))),
      answer('set-policy', setPolicyRequestSchema, (request) => this.#change(() => this.#setPolicy(request))),
      answer('delete-policy', deletePolicyRequestSchema, ({ name }) => this.#change(() => this.#deletePolicy(name))),
      answer('set-config', setConfigRequestSchema, ({ settings }) =>
        this.#change(() => this.#setConfig({ ...this.#settings.config, ...settings })),
      ),
      answer('delete-config', deleteConfigRequestSchema, ({ names }) =>
        this.#change(() =>
          this.#setConfig(Object.fromEntries(Object.entries(this.#settings.config).filter(([name]) => !names.includes(name)))),
        ),
      ),
    ];
  }

  /** 0 decides by heuristics, 1 by learnt models. */
  get mode(): 0 | 1 {
    return this.#settings.mode;
  }

  get targets(): AgentSettings['targets'] {
    return this.#settings.targets;
  }

  /** A shipped policy has thrown. */
  policyFailed(name: string, error: string): void {
    this.#policyAdministration.failed(name, error);
  }

  /** Files' policies decide beside the shipped ones. */
  takeFiles(policies: readonly Policy<View>[]): void {
    this.#options.loop.use([...this.#options.shipped.policies, ...policies]);
  }

  /** Replaces the targets that the whole system is to keep to. */
  setTargets(targets: AgentSettings['targets']): Promise<ChangeAnswer> {
    return this.#change(async () => {
      const before = this.#settings.targets;
      await this.#save({ ...this.#settings, targets });
      return changed(text(before), text(targets));
    });
  }

  /** What counts for how much in trust in a node. */
  trustWeights(node: string): TrustWeights {
    const { all, nodes } = this.#settings.trust;
    return nodes[node] ?? all ?? equalWeights;
  }

  /** Other weights, for these nodes or for all; an index that is not named counts for nothing. @throws Error on an index that there is not */
  configTrust({ nodes, weights }: z.infer<typeof configTrustRequestSchema>): Promise<ChangeAnswer> {
    const unknown = Object.keys(weights).find((index) => !trustIndexes.some((known) => known === index));
    if (unknown !== undefined) throw new Error(`there is no index "${unknown}"; there are: ${trustIndexes.join(', ')}`);
    const wanted = Object.fromEntries(trustIndexes.map((index) => [index, weights[index] ?? 0])) as TrustWeights;
    if (trustIndexes.every((index) => wanted[index] === 0)) throw new Error('at least one index must count for something');
    return this.#change(async () => {
      const before = this.#settings.trust;
      const trust = nodes.length === 0 ? { all: wanted, nodes: {} } : { ...before, nodes: { ...before.nodes } };
      for (const node of nodes) trust.nodes[node] = wanted;
      await this.#save({ ...this.#settings, trust });
      this.#options.loop.poke();
      return changed(text(before), text(trust));
    });
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }

  #ping(): Value {
    const { agent, layer, cluster, node, version } = this.#options.config;
    return { agent, layer, cluster, ...(node !== undefined && { node }), version, time: this.#options.clock.now() };
  }

  #policies(): Value {
    const files = new Set(this.#options.files?.policies.map(({ name }) => name));
    const named = (names: Iterable<{ name: string; version: string }>, file: boolean) =>
      [...names].map(({ name, version }) => ({ name, version, file }));
    return {
      mode: this.mode,
      known: this.#options.shipped.known,
      policies: [
        ...named(
          this.#options.loop.policies.filter(({ name }) => !files.has(name)),
          false,
        ),
        ...named(this.#options.files?.policies ?? [], true),
      ],
    };
  }

  async #models(): Promise<z.infer<typeof modelsAnswerSchema>> {
    const { loop, registered } = this.#options;
    const { mode } = this;
    return { mode, models: [...modelRowsOf(loop.policies, mode), ...((await registered?.()) ?? [])] };
  }

  async #setMode(mode: 0 | 1): Promise<Value> {
    const before = this.mode;
    await this.#save({ ...this.#settings, mode });
    this.#options.loop.poke();
    return { mode, before };
  }

  async #setPolicy({ name, content, language, settings }: z.infer<typeof setPolicyRequestSchema>): Promise<ChangeAnswer> {
    const { files, shipped } = this.#options;
    if ((content === undefined) === (settings === undefined)) throw new Error('give either content or settings');
    if (content !== undefined) {
      this.#checkFileName(name);
      if (!files) throw new Error('this agent takes no policy files');
      const before = (await files.read(name))?.content ?? '';
      await files.install(name, language, content);
      return changed(before, content);
    }
    const wanted = settings ?? {};
    const before = shipped.settingsOf(name);
    await shipped.check(name, wanted);
    shipped.set(name, wanted);
    this.#use();
    await this.#save({ ...this.#settings, policies: { ...this.#settings.policies, [name]: wanted } });
    return changed(before === undefined ? '' : text(before), text(wanted));
  }

  async #deletePolicy(name: string): Promise<ChangeAnswer> {
    const { files, shipped } = this.#options;
    const former = await files?.read(name);
    if (files && former) {
      await files.remove(name);
      return changed(former.content, '');
    }
    const before = shipped.settingsOf(name);
    if (before === undefined) throw new Error(`no policy "${name}" decides here`);
    shipped.delete(name);
    this.#use();
    await this.#save({ ...this.#settings, policies: { ...this.#settings.policies, [name]: null } });
    return changed(text(before), '');
  }

  async #setConfig(config: AgentSettings['config']): Promise<ChangeAnswer> {
    checkSettableConfig(config);
    const before = this.#settings.config;
    await this.#save({ ...this.#settings, config });
    return { ...changed(text(before), text(config)), takesEffect: 'restart' };
  }

  /** What was kept of a policy that is not there any more, or takes other settings now, must not keep the agent from its work. */
  #lay(name: string, settings: AgentSettings['policies'][string]): void {
    try {
      if (settings === null) this.#options.shipped.delete(name);
      else this.#options.shipped.set(name, settings);
    } catch (error) {
      this.#options.log('warn', `kept settings of policy ${name} do not fit any more`, { error: String(error) });
    }
    this.#use();
  }

  #use(): void {
    this.takeFiles(this.#options.files?.policies ?? []);
  }

  #checkFileName(name: string): void {
    if (this.#options.shipped.known.includes(name)) throw new Error(`"${name}" is a shipped policy: its settings can be set`);
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #save(settings: AgentSettings): Promise<void> {
    await this.#options.store.save(settings);
    this.#settings = settings;
  }
}

/** As it goes over the wire. */
const json = (value: unknown): Value => z.json().parse(JSON.parse(JSON.stringify(value)));
const text = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const changed = (before: string, after: string): ChangeAnswer => ({
  changed: before !== after,
  diff: unifiedDiff(before, after),
  takesEffect: 'now',
});
