import { ContractError, type EventOf, type ParsedInputOf } from '../contract/contract.ts';
import { channelLost } from '../transport/serve-channel.ts';
import { Mailbox } from './mailbox.ts';
import type { Shell, ShellSize } from './shells.ts';

/** Characters an event carries at most: few enough events for a flood, and small enough for a Ctrl-C to have no more than some of them before it. */
const eventCharacters = 64 * 1024;
/** Unsent characters at which the shell's output is left where it is, so that the program waits. */
const highWater = eventCharacters;
/** While much comes without a pause, it is gathered for so long, ms: a terminal gives 4 KiB at a time. An echo, or what comes after silence, goes at once. */
const gatherMs = 3;
const muchCharacters = 2048;

/** Writes that wait for a shell to open: what a person types meanwhile, and no more. */
const maximumWaiting = 1000;
/** A shell whose window has lost its connection is kept for so long: reconnecting takes seconds, a computer that wakes a little longer. */
const keptMs = 60_000;
/** Characters of what was sent last that are kept for a window that is loaded anew: some screens full. */
const recentCharacters = 64 * 1024;

type Open = ParsedInputOf<'terminals.open'>;
type TerminalEvent = EventOf<'terminals.open'>;
type Emit = (event: TerminalEvent) => Promise<void>;

/** While a shell is being opened, what is typed for it waits. */
type Waiting = ((shell: Shell) => void)[];

/** Terminals, each belonging to the stream that opened it: it ends with the stream, or, where its connection was lost, a while later. */
export class Terminals {
  readonly #openShell: (input: Open) => Promise<Shell>;
  readonly #keptMs: number;
  readonly #terminals = new Map<string, Terminal | Waiting>();

  constructor(openShell: (input: Open) => Promise<Shell>, keptFor = keptMs) {
    this.#openShell = openShell;
    this.#keptMs = keptFor;
  }

  /** Streams output until the shell or the stream ends. @throws ContractError terminal-exists; Failure when the host can't be reached */
  async open(input: Open, emit: Emit, signal: AbortSignal): Promise<void> {
    const { terminal: name } = input;
    const known = this.#terminals.get(name);
    if (Array.isArray(known) || known?.attached)
      throw new ContractError('terminal-exists', `There is a terminal "${name}" already.`);
    const terminal = known ?? (await this.#start(input));
    terminal.attach(known && input);
    try {
      // Whoever opened it knows now that nothing more will be asked for it.
      await emit({ type: 'opened', resumed: known !== undefined });
      if (known && input.anew) for (const data of cut(known.recent)) await emit({ type: 'output', data, again: true });
      if (!signal.aborted) await terminal.stream(emit, signal);
    } finally {
      if (signal.reason === channelLost && !terminal.ended) terminal.detach(this.#keptMs, () => this.#end(name, terminal));
      else this.#end(name, terminal);
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
    for (const [name, terminal] of this.#terminals) if (!Array.isArray(terminal)) this.#end(name, terminal);
  }

  async #start(input: Open): Promise<Terminal> {
    const waiting: Waiting = [];
    this.#terminals.set(input.terminal, waiting);
    try {
      const shell = await this.#openShell(input);
      const terminal = new Terminal(shell);
      this.#terminals.set(input.terminal, terminal);
      for (const act of waiting) act(shell);
      return terminal;
    } catch (error) {
      this.#terminals.delete(input.terminal);
      throw error;
    }
  }

  #end(name: string, terminal: Terminal): void {
    terminal.close();
    if (this.#terminals.get(name) === terminal) this.#terminals.delete(name);
  }

  #act(name: string, act: (shell: Shell) => void): void {
    const terminal = this.#terminals.get(name);
    if (terminal === undefined) throw new ContractError('no-such-terminal', `There is no terminal "${name}", or it has ended.`);
    if (!Array.isArray(terminal)) {
      act(terminal.shell);
      return;
    }
    if (terminal.length >= maximumWaiting)
      throw new ContractError('no-such-terminal', `The terminal "${name}" is still being opened.`);
    terminal.push(act);
  }
}

/** A shell and what of its output nobody has taken yet. Where nobody does, the program waits. */
class Terminal {
  readonly shell: Shell;
  readonly #output = new Mailbox<string>();
  /** Taken from the mailbox, and not sent yet. */
  #pending = '';
  #waiting = 0;
  /** What was sent last, in the order in which it was. */
  readonly #sent: string[] = [];
  #sentCharacters = 0;
  /** Called when there is enough for an event. */
  #full = () => {};
  #paused = false;
  #exit: Extract<TerminalEvent, { type: 'exit' }> | null = null;
  #timer: NodeJS.Timeout | undefined;
  attached = true;

  constructor(shell: Shell) {
    this.shell = shell;
    shell.onData((text) => {
      this.#output.push(text);
      this.#waiting += text.length;
      if (this.#waiting >= eventCharacters) this.#full();
      if (this.#waiting < highWater || this.#paused) return;
      this.#paused = true;
      shell.pause();
    });
    shell.onExit((code, signal) => {
      this.#exit ??= { type: 'exit', code, signal };
      this.#output.end();
    });
  }

  get ended(): boolean {
    return this.#exit !== null;
  }

  /** What was sent last, from the beginning of a line. */
  get recent(): string {
    const text = this.#sent.join('');
    return text.length <= recentCharacters ? text : text.slice(text.indexOf('\n', text.length - recentCharacters) + 1);
  }

  attach(size: ShellSize | undefined): void {
    clearTimeout(this.#timer);
    this.attached = true;
    if (size) this.shell.resize(size);
  }

  detach(forMs: number, onLeft: () => void): void {
    this.attached = false;
    this.#timer = setTimeout(onLeft, forMs);
  }

  async stream(emit: Emit, signal: AbortSignal): Promise<void> {
    do {
      for (const data of cut(this.#pending)) {
        await emit({ type: 'output', data });
        // A receiver that has gone takes nothing more; what it has not taken is the next one's.
        if (signal.aborted) return;
        this.#pending = this.#pending.slice(data.length);
        this.#waiting -= data.length;
        this.#keep(data);
      }
      if (this.#paused && this.#waiting < highWater) {
        this.#paused = false;
        this.shell.resume();
      }
      const sentAt = performance.now();
      this.#pending = (await this.#output.take(signal))?.join('') ?? '';
      if (this.#pending.length >= muchCharacters && performance.now() - sentAt < gatherMs) await this.#gather(signal);
    } while (this.#pending !== '');
    if (this.#exit && !signal.aborted) await emit(this.#exit);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.shell.close();
  }

  /** Adds what comes within a moment, or until an event is full. */
  async #gather(signal: AbortSignal): Promise<void> {
    if (this.#waiting < eventCharacters) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, gatherMs);
        this.#full = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#full = () => {};
    }
    if (this.#waiting > this.#pending.length) this.#pending += (await this.#output.take(signal))?.join('') ?? '';
  }

  #keep(data: string): void {
    this.#sent.push(data);
    this.#sentCharacters += data.length;
    while (this.#sentCharacters - (this.#sent[0]?.length ?? 0) > recentCharacters)
      this.#sentCharacters -= this.#sent.shift()?.length ?? 0;
  }
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
