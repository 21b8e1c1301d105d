import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { answerSchema, type HelperRequest, type LocalHost, localHostSchema, requestSchema } from './requests.ts';
import { LocalHostsError, tryRun } from './shell.ts';
import { missingPackages } from './verbs.ts';

export type { LocalHost } from './requests.ts';
export { LocalHostsError } from './shell.ts';

/** Real hosts on this Linux computer. Everything that needs root goes through the helper: directly as root, else by pkexec or sudo. */
export class LocalHosts {
  readonly #helper: string;
  readonly #progress: (text: string) => void;

  /** `helper` is the built helper (dist/local-hosts/helper.mjs). */
  constructor(options: { helper: string; progress?: (text: string) => void }) {
    this.#helper = options.helper;
    this.#progress = options.progress ?? (() => {});
  }

  /** null when local hosts can be made here; else one sentence that says why not, with the command that helps. */
  async unavailable(): Promise<string | null> {
    if (process.platform !== 'linux') return 'Local hosts need Linux; use hosts of your own, or the twin.';
    const missing = missingPackages();
    if (missing.length > 0) return `Local hosts need packages that are not here: sudo apt-get install ${missing.join(' ')}`;
    return (await wayToRoot()) === null ? noRoot : null;
  }

  /** Makes the hosts, or starts those that exist, and waits until SSH answers on each. The first time builds the base system (about half a minute). */
  async create(request: {
    testbed: string;
    hosts: { name: string; cpus?: number }[];
    authorizedKey: string;
    ownerPid?: number;
  }): Promise<LocalHost[]> {
    const checked = requestSchema.safeParse({ verb: 'create', ...request });
    if (!checked.success)
      throw new LocalHostsError(checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
    return z.array(localHostSchema).parse(await this.#ask(checked.data));
  }

  async start(testbed: string, host: string): Promise<LocalHost> {
    return localHostSchema.parse(await this.#ask({ verb: 'start', testbed, host }));
  }
  async stop(testbed: string, host: string): Promise<void> {
    await this.#ask({ verb: 'stop', testbed, host });
  }
  async powerCut(testbed: string, host: string): Promise<void> {
    await this.#ask({ verb: 'power-cut', testbed, host });
  }
  async partition(testbed: string, host: string): Promise<void> {
    await this.#ask({ verb: 'partition', testbed, host });
  }
  async heal(testbed: string, host: string): Promise<void> {
    await this.#ask({ verb: 'heal', testbed, host });
  }
  /** A new system: what was on the host is gone, and its host keys are new. */
  async reImage(testbed: string, host: string): Promise<LocalHost> {
    return localHostSchema.parse(await this.#ask({ verb: 're-image', testbed, host }));
  }
  /** Removes all hosts of a testbed and everything that was made for them. Harmless when there are none. */
  async destroy(testbed: string): Promise<void> {
    await this.#ask({ verb: 'destroy', testbed });
  }
  async list(): Promise<{ testbed: string; hosts: string[] }[]> {
    return z.array(z.object({ testbed: z.string(), hosts: z.array(z.string()) })).parse(await this.#ask({ verb: 'list' }));
  }
  /** Destroys hosts whose owner process has gone without doing so. */
  async clean(): Promise<string[]> {
    return z.object({ destroyed: z.array(z.string()) }).parse(await this.#ask({ verb: 'clean' })).destroyed;
  }

  async #ask(request: HelperRequest): Promise<unknown> {
    const reason = await this.unavailable();
    const root = await wayToRoot();
    if (reason !== null || root === null) throw new LocalHostsError(reason ?? noRoot);
    const [program = '', ...args] = [...root, ...nodeCommand(), this.#helper];
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    return new Promise((resolve, reject) => {
      let outcome: { value: unknown } | { failure: string } | null = null;
      let stderr = '';
      createInterface({ input: child.stdout }).on('line', (line) => {
        const answer = answerSchema.safeParse(safeJson(line));
        if (!answer.success) return;
        if (answer.data.type === 'progress') this.#progress(answer.data.text);
        else if (answer.data.type === 'done') outcome = { value: answer.data.value };
        else outcome = { failure: answer.data.message };
      });
      child.stderr.on('data', (chunk: Buffer) => {
        stderr = (stderr + chunk.toString('utf8')).slice(-2000);
      });
      child.once('error', (error) =>
        reject(new LocalHostsError(`the helper for local hosts could not be started: ${error.message}`)),
      );
      child.once('close', (code) => {
        if (outcome && 'value' in outcome) resolve(outcome.value);
        else reject(new LocalHostsError(outcome?.failure ?? `the helper for local hosts ended with ${code}: ${stderr.trim()}`));
      });
      child.stdin.end(JSON.stringify(request));
    });
  }
}

function safeJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const noRoot =
  'Local hosts need root, and sudo cannot give it without asking here: run "sudo -v" first, or start the app as root';

/** The prefix that runs a program as root: none as root, sudo where it does not ask, pkexec (which asks in a window). null when there is none. */
async function wayToRoot(): Promise<string[] | null> {
  if (process.getuid?.() === 0) return [];
  if (await tryRun('sudo', ['-n', 'true'])) return ['sudo', '-n'];
  const window = process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY;
  return window !== undefined && existsSync('/usr/bin/pkexec') ? ['/usr/bin/pkexec'] : null;
}

/** Our own Node, in Electron too; sudo and pkexec pass no environment on, so it is part of the command. */
const nodeCommand = (): string[] =>
  process.versions.electron === undefined ? [process.execPath] : ['/usr/bin/env', 'ELECTRON_RUN_AS_NODE=1', process.execPath];
