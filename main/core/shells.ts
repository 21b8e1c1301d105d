import { homedir } from 'node:os';
import { StringDecoder } from 'node:string_decoder';
import { spawn } from 'node-pty';
import type { SshPool } from '../../provisioning/ssh/pool.ts';
import type { Host } from '../../provisioning/testbed/schema.ts';

/** A shell somewhere, in a terminal of its own. */
export interface Shell {
  onData(listener: (text: string) => void): void;
  /** Both null: the connection to the host was lost. */
  onExit(listener: (code: number | null, signal: string | null) => void): void;
  write(data: string): void;
  resize(size: { columns: number; rows: number }): void;
  pause(): void;
  resume(): void;
  close(): void;
}
export interface ShellSize {
  columns: number;
  rows: number;
}

export const localProgram = (env: NodeJS.ProcessEnv): string =>
  env.SHELL ?? (process.platform === 'win32' ? 'powershell.exe' : '/bin/sh');

/** A shell of this computer's user. */
export function localShell(
  size: ShellSize,
  env: NodeJS.ProcessEnv,
  extra: Record<string, string> = {},
  args: string[] = [],
): Shell {
  const pty = spawn(localProgram(env), args, {
    name: 'xterm-256color',
    cols: size.columns,
    rows: size.rows,
    cwd: homedir(),
    // So that mlsysops-cli in it speaks with this very core.
    env: { ...shellEnvironment(env), ...extra },
  });
  let ended = false;
  pty.onExit(() => {
    ended = true;
  });
  return {
    onData: (listener) => void pty.onData(listener),
    onExit: (listener) =>
      void pty.onExit(({ exitCode, signal }) => listener(signal ? null : exitCode, signal ? String(signal) : null)),
    write: (data) => {
      if (!ended) pty.write(data);
    },
    resize: ({ columns, rows }) => {
      if (!ended) pty.resize(columns, rows);
    },
    pause: () => pty.pause(),
    resume: () => pty.resume(),
    close: () => {
      if (!ended) pty.kill();
    },
  };
}

/** The user's own environment, without what makes the core what it is. */
const shellEnvironment = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ ...env, COLORTERM: 'truecolor' }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !/^(ELECTRON_|MLSYSOPS_)/.test(entry[0]),
    ),
  );

/** A shell on a host; `release` is called once, when it has ended or could not be opened. @throws Failure when the host can't be reached */
export async function hostShell(pool: SshPool, host: Host, size: ShellSize, release: () => void): Promise<Shell> {
  const shell = await pool.shell(host, size).catch((error: unknown) => {
    release();
    throw error;
  });
  const decoder = new StringDecoder('utf8');
  return {
    ...shell,
    // A character may be split between two packets.
    onData: (listener) =>
      shell.onData((bytes) => {
        const text = decoder.write(bytes);
        if (text !== '') listener(text);
      }),
    close: () => {
      shell.close();
      release();
    },
  };
}
