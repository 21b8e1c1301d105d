import { randomUUID } from 'node:crypto';
import type { AskSecret, SecretRequest } from '../../provisioning/ssh/secrets.ts';
import type { SecretEvent, SecretQuestion } from '../contract/secrets.ts';
import { Mailbox } from './mailbox.ts';
import type { Vault } from './vault.ts';

interface Question {
  testbed: string;
  request: SecretQuestion;
  /** What the answer is kept as, where it may be kept at all. */
  what: string | null;
  /** What would guard it. */
  keptBy: Extract<SecretEvent, { type: 'ask' }>['keptBy'];
  answer(secret: string | null): void;
}

/** What an answer is of; null for what is valid once, or is whatever a host asks. */
function whatOf({ kind, host, jumpHost, user, file }: SecretRequest): string | null {
  if (kind === 'passphrase') return JSON.stringify([kind, file ?? '']);
  if (kind === 'password' || kind === 'sudo') return JSON.stringify([kind, jumpHost ?? host, user]);
  return null;
}

const vaultAttempts = 3;
/** Guessing costs a third of a second each time; below this it would still be feasible. */
const shortestPassphrase = 8;

/**
 * The one port of secrets: carries what SSH asks for to whoever watches the testbed, and the answer back. Writes none down but those that the person
 * wants kept, into the vault; those are given without asking, until a host finds them wrong. Where no keychain guards the vault, a passphrase does, which
 * is asked for here like everything else, once as long as the core lives.
 */
export class Secrets {
  readonly #open = new Map<string, Question>();
  readonly #watchers = new Map<string, Set<Mailbox<SecretEvent>>>();
  readonly #vault: Vault;
  readonly #log: (text: string) => void;
  #unlocking: Promise<boolean> | null = null;
  /** The person does without what is kept: hosts ask each time. */
  #declined = false;

  constructor(vault: Vault, log: (text: string) => void) {
    this.#vault = vault;
    this.#log = log;
  }

  /** For the hosts of one testbed. null at once while nobody watches and nothing is kept, and when the last who does goes away. */
  askFor(testbed: string): AskSecret {
    return async (request) => {
      const what = whatOf(request);
      if (what !== null && request.attempt === 1) {
        if (this.#vault.locked && !this.#declined && this.#watchers.has(testbed) && (await this.#vault.guard()) === 'passphrase')
          await this.#unlock(testbed);
        const kept = this.#vault.get(testbed, what);
        if (kept !== null) return kept;
      }
      // The one before was wrong.
      if (what !== null && request.attempt > 1) await this.#keeping(this.#vault.remove(testbed, what));
      return this.#ask(testbed, request, what);
    };
  }

  /** An answer that comes second is nobody's. */
  answer(id: string, secret: string | null, keep = false): void {
    const question = this.#open.get(id);
    if (question?.request.kind === 'vault' && secret === null) this.#declined = true;
    if (question?.what && keep && secret !== null) void this.#keeping(this.#keep(question.testbed, question.what, secret));
    this.#settle(id, secret);
  }

  /** Nobody needs the answers any more, e.g. since the run was cancelled. */
  giveUp(testbed: string): void {
    for (const [id, question] of this.#open) if (question.testbed === testbed) this.#settle(id, null);
  }

  /** What is kept is let go of, since nobody has its passphrase any more: the next one that is kept may have another. */
  async reset(): Promise<void> {
    await this.#vault.reset();
    this.#declined = false;
    for (const [id, { request }] of this.#open) if (request.kind === 'vault') this.#settle(id, null);
  }

  /** What is open, then what is asked, until the signal aborts. */
  async watch(testbed: string, emit: (event: SecretEvent) => Promise<void>, signal: AbortSignal): Promise<void> {
    const mailbox = new Mailbox<SecretEvent>();
    const watchers = this.#watchers.get(testbed) ?? new Set();
    this.#watchers.set(testbed, watchers.add(mailbox));
    for (const [id, question] of this.#open) if (question.testbed === testbed) mailbox.push(asked(id, question));
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

  async #ask(testbed: string, request: SecretQuestion, what: string | null): Promise<string | null> {
    const keptBy = what === null ? null : await this.#keptBy();
    if (!this.#watchers.has(testbed)) return null;
    const id = randomUUID();
    return new Promise((resolve) => {
      const question: Question = { testbed, request, what, keptBy, answer: resolve };
      this.#open.set(id, question);
      this.#tell(testbed, asked(id, question));
    });
  }

  #settle(id: string, secret: string | null): void {
    const question = this.#open.get(id);
    if (!question) return;
    this.#open.delete(id);
    this.#tell(question.testbed, { type: 'settled', id });
    question.answer(secret);
  }

  async #keptBy(): Promise<Question['keptBy']> {
    const guard = await this.#vault.guard();
    if (!this.#vault.locked) return guard === 'none' ? null : guard;
    // What a keychain guards that is not there now stays locked.
    return guard === 'keychain' ? null : 'passphrase';
  }

  async #keep(testbed: string, what: string, secret: string): Promise<void> {
    if (!this.#vault.locked || (await this.#unlock(testbed))) await this.#vault.put(testbed, what, secret);
  }

  /** Hosts that need it at once ask for it once. */
  #unlock(testbed: string): Promise<boolean> {
    this.#unlocking ??= this.#askToUnlock(testbed).finally(() => {
      this.#unlocking = null;
    });
    return this.#unlocking;
  }

  async #askToUnlock(testbed: string): Promise<boolean> {
    let wrong = '';
    for (let attempt = 1; attempt <= vaultAttempts && this.#vault.locked; attempt++) {
      const guard = await this.#vault.guard();
      if (guard === 'keychain') return false;
      const prompt =
        guard === 'passphrase' ? 'Passphrase of the kept passwords:' : 'A passphrase for kept passwords, of your choice:';
      const kind = guard === 'passphrase' ? ('vault' as const) : ('vault-new' as const);
      const given = await this.#ask(testbed, vaultQuestion(kind, `${wrong}${prompt}`, attempt), null);
      if (given === null) return !this.#vault.locked;
      if (kind === 'vault-new') {
        wrong = [...given].length < shortestPassphrase ? `It needs at least ${shortestPassphrase} characters. ` : '';
        if (wrong !== '') continue;
        const again = await this.#ask(testbed, vaultQuestion(kind, 'The same passphrase once more:', attempt), null);
        if (again === null) return false;
        wrong = again === given ? '' : 'The two were not the same. ';
        if (wrong !== '') continue;
      }
      if (await this.#vault.unlockWith(given)) return true;
      wrong = 'That was not it. ';
    }
    return !this.#vault.locked;
  }

  /** A password that could not be kept is asked for again: that ends no run. */
  async #keeping(work: Promise<void>): Promise<void> {
    await work.catch((error: Error) => this.#log(`a password could not be kept or forgotten: ${error.message}`));
  }

  #tell(testbed: string, event: SecretEvent): void {
    for (const mailbox of this.#watchers.get(testbed) ?? []) mailbox.push(event);
  }
}

const asked = (id: string, { request, keptBy }: Question): SecretEvent => ({ type: 'ask', id, request, keptBy });

const vaultQuestion = (kind: 'vault' | 'vault-new', prompt: string, attempt: number): SecretQuestion => ({
  ...{ kind, host: '', user: '', prompt, echo: false, attempt },
});
