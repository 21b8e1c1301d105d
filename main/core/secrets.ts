import { randomUUID } from 'node:crypto';
import type { AskSecret, SecretRequest } from '../../provisioning/ssh/secrets.ts';
import type { SecretEvent } from '../contract/secrets.ts';
import { Mailbox } from './mailbox.ts';

interface Question {
  testbed: string;
  request: SecretRequest;
  answer(secret: string | null): void;
}

/** Carries what SSH asks for to whoever watches the testbed, and the answer back. Keeps no answer, writes none down. */
export class Secrets {
  readonly #open = new Map<string, Question>();
  readonly #watchers = new Map<string, Set<Mailbox<SecretEvent>>>();

  /** For the hosts of one testbed. null at once while nobody watches, and when the last who does goes away. */
  askFor(testbed: string): AskSecret {
    return (request) => {
      if (!this.#watchers.has(testbed)) return Promise.resolve(null);
      const id = randomUUID();
      return new Promise((resolve) => {
        this.#open.set(id, { testbed, request, answer: resolve });
        this.#tell(testbed, { type: 'ask', id, request });
      });
    };
  }

  /** An answer that comes second is nobody's. */
  answer(id: string, secret: string | null): void {
    const question = this.#open.get(id);
    if (!question) return;
    this.#open.delete(id);
    this.#tell(question.testbed, { type: 'settled', id });
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
    for (const [id, question] of this.#open)
      if (question.testbed === testbed) mailbox.push({ type: 'ask', id, request: question.request });
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

  #tell(testbed: string, event: SecretEvent): void {
    for (const mailbox of this.#watchers.get(testbed) ?? []) mailbox.push(event);
  }
}
