import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import ssh2, { type KeyboardAuthContext } from 'ssh2';

/**
 * Double of a host whose sshd asks for a password and a one-time code (as pam_oath or Google's module do, which are on no computer that only
 * tests): it speaks SSH, lets in who answers both, and runs nothing.
 */
export class OneTimeCodeHost {
  readonly #server: ssh2.Server;
  /** Public key in wire format. */
  readonly hostKey: Buffer;
  port = 0;
  /** Codes that it has taken: each is good once. */
  readonly used: string[] = [];

  constructor(password: string, codes: readonly string[], prompts = ['Password: ', 'Verification code: ']) {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'sec1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const parsed = ssh2.utils.parseKey(privateKey);
    if (parsed instanceof Error) throw parsed;
    this.hostKey = parsed.getPublicSSH();
    this.#server = new ssh2.Server({ hostKeys: [privateKey] }, (client) => {
      client.on('error', () => client.end());
      client.on('authentication', (context) => {
        if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive']);
        const asked = prompts.map((prompt) => ({ prompt, echo: false }));
        (context as KeyboardAuthContext).prompt(asked, 'Lab', 'Two\u001b[31m steps', (answers) => {
          const [given = '', code = ''] = answers;
          if (given !== password || !codes.includes(code) || this.used.includes(code))
            return context.reject(['keyboard-interactive']);
          this.used.push(code);
          context.accept();
        });
      });
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    this.#server.close();
    await Promise.resolve();
  }
}
