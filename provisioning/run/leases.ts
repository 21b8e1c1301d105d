import { createHash, randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { ExecuteOptions, ExecuteResult } from '../ssh/execute.ts';
import type { Host } from '../testbed/schema.ts';
import { Failure } from './failure.ts';
import { beatMs, type LeaseAnswer, leaseFailure, leaseLost, leaseScript, parseLeaseAnswer, releaseScript } from './lease.ts';
import type { LeaseOptions } from './options.ts';

/** Tokens of runs of this process that have not ended. */
const alive = new Set<string>();

/** Whoever runs this, on this computer, for this state folder. */
export function defaultLease(stateFolder: string): LeaseOptions {
  const folder = createHash('sha256').update(stateFolder).digest('hex').slice(0, 8);
  return { owner: `${userInfo().username}@${hostname()} (${folder})` };
}

type Execute = (host: Host, script: (mark: string) => string, options: ExecuteOptions) => Promise<ExecuteResult>;

export interface LeasesOptions {
  lease: LeaseOptions;
  run: string;
  execute: Execute;
  now: () => number;
  /** Told when a host was taken over from somebody. */
  onTaken(host: string, before: string): void;
}

/** How long one of two runs that began at the same moment waits for the other to let go. */
const contestMs = 15_000;

/** The leases of a run on its hosts. Close it. */
export class Leases {
  readonly token = `${Date.now().toString(36)}-${randomBytes(8).toString('hex')}`;
  readonly #options: LeasesOptions;
  readonly #held = new Map<string, Host>();
  readonly #refused = new Map<string, { host: Host; failure: Failure; young: boolean }>();
  readonly #lost = new Map<string, Failure>();
  readonly #restarts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<unknown> = Promise.resolve();

  constructor(options: LeasesOptions) {
    this.#options = options;
    alive.add(this.token);
  }

  /** To be run at the head of another script, whose marks then go to `hear`: taking a lease costs no round trip of its own. */
  script(mark: string, mode: 'take' | 'keep' = 'take'): string {
    const { lease, run } = this.#options;
    const takeOver = mode === 'take' && lease.takeOver === true;
    return leaseScript(mark, { token: this.token, owner: lease.owner, run, mode, takeOver, alive: [...alive] });
  }

  hear(host: Host, words: readonly string[]): LeaseAnswer | null {
    const answer = parseLeaseAnswer(words);
    if (answer === null) return null;
    this.#refused.delete(host.name);
    if (answer.state === 'taken' && answer.before !== null) this.#options.onTaken(host.name, answer.before);
    if (answer.state === 'taken' || answer.state === 'kept') this.#held.set(host.name, host);
    else if (answer.state === 'lost') return answer;
    else if (answer.state === 'held') {
      const failure = leaseFailure(host.name, answer.holder, this.#options.now());
      this.#refused.set(host.name, { host, failure, young: answer.holder.forS * 1000 < contestMs });
    } else {
      const cause = 'it cannot keep who is provisioning it (/run/mlsysops.lease)';
      const failure = new Failure({ code: 'lease', host: host.name, cause, remedy: 'Is /run writable there?' });
      this.#refused.set(host.name, { host, failure, young: false });
    }
    return answer;
  }

  /**
   * Settles who goes on when two runs have begun at the same moment and each holds some of the hosts: the one that holds the first (by
   * address) waits a while for the other, which gives up. @returns failures of hosts that another run has; then none is held any more
   */
  async settle(signal: AbortSignal): Promise<Failure[]> {
    const until = performance.now() + contestMs;
    const first = [...this.#held.values(), ...[...this.#refused.values()].map(({ host }) => host)].sort(byAddress)[0];
    const mayWait = () =>
      first !== undefined && this.#held.has(first.name) && [...this.#refused.values()].every((one) => one.young);
    while (this.#refused.size > 0 && mayWait() && !signal.aborted && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 200));
      await Promise.all([...this.#refused.values()].map(({ host }) => this.#ask(host, 'take')));
    }
    const failures = [...this.#refused.values()].map(({ failure }) => failure);
    if (failures.length > 0) await this.release();
    else this.#timer ??= setInterval(() => this.#beat(), beatMs).unref();
    return failures;
  }

  /** After a host was away. @throws Failure (lease) when another run has taken it over */
  async again(host: Host): Promise<void> {
    this.check(host);
    if (this.#held.has(host.name)) await this.#ask(host, 'keep');
    this.check(host);
  }

  /** How often a host has been restarted since its lease was taken: the lease had vanished with everything else in /run. */
  restarts(host: Host): number {
    return this.#restarts.get(host.name) ?? 0;
  }

  /** @throws Failure (lease) when another run has taken the host over */
  check(host: Host): void {
    const lost = this.#lost.get(host.name);
    if (lost) throw lost;
  }

  /** Gives all back, where the hosts can be reached; what cannot be given back is stale after a while. Not an error. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    const held = [...this.#held.values()];
    this.#held.clear();
    await Promise.allSettled(
      held.map((host) => this.#options.execute(host, () => releaseScript(this.token), { timeoutMs: 10_000, signal: undefined })),
    );
  }

  async close(): Promise<void> {
    await this.release();
    alive.delete(this.token);
  }

  #beat(): void {
    // A host that is away keeps its lease until it is stale; whoever waits for it asks again.
    this.#beating = Promise.allSettled([...this.#held.values()].map((host) => this.#ask(host, 'keep')));
  }

  async #ask(host: Host, mode: 'take' | 'keep'): Promise<LeaseAnswer | null> {
    let answer: LeaseAnswer | null = null;
    await this.#options.execute(host, (mark) => this.script(mark, mode), {
      timeoutMs: 30_000,
      onMark: (_stream, words) => {
        answer = this.hear(host, words) ?? answer;
      },
    });
    const said = answer as LeaseAnswer | null;
    if (mode === 'keep' && said?.state === 'taken') this.#restarts.set(host.name, this.restarts(host) + 1);
    if (mode === 'keep' && (said?.state === 'held' || said?.state === 'lost') && this.#held.delete(host.name)) {
      const failure = leaseLost(host.name, said.state === 'held' ? said.holder : undefined);
      this.#lost.set(host.name, failure);
      this.#refused.delete(host.name);
    }
    return said;
  }
}

const byAddress = (one: Host, other: Host): number => {
  const [a, b] = [one, other].map(({ address, port }) => `${address} ${port}`);
  return a! < b! ? -1 : 1;
};
