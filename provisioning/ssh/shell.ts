import type { ClientChannel } from 'ssh2';
import { Failure } from '../run/failure.ts';
import type { SshConnection } from './connection.ts';

export interface ShellSize {
  columns: number;
  rows: number;
}

/** An interactive login shell on a host, in a terminal of its own. */
export interface RemoteShell {
  /** Bytes as the terminal gives them. One listener. */
  onData(listener: (data: Buffer) => void): void;
  /** Called once. `code` is null when a signal or a lost connection ended it. */
  onExit(listener: (code: number | null, signal: string | null) => void): void;
  write(data: string | Uint8Array): void;
  resize(size: ShellSize): void;
  /** Stops reading: the SSH window fills, and the program on the host waits. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** @throws Failure (unreachable) when the host opens no more sessions */
export function openShell(connection: SshConnection, size: ShellSize, term = 'xterm-256color'): Promise<RemoteShell> {
  return new Promise((resolve, reject) => {
    const window = { term, cols: size.columns, rows: size.rows, width: 0, height: 0 };
    const refuse = (error?: Error) =>
      reject(
        new Failure(
          {
            code: 'unreachable',
            host: connection.host.name,
            cause: `no shell could be opened: ${error?.message ?? 'connection closed'}`,
          },
          { cause: error },
        ),
      );
    if (connection.closed) return refuse();
    connection.client.shell(window, (error, channel) => (error ? refuse(error) : resolve(asShell(channel))));
  });
}

function asShell(channel: ClientChannel): RemoteShell {
  let exit: { code: number | null; signal: string | null } = { code: null, signal: null };
  let closed = false;
  channel.on('exit', (code: number | null, signal?: string) => {
    exit = { code, signal: signal ?? null };
  });
  channel.on('error', () => {});
  channel.once('close', () => {
    closed = true;
  });
  channel.pause();
  return {
    onData(listener) {
      channel.on('data', listener);
      channel.stderr.on('data', listener);
      channel.resume();
    },
    onExit(listener) {
      if (closed) listener(exit.code, exit.signal);
      else channel.once('close', () => listener(exit.code, exit.signal));
    },
    write(data) {
      if (!closed) channel.write(data);
    },
    resize({ columns, rows }) {
      if (!closed) channel.setWindow(rows, columns, 0, 0);
    },
    pause: () => void channel.pause(),
    resume: () => void channel.resume(),
    close: () => channel.close(),
  };
}
