import type { Clock } from './clock.ts';
import type { Log } from './config.ts';
import type { Policy, PolicyInput } from './policies/policy.ts';
import type { SlidingWindow } from './telemetry/window.ts';

const everyMs = 1000;

export interface ForesightOptions<View> {
  agent: string;
  cluster: string;
  policies: () => readonly Policy<View>[];
  view: () => View;
  window: SlidingWindow;
  clock: Clock;
  log: Log;
  failed: (policy: string, error: string) => void;
}

/** Has policies ask what lies outside of the loop, beside it, and takes what they hear into the window; one that hears nothing keeps nobody waiting. */
export class Foresight<View> {
  readonly #options: ForesightOptions<View>;
  readonly #asking = new Map<Policy<View>, Promise<void>>();
  /** Why a policy has heard nothing, as it was logged. */
  readonly #failing = new Map<string, string>();
  readonly #timer: { close(): void };

  constructor(options: ForesightOptions<View>) {
    this.#options = options;
    this.#timer = options.clock.every(everyMs, () => {
      for (const policy of options.policies()) {
        if (!policy.foresee || this.#asking.has(policy)) continue;
        const asking = this.#ask(policy).finally(() => this.#asking.delete(policy));
        this.#asking.set(policy, asking);
      }
    });
  }

  /** Resolves when nobody is being asked. */
  async settled(): Promise<void> {
    await Promise.all(this.#asking.values());
  }

  close(): void {
    this.#timer.close();
  }

  async #ask(policy: Policy<View>): Promise<void> {
    const { agent, cluster, view, window, clock, log, failed } = this.#options;
    try {
      let seen: View | undefined;
      const input: PolicyInput<View> = {
        now: clock.now(),
        agent,
        // Made for who looks: most ask nobody, and the view of a large cluster is dear.
        get view() {
          seen ??= view();
          return seen;
        },
        window,
      };
      const foreseen = (await policy.foresee?.(input)) ?? [];
      // The time of the question: what came meanwhile was not known to who answered.
      for (const { node, samples } of foreseen) window.add({ agent, cluster, node, time: input.now, samples });
      if (foreseen.length > 0 && this.#failing.delete(policy.name)) log('info', `policy ${policy.name} is answered again`);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (this.#failing.get(policy.name) !== text)
        log('warn', `policy ${policy.name} asked in vain and decides by what it has learnt`, { error: text });
      this.#failing.set(policy.name, text);
      failed(policy.name, text);
    }
  }
}
