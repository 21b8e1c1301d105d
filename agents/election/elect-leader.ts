import type { Clock } from '../clock.ts';
import type { Log } from '../config.ts';
import { type Lease, type LeaseStore, type LeaseTiming, type StoredLease, usualTiming } from './lease.ts';

/** What a holder that gives the lease back leaves as its duration, as client-go does: nobody has to wait for it. */
const releasedMs = 1000;

export interface ElectionOptions {
  store: LeaseStore;
  /** This candidate, unlike any other. The same after a restart where the former process is surely gone: it need not wait for its own lease to run out. */
  identity: string;
  clock: Clock;
  log: Log;
  /** Called at once when this candidate has become the leader. */
  onStarted: () => void;
  /** Called at once when it is the leader no longer; what it still does then, somebody else may be doing too. */
  onStopped: () => void;
  /** Called when another (or this one) is seen to lead; empty for nobody. */
  onLeader?: (identity: string) => void;
  timing?: LeaseTiming;
  /** Before the first attempt: lets another go first. */
  delayMs?: number;
  /** Spreads the attempts of candidates that started together, 0 ≤ x < 1. */
  random?: () => number;
}

export interface Election {
  /** Whether this candidate leads at this moment of its own clock. Asked before each act, it holds for a process that was frozen too. */
  leading(): boolean;
  /** Who leads, as far as is known; empty for nobody. */
  leader(): string;
  /** Stops being a candidate. A leader ends (`onStopped`), then gives the lease back so that the next need not wait for it. */
  close(): Promise<void>;
}

/**
 * Runs for leader until closed: the algorithm of client-go's tools/leaderelection. Others' times are never compared with the own clock: a lease
 * has run out when it was seen unchanged for its duration. Unlike there, a renewal counts from when it was sent, not from when its answer
 * came, so that a slow answer cannot make two leaders.
 */
export function electLeader(options: ElectionOptions): Election {
  const candidate = new Candidate(options);
  candidate.begin();
  return {
    leading: () => candidate.leading(),
    leader: () => candidate.leader(),
    close: () => candidate.close(),
  };
}

class Candidate {
  readonly #options: ElectionOptions;
  readonly #timing: LeaseTiming;
  #observed: StoredLease | undefined;
  /** Own clock, when the lease was first seen as it is. */
  #observedAt = 0;
  /** Own clock; undefined while not leading. */
  #leadsUntil: number | undefined;
  #deadline: { close(): void } | undefined;
  #next: { close(): void } | undefined;
  #attempting: Promise<void> | undefined;
  #complaint = '';
  #closed = false;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#timing = options.timing ?? usualTiming;
    const { durationMs, renewDeadlineMs, retryMs } = this.#timing;
    if (!(durationMs > renewDeadlineMs && renewDeadlineMs > retryMs && retryMs > 0 && durationMs % 1000 === 0))
      throw new Error('an election wants whole seconds of duration, and duration > renew deadline > retry > 0');
  }

  begin(): void {
    const { clock, delayMs = 0 } = this.#options;
    const first = (): void => {
      this.#attempting = this.#attempt();
    };
    if (delayMs === 0) first();
    else this.#next = clock.after(delayMs, first);
  }

  leading(): boolean {
    return this.#leadsUntil !== undefined && this.#options.clock.now() < this.#leadsUntil;
  }

  leader(): string {
    return this.#observed?.holder ?? '';
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#next?.close();
    await this.#attempting;
    const held = this.leading() ? this.#observed : undefined;
    this.#stopLeading();
    if (!held) return;
    const { clock, log, identity, store } = this.#options;
    try {
      const now = clock.now();
      await this.#timely(
        store.update({ ...held, holder: '', durationMs: releasedMs, acquiredAt: now, renewedAt: now }, held.version),
      );
    } catch (error) {
      log('warn', `${identity} could not give the lease back; it will run out`, { error: text(error) });
    }
  }

  async #attempt(): Promise<void> {
    const { clock, log, random } = this.#options;
    try {
      await this.#acquireOrRenew();
      this.#complaint = '';
    } catch (error) {
      const complaint = text(error);
      if (complaint !== this.#complaint)
        log('warn', 'the lease of the leader cannot be reached; trying again', { error: complaint });
      this.#complaint = complaint;
    }
    this.#check();
    if (this.#closed) return;
    const { retryMs } = this.#timing;
    const spreadMs = this.#leadsUntil === undefined ? (random?.() ?? 0) * 0.2 * retryMs : 0;
    this.#next = clock.after(retryMs + spreadMs, () => {
      this.#attempting = this.#attempt();
    });
  }

  async #acquireOrRenew(): Promise<void> {
    const { clock, identity, store } = this.#options;
    if (this.#observed?.holder === identity && this.leading()) {
      const sentAt = clock.now();
      const renewed = await this.#timely(store.update(this.#claim(this.#observed, sentAt), this.#observed.version));
      if (renewed) return this.#hold(renewed, sentAt);
    }
    const found = await this.#timely(store.get());
    if (!found) {
      const sentAt = clock.now();
      const created = await this.#timely(store.create(this.#claim(undefined, sentAt)));
      if (created) this.#hold(created, sentAt);
      return;
    }
    this.#observe(found);
    const isOthers = found.holder !== identity && found.holder !== '';
    if (isOthers) this.#stopLeading();
    if (this.#closed || (isOthers && clock.now() < this.#observedAt + found.durationMs)) return;
    const sentAt = clock.now();
    const taken = await this.#timely(store.update(this.#claim(found, sentAt), found.version));
    if (taken) this.#hold(taken, sentAt);
  }

  /** What to write so that this candidate holds the lease from `now` on. */
  #claim(before: Lease | undefined, now: number): Lease {
    const { identity } = this.#options;
    const isOwn = before?.holder === identity;
    return {
      holder: identity,
      durationMs: this.#timing.durationMs,
      acquiredAt: isOwn ? before.acquiredAt : now,
      renewedAt: now,
      transitions: before ? before.transitions + (isOwn ? 0 : 1) : 0,
    };
  }

  #observe(found: StoredLease): void {
    if (this.#observed?.version === found.version) return;
    const before = this.leader();
    this.#observed = found;
    this.#observedAt = this.#options.clock.now();
    if (found.holder !== before) this.#options.onLeader?.(found.holder);
  }

  #hold(lease: StoredLease, sentAt: number): void {
    const { clock, onStarted } = this.#options;
    this.#observe(lease);
    const until = sentAt + this.#timing.renewDeadlineMs;
    // An answer that came too late: others may already count the lease as run out.
    if (this.#leadsUntil === undefined && (clock.now() >= until || this.#closed)) return;
    const isNew = this.#leadsUntil === undefined;
    this.#leadsUntil = until;
    this.#deadline?.close();
    this.#deadline = clock.after(until - clock.now(), () => this.#check());
    if (isNew) onStarted();
  }

  /** A leader that could not renew in time is none. */
  #check(): void {
    if (this.#leadsUntil !== undefined && !this.leading()) this.#stopLeading();
  }

  #stopLeading(): void {
    if (this.#leadsUntil === undefined) return;
    this.#leadsUntil = undefined;
    this.#deadline?.close();
    this.#options.onStopped();
  }

  /** A request without an answer must not keep the next attempt waiting. */
  #timely<T>(request: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(this.#timing.retryMs, () =>
        reject(new Error(`no answer within ${this.#timing.retryMs} ms`)),
      );
      request.then(resolve, reject).finally(() => timer.close());
    });
  }
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
