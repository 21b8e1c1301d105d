import { type ChildProcess, spawn } from 'node:child_process';
import { z } from 'zod';
// Carried inside of the agent's program: nothing else has to be installed for it.
import host from './policy_host.py?raw';

/** What a policy file says of itself when it is initialised. */
export const aboutSchema = z.object({
  metrics: z.array(z.string()),
  mechanisms: z.array(z.string()),
  interval: z.string(),
  scope: z.enum(['application', 'global']),
  core: z.boolean(),
});
export type PythonPolicyAbout = z.infer<typeof aboutSchema>;

export const analyzedSchema = z.object({ adapt: z.boolean(), interval: z.string() });
export const plannedSchema = z.object({ plan: z.record(z.string(), z.json()), interval: z.string() });

const answerSchema = z.union([z.object({ id: z.number(), value: z.json() }), z.object({ id: z.number(), error: z.string() })]);

/** Telemetry as a policy's pandas frame: `timestamp` (seconds since the epoch) and a column a metric, oldest row first; null where nothing is known. */
export interface Frame {
  columns: string[];
  rows: (number | null)[][];
}

/** What `analyze` and `plan` of the framework are given. */
export interface PolicyArguments {
  application_description: unknown[];
  system_description: Record<string, unknown>;
  mechanisms: Record<string, { state: unknown; options: unknown }>;
  telemetry: Frame;
  ml_connector: string | null;
}

/** A policy file that cannot be run, or went wrong; the message names the file and, where it is known, the line. */
export class PythonPolicyError extends Error {
  override readonly name = 'PythonPolicyError';
}

export interface PythonProcessOptions {
  file: string;
  /** Default: "python3" of the PATH. */
  python?: string;
  /** Where packages lie besides Python's own folders. */
  packageFolders?: string[];
  /** Each call must end within so many seconds, or the process is ended and started anew for the next. Default 5. */
  timeLimitS?: number;
  /** Address space; pandas alone maps some hundred MB. Default 1024. */
  memoryLimitMB?: number;
  /** What the policy prints and logs, a line at a time. */
  onLine?: (line: string) => void;
}

const longestLine = 2000;
const longestAnswer = 4 * 1024 * 1024;

/** One policy file in a Python process of its own, started when it is first asked and again after it has ended. One call at a time. */
export class PythonProcess {
  readonly #options: PythonProcessOptions;
  #child: ChildProcess | undefined;
  #waiting: { child: ChildProcess; settle: (line: string) => void; fail: (error: PythonPolicyError) => void } | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #sequence = 0;
  #closed = false;

  constructor(options: PythonProcessOptions) {
    this.#options = options;
  }

  /** @throws PythonPolicyError when the file is broken, or Python or pandas is missing */
  about(): Promise<PythonPolicyAbout> {
    return this.#call({ call: 'about' }, aboutSchema);
  }

  /** @param application name of the application whose context it is; null for a policy of scope "global". @throws PythonPolicyError */
  analyze(application: string | null, given: PolicyArguments): Promise<z.infer<typeof analyzedSchema>> {
    return this.#call({ call: 'analyze', application, given }, analyzedSchema);
  }

  /** @throws PythonPolicyError */
  plan(application: string | null, given: PolicyArguments): Promise<z.infer<typeof plannedSchema>> {
    return this.#call({ call: 'plan', application, given }, plannedSchema);
  }

  close(): void {
    this.#closed = true;
    this.#end('it was stopped');
  }

  #call<T>(request: object, schema: z.ZodType<T>): Promise<T> {
    const next = this.#last.then(
      () => this.#ask(request, schema),
      () => this.#ask(request, schema),
    );
    this.#last = next;
    return next;
  }

  async #ask<T>(request: object, schema: z.ZodType<T>): Promise<T> {
    if (this.#closed) throw this.#error('it was stopped');
    const child = this.#child ?? this.#start();
    const id = ++this.#sequence;
    const { timeLimitS = 5 } = this.#options;
    // Starting Python and pandas takes seconds on a small board: that is not the policy's time.
    const limitMs = (timeLimitS + ('given' in request ? 0 : 30)) * 1000;
    const line = await new Promise<string>((settle, fail) => {
      const timer = setTimeout(() => this.#end(`it took more than ${limitMs / 1000} s`), limitMs);
      const done = () => {
        clearTimeout(timer);
        this.#waiting = undefined;
      };
      this.#waiting = {
        child,
        settle: (text) => {
          done();
          settle(text);
        },
        fail: (error) => {
          done();
          fail(error);
        },
      };
      child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    });
    const answer = answerSchema.safeParse(parseJson(line));
    if (!answer.success || answer.data.id !== id) {
      this.#end('it wrote into its answers');
      throw this.#error('its process gave an answer that cannot be read');
    }
    if ('error' in answer.data) throw this.#error(answer.data.error);
    const value = schema.safeParse(answer.data.value);
    if (!value.success) throw this.#error(z.prettifyError(value.error).split('\n')[0] ?? 'its answer does not fit');
    return value.data;
  }

  #start(): ChildProcess {
    const { file, python = 'python3', memoryLimitMB = 1024, packageFolders = [], onLine } = this.#options;
    // Isolated: neither the agent's environment nor what lies in its folder has a part in it. One thread, for a policy is not to take the node.
    const child = spawn(python, ['-I', '-u', '-X', 'utf8', '-c', host, file, String(memoryLimitMB), ...packageFolders], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '', OPENBLAS_NUM_THREADS: '1', OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' },
    });
    this.#child = child;
    const said: string[] = [];
    // One that was ended for its slowness may still speak, and end, while the next one is asked.
    const waiting = () => (this.#waiting?.child === child ? this.#waiting : undefined);
    eachLine(child.stdout!, longestAnswer, (line) => waiting()?.settle(line));
    eachLine(child.stderr!, longestLine, (line) => {
      said.push(line);
      if (said.length > 5) said.shift();
      onLine?.(line);
    });
    child.stdin!.on('error', () => {
      // It has ended; its end tells why.
    });
    const ended = (why: string) => {
      if (this.#child === child) this.#child = undefined;
      waiting()?.fail(this.#error(why));
    };
    child.once('error', (error: NodeJS.ErrnoException) =>
      ended(
        error.code === 'ENOENT'
          ? `there is no ${python} on this host: install Python 3.10 or newer with pandas (apt-get install python3-pandas)`
          : `${python} cannot be started: ${error.message}`,
      ),
    );
    child.once('close', (code, signal) => {
      const last = said.at(-1);
      ended(`its process ended with ${signal ?? `code ${code}`}${last ? `: ${last}` : ''}`);
    });
    return child;
  }

  /** Ends the process, and fails what waits for it. */
  #end(why: string): void {
    const child = this.#child;
    this.#child = undefined;
    this.#waiting?.fail(this.#error(why));
    child?.kill('SIGKILL');
  }

  #error(why: string): PythonPolicyError {
    return new PythonPolicyError(`${this.#options.file}: ${why}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Lines of a stream; one that is longer than `limit` is cut, and the rest of it dropped. */
function eachLine(stream: NodeJS.ReadableStream, limit: number, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(0, limit);
    for (const line of lines) take(line.slice(0, limit));
  });
}
