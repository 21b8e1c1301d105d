import type { ClientChannel } from 'ssh2';
import { Lines } from './lines.ts';

/** Who listens to a shell while it runs a script. */
export interface ShellListener {
  onLine(stream: 'stdout' | 'stderr', line: string): void;
  /** Bytes before they are lines: who asks for a password does not end its line. */
  onStderr?(chunk: Buffer): void;
  /** The shell has ended; both null when the connection has gone with it. */
  onClose(code: number | null, signal: string | null): void;
}

/** A root shell on a host that is given one script after the other: to open a session, log in and become root costs more than most scripts. */
export class ScriptShell {
  readonly channel: ClientChannel;
  /** It has ended, or will when its script has. */
  ended = false;
  #listener: ShellListener | null = null;

  constructor(channel: ClientChannel) {
    this.channel = channel;
    const stdout = new Lines((line) => this.#listener?.onLine('stdout', line));
    const stderr = new Lines((line) => this.#listener?.onLine('stderr', line));
    let ending: { code: number | null; signal: string | null } = { code: null, signal: null };
    channel.on('data', (chunk: Buffer) => stdout.push(chunk));
    channel.stderr.on('data', (chunk: Buffer) => {
      this.#listener?.onStderr?.(chunk);
      stderr.push(chunk);
    });
    channel.on('exit', (code: number | null, signal?: string) => {
      ending = { code, signal: signal ?? null };
    });
    // A host that ends the session early makes our write fail; the close below says why.
    channel.on('error', () => {});
    channel.once('close', (code?: number | null, signal?: string) => {
      this.ended = true;
      stdout.end();
      stderr.end();
      // A command that ends at once may have said so before anybody could listen for it; closing says it again.
      this.#listener?.onClose(ending.code ?? code ?? null, ending.signal ?? signal ?? null);
    });
  }

  /** One at a time; null: what comes between two scripts is nobody's. */
  listen(listener: ShellListener | null): void {
    this.#listener = listener;
  }

  /** Lets it end once its script has; resolves when its session is over. */
  end(): Promise<void> {
    this.ended = true;
    return new Promise((resolve) => {
      this.channel.once('close', () => resolve());
      this.channel.end();
    });
  }
}
