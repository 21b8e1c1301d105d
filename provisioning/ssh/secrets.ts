/** What a person or a keychain is asked for while connecting, or when a command wants to be root. */
export interface SecretRequest {
  /**
   * passphrase: of a key file; password: of the account; sudo: the one that sudo asks for; one-time-code: valid once, never kept;
   * keyboard-interactive: whatever else a host asks.
   */
  kind: 'password' | 'passphrase' | 'sudo' | 'one-time-code' | 'keyboard-interactive';
  /** Name of the host in the testbed. */
  host: string;
  /** Set when a jump host on the way to `host` asks: what it is called. */
  jumpHost?: string;
  user: string;
  /** One line to show to a person: the host's own words where it has some. */
  prompt: string;
  /** Whether what is typed may be seen. */
  echo: boolean;
  /** Key file that the passphrase opens. */
  file?: string;
  /** 1 at first; 2 and 3 when the former answer was wrong. */
  attempt: number;
}

/** Gives the secret, or null when there is none to give. The answer is kept in memory only, as long as the pool lives. */
export type AskSecret = (request: SecretRequest) => Promise<string | null>;

/** How often a person is asked for one secret before we give up. */
export const maximalAttempts = 3;

/**
 * Secrets of one run, in memory alone. Whoever needs one that is being asked for waits for that answer: nobody is asked twice at once, and
 * nobody again for what was right.
 */
export class SecretMemory {
  readonly #known = new Map<string, string>();
  readonly #refusals = new Map<string, number>();
  readonly #asking = new Map<string, Promise<string | null>>();

  get(key: string): string | null {
    return this.#known.get(key) ?? null;
  }

  /** All that is known. */
  values(): string[] {
    return [...this.#known.values()];
  }

  /** What is known, or what the person answers; null when nothing is given, or three answers were wrong. */
  async need(key: string, ask: (attempt: number) => Promise<string | null>): Promise<string | null> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
    const attempt = (this.#refusals.get(key) ?? 0) + 1;
    if (attempt > maximalAttempts) return null;
    const answer = ask(attempt).then((secret) => {
      if (secret !== null) this.#known.set(key, secret);
      return secret;
    });
    this.#asking.set(key, answer);
    try {
      return await answer;
    } finally {
      this.#asking.delete(key);
    }
  }

  /** It was wrong. Many may find out at once: it counts once. */
  refuse(key: string, secret: string): void {
    if (this.#known.get(key) !== secret) return;
    this.#known.delete(key);
    this.#refusals.set(key, (this.#refusals.get(key) ?? 0) + 1);
  }

  /** It was right, or the person may try again later. */
  settle(key: string): void {
    this.#refusals.delete(key);
  }
}
