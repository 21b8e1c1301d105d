import { homedir } from 'node:os';
import { StringDecoder } from 'node:string_decoder';
import { spawn } from 'node-pty';
import type { SshPool } from '../../provisioning/ssh/pool.ts';
import type { Host } from '../../provisioning/testbed/schema.ts';
import { ContractError, type EventOf, type ParsedInputOf } from '../contract/contract.ts';
import { Mailbox } from './mailbox.ts';

/** A shell somewhere, in a terminal of its own. */
export interface Shell {
  onData(listener: (text: string) => void): void;
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

/** Characters an event carries at most: under a flood a Ctrl-C has no more than a few of these before it. */
const eventCharacters = 16 * 1024;
/** Unsent characters at which the shell's output is left where it is, so that the program waits. */
const highWater = 32 * 1024;

/** Writes that wait for a shell to open: what a person types meanwhile, and no more. */
const maximumWaiting = 1000;

type Open = ParsedInputOf<'terminals.open'>;
type TerminalEvent = EventOf<'terminals.open'>;

/** Terminals, each belonging to the stream that opened it: it ends with the stream. */
export class Terminals {
  readonly #openShell: (input: Open) => Promise<Shell>;
  /** While a shell is being opened, what is typed for it waits. */
  readonly #shells = new Map<string, Shell | ((shell: Shell) => void)[]>();

  constructor(openShell: (input: Open) => Promise<Shell>) {
    this.#openShell = openShell;
  }

  /** Streams output until the shell or the stream ends. @throws ContractError terminal-exists; Failure when the host can't be reached */
  async open(input: Open, emit: (event: TerminalEvent) => Promise<void>, signal: AbortSignal): Promise<void> {
    if (this.#shells.has(input.terminal))
      throw new ContractError('terminal-exists', `There is a terminal "${input.terminal}" already.`);
    const waiting: ((shell: Shell) => void)[] = [];
    this.#shells.set(input.terminal, waiting);
    try {
      const shell = await this.#openShell(input);
      this.#shells.set(input.terminal, shell);
      for (const act of waiting) act(shell);
      // Whoever opened it knows now that nothing more will be asked for it.
      await emit({ type: 'output', data: '' });
      try {
        if (!signal.aborted) await stream(shell, emit, signal);
      } finally {
        shell.close();
      }
    } finally {
      this.#shells.delete(input.terminal);
    }
  }

  /** @throws ContractError no-such-terminal */
  write(terminal: string, data: string): void {
    this.#act(terminal, (shell) => shell.write(data));
  }

  /** @throws ContractError no-such-terminal */
  resize(terminal: string, size: ShellSize): void {
    this.#act(terminal, (shell) => shell.resize(size));
  }

  close(): void {
    for (const shell of this.#shells.values()) if (!Array.isArray(shell)) shell.close();
  }

  #act(terminal: string, act: (shell: Shell) => void): void {
    const shell = this.#shells.get(terminal);
    if (shell === undefined) throw new ContractError('no-such-terminal', `There is no terminal "${terminal}", or it has ended.`);
    if (!Array.isArray(shell)) {
      act(shell);
      return;
    }
    if (shell.length >= maximumWaiting)
      throw new ContractError('no-such-terminal', `The terminal "${terminal}" is still being opened.`);
    shell.push(act);
  }
}

async function stream(shell: Shell, emit: (event: TerminalEvent) => Promise<void>, signal: AbortSignal): Promise<void> {
  const mailbox = new Mailbox<string>();
  let waiting = 0;
  let paused = false;
  let exit: { code: number | null; signal: string | null } | null = null;
  shell.onData((text) => {
    mailbox.push(text);
    waiting += text.length;
    if (waiting < highWater || paused) return;
    paused = true;
    shell.pause();
  });
  shell.onExit((code, signalName) => {
    exit ??= { code, signal: signalName };
    mailbox.end();
  });
  for (let parts = await mailbox.take(signal); parts; parts = await mailbox.take(signal)) {
    const text = parts.join('');
    for (const data of cut(text)) {
      // A receiver that has gone takes nothing more.
      if (signal.aborted) return;
      await emit({ type: 'output', data });
    }
    waiting -= text.length;
    if (paused && waiting < highWater) {
      paused = false;
      shell.resume();
    }
  }
  if (exit && !signal.aborted) await emit({ type: 'exit', ...(exit as { code: number | null; signal: string | null }) });
}

/** Pieces of an event's size; a surrogate pair stays together. */
export function* cut(text: string, size = eventCharacters): Generator<string> {
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + size, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end++;
    yield text.slice(at, end);
    at = end;
  }
}

/** A shell of this computer's user. */
export function localShell(size: ShellSize, env: NodeJS.ProcessEnv, extra: Record<string, string> = {}): Shell {
  const program = env.SHELL ?? (process.platform === 'win32' ? 'powershell.exe' : '/bin/sh');
  const pty = spawn(program, [], {
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
