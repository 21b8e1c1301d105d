import { z } from 'zod';
import type { Json } from '../mechanisms/mechanism.ts';
import type { Policy, PolicyFactory } from './policy.ts';

type Settings = Record<string, Json>;

/** The shipped policies of an agent that decide now, by name and settings; changed while the agent runs. */
export class PolicySet<View> {
  readonly #factories: PolicyFactory<View>[];
  readonly #active = new Map<string, { settings: Settings; policy: Policy<View> }>();

  /**
   * `configured` names policies with their settings; without it, those of `byDefault` decide as they are.
   * @throws Error on an unknown name; z.ZodError when settings do not fit
   */
  constructor(
    factories: PolicyFactory<View>[],
    configured: Record<string, Settings> | undefined,
    byDefault: readonly string[] = factories.map(({ name }) => name),
  ) {
    this.#factories = factories;
    const wanted = configured ?? Object.fromEntries(byDefault.map((name) => [name, {}]));
    for (const [name, settings] of Object.entries(wanted)) this.#active.set(name, this.#make(name, settings));
  }

  get policies(): Policy<View>[] {
    return [...this.#active.values()].map(({ policy }) => policy);
  }

  /** Names of all that there are, whether they decide or not. */
  get known(): string[] {
    return this.#factories.map(({ name }) => name);
  }

  summaryOf(name: string): string {
    return this.#factories.find((factory) => factory.name === name)?.summary ?? '';
  }

  /** JSON Schema of a policy's settings, with their defaults; undefined for one that is not there. */
  schemaOf(name: string): Json | undefined {
    const factory = this.#factories.find((candidate) => candidate.name === name);
    return (
      factory &&
      z.json().parse(JSON.parse(JSON.stringify(z.toJSONSchema(factory.settings, { io: 'input', unrepresentable: 'any' }))))
    );
  }

  /** A policy beside those that decide, with what its namesake has learnt. @throws as the constructor */
  beside(name: string, settings: Settings): Policy<View> {
    const { policy } = this.#make(name, settings);
    const learnt = this.#active.get(name)?.policy.state?.();
    if (learnt !== undefined) policy.restore?.(structuredClone(learnt));
    return policy;
  }

  settingsOf(name: string): Settings | undefined {
    return this.#active.get(name)?.settings;
  }

  /** Whether these settings can be followed here and now. @throws Error that says why not; as the constructor */
  async check(name: string, settings: Settings): Promise<void> {
    this.#make(name, settings);
    await this.#factories.find((factory) => factory.name === name)?.check?.(settings);
  }

  /** Has a policy decide with these settings from now on; what it has learnt stays with it. @throws as the constructor, and changes nothing then */
  set(name: string, settings: Settings): void {
    const fresh = this.#make(name, settings);
    const former = this.#active.get(name)?.policy;
    const learnt = former?.state?.();
    if (learnt !== undefined) fresh.policy.restore?.(learnt);
    this.#active.set(name, fresh);
    former?.close?.();
  }

  /** Makes each policy anew; what they have learnt stays with them, as over a restart. */
  renew(): void {
    for (const [name, { settings }] of [...this.#active]) this.set(name, settings);
  }

  /** false when it did not decide anyway. */
  delete(name: string): boolean {
    this.#active.get(name)?.policy.close?.();
    return this.#active.delete(name);
  }

  /** Nobody decides any more. */
  close(): void {
    for (const { policy } of this.#active.values()) policy.close?.();
  }

  #make(name: string, settings: Settings): { settings: Settings; policy: Policy<View> } {
    const factory = this.#factories.find((candidate) => candidate.name === name);
    if (!factory) throw new Error(`unknown policy "${name}"; known: ${this.known.join(', ') || 'none'}`);
    return { settings, policy: factory.create(settings) };
  }
}
