import { randomUUID } from 'node:crypto';
import type { AskSecret, SecretRequest } from '../../provisioning/ssh/secrets.ts';
import type { SecretEvent } from '../contract/secrets.ts';
import { Mailbox } from './mailbox.ts';
import type { Vault } from './vault.ts';

interface Question {
  testbed: string;
  request: SecretRequest;
  /** What the answer is kept as, where it may be kept at all. */
  what: string | null;
  answer(secret: string | null): void;
}

/** What an answer is of; null for what is valid once, or is whatever a host asks. */
function whatOf({ kind, host, jumpHost, user, file }: SecretRequest): string | null {
  if (kind === 'passphrase') return JSON.stringify([kind, file ?? '']);
  if (kind === 'password' || kind === 'sudo') return JSON.stringify([kind, jumpHost ?? host, user]);
  return null;
}

/**
 * The one port of secrets: carries what SSH asks for to whoever watches the testbed, and the answer back. Writes none down but those that the person
 * wants kept, into the vault; those are given without asking, until a host finds them wrong.
 */
export class Secrets {
  readonly #open = new Map<string, Question>();
  readonly #watchers = new Map<string, Set<Mailbox<SecretEvent>>>();
  readonly #vault: Vault;
  readonly #log: (text: string) => void;

  constructor(vault: Vault, log: (text: string) => void) {
    this.#vault = vault;
    this.#log = log;
  }

  /** For the hosts of one testbed. null at once while nobody watches and nothing is kept, and when the last who does goes away. */
  askFor(testbed: string): AskSecret {
    return async (request) => {
      const what = whatOf(request);
      if (what !== null && request.attempt === 1) {
        const kept = this.#vault.get(testbed, what);
        if (kept !== null) return kept;
      }
      // The one before was wrong.
      if (what !== null && request.attempt > 1) await this.#keeping(this.#vault.remove(testbed, what));
      if (!this.#watchers.has(testbed)) return null;
      const id = randomUUID();
      return new Promise((resolve) => {
        const question: Question = { testbed, request, what, answer: resolve };
        this.#open.set(id, question);
        this.#tell(testbed, this.#asked(id, question));
      });
    };
  }

  /** An answer that comes second is nobody's. */
  answer(id: string, secret: string | null, keep = false): void {
    const question = this.#open.get(id);
    if (!question) return;
    const { testbed, what } = question;
    this.#open.delete(id);
    this.#tell(testbed, { type: 'settled', id });
    if (keep && secret !== null && what !== null && !this.#vault.locked)
      void this.#keeping(this.#vault.put(testbed, what, secret));
    question.answer(secret);
  }

  /** Nobody needs the answers any more, e.g. since the run was cancelled. */
  giveUp(testbed: string): void {
    for (const [id, question] of this.#open) if (question.testbed === testbed) this.answer(id, null);
  }

  /** What is open, then what is asked, until the signal aborts. */
  async watch(testbed: string, emit: (event: SecretEvent) => Promise<void>, signal: AbortSignal): Promise<void> {
    const mailbox = new Mailbox<SecretEvent>();
    const watchers = this.#watchers.get(testbed) ?? new Set();
    this.#watchers.set(testbed, watchers.add(mailbox));
    for (const [id, question] of this.#open) if (question.testbed === testbed) mailbox.push(this.#asked(id, question));
    try {
      for (let events = await mailbox.take(signal); events; events = await mailbox.take(signal))
        for (const event of events) await emit(event);
    } finally {
      watchers.delete(mailbox);
      if (watchers.size === 0) {
        this.#watchers.delete(testbed);
        this.giveUp(testbed);
      }
    }
  }

  close(): void {
    for (const { testbed } of [...this.#open.values()]) this.giveUp(testbed);
  }

  #asked(id: string, { request, what }: Question): SecretEvent {
    return { type: 'ask', id, request, canKeep: what !== null && !this.#vault.locked };
  }

  /** A password that could not be kept is asked for again: that ends no run. */
  async #keeping(work: Promise<void>): Promise<void> {
    await work.catch((error: Error) => this.#log(`a password could not be kept or forgotten: ${error.message}`));
  }

  #tell(testbed: string, event: SecretEvent): void {
    for (const mailbox of this.#watchers.get(testbed) ?? []) mailbox.push(event);
  }
}
