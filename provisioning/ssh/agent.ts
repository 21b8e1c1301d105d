import ssh2, { type ParsedKey, type SigningRequestOptions } from 'ssh2';

type Identities = (error?: Error | null, keys?: ParsedKey[]) => void;
type Signed = (error?: Error | null, signature?: Buffer) => void;

/**
 * Speaks for one key alone, in the way in which ssh2 asks agents: the host is shown the public key first, and `sign` is called only when it
 * would take that key. So nobody is asked for the passphrase of a key that does not matter, and of an agent with many keys each is one
 * attempt, which ends with what the host answered.
 */
export class OneKeyAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #publicKey: ParsedKey;
  readonly #sign: (data: Buffer, hash: string | undefined) => Promise<Buffer>;
  constructor(publicKey: ParsedKey, sign: (data: Buffer, hash: string | undefined) => Promise<Buffer>) {
    super();
    this.#publicKey = publicKey;
    this.#sign = sign;
  }

  getIdentities(answer: Identities): void {
    answer(null, [this.#publicKey]);
  }

  override sign(_key: ParsedKey, data: Buffer, options: SigningRequestOptions | Signed, answer?: Signed): void {
    const done = typeof options === 'function' ? options : answer;
    const hash = typeof options === 'function' ? undefined : options.hash;
    this.#sign(data, hash).then(
      (signature) => done?.(null, signature),
      (error: unknown) => done?.(error instanceof Error ? error : new Error(String(error))),
    );
  }
}

/** Each key that the agent at a socket has, as an agent of its own. An agent that does not answer has none: `trouble` says why. */
export async function agentKeys(
  socket: string,
): Promise<{ keys: { blob: Buffer; agent: OneKeyAgent }[]; trouble: string | null }> {
  const agent = new ssh2.OpenSSHAgent(socket);
  return new Promise((resolve) => {
    // An agent that hangs must not hang us; nobody is asked anything by listing keys.
    const timer = setTimeout(() => resolve({ keys: [], trouble: `the agent at ${socket} does not answer` }), 5000);
    agent.getIdentities((error, keys) => {
      clearTimeout(timer);
      if (error || !keys)
        return resolve({ keys: [], trouble: `the agent at ${socket} cannot be asked (${error?.message ?? 'no answer'})` });
      resolve({
        // The types allow for more than an agent's answer is parsed to.
        keys: keys.filter(isKey).map((key) => ({
          blob: key.getPublicSSH(),
          agent: new OneKeyAgent(key, (data, hash) => signBy(agent, key, data, hash)),
        })),
        trouble: null,
      });
    });
  });
}

const isKey = (key: unknown): key is ParsedKey => key !== null && typeof key === 'object' && 'getPublicSSH' in key;

function signBy(agent: ssh2.OpenSSHAgent, key: ParsedKey, data: Buffer, hash: string | undefined): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done: Signed = (error, signature) =>
      signature ? resolve(signature) : reject(error ?? new Error('the agent did not sign'));
    agent.sign(key, data, hash === 'sha256' || hash === 'sha512' ? { hash } : {}, done);
  });
}
