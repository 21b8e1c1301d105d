import { randomBytes } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import type { ClientChannel } from 'ssh2';
import { Failure } from '../run/failure.ts';
import type { SshConnection } from './connection.ts';
import { becomeRoot, noPrivilegeExit, type RootCommand } from './privilege.ts';

export interface ExecuteOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Whole lines (with their newlines) as they come; marks left out. */
  onOutput?: (stream: 'stdout' | 'stderr', text: string) => void;
  /** Lines that begin with the mark, without it: how a script speaks to us. On stderr too, so that each stream can be cut at them. */
  onMark?: (stream: 'stdout' | 'stderr', words: string[]) => void;
  /** Called once, with a function that sets the time left from now, instead of `timeoutMs` as a whole. */
  onDeadline?: (set: (timeoutMs: number) => void) => void;
  /** Bytes of stdout that are kept for the result; more is dropped, and `truncated` says so. Default 4 MiB. */
  limitBytes?: number;
}

export interface ExecuteResult {
  code: number | null;
  signal: string | null;
  stdout: string;
  /** The last 16 KiB. */
  stderr: string;
  truncated: boolean;
  /** Time the script took on the host itself, by the host's clock. Resolution 10 ms. */
  hostMs: number;
  /** From sending the command until the script's first sign of life: what login shell, sudo and network cost. */
  startMs: number;
  /** Our clock (ms since the epoch) when it began. */
  beganAt: number;
  /** PID of the script's shell on the host. */
  pid: number | null;
}

/** Longer lines are cut into several: whoever sends no newline must not fill our memory. */
const longestLine = 1_048_576;
/** Bytes of one stream that are shown as they come; a host that floods must not fill the journal's disk. */
const shownBytes = 33_554_432;
/** What a login shell says before a script begins: a banner is a page, more than this never ends. */
const longestGreeting = 4_194_304;

/** Seconds since boot, read without starting a program. */
export const readUptime = (variable: string): string =>
  `{ read -r ${variable} ${variable}_idle </proc/uptime || ${variable}=0; } 2>/dev/null`;

/**
 * Runs a POSIX shell script as root: over stdin of a fixed shell, so that nothing of it stands on a command line or in an environment.
 * It is parsed as a whole before anything of it runs, and cannot read what follows on stdin. `script` may be a function of the mark by which
 * its own lines are recognised. A script that exits ≠ 0 is a result, not an error.
 * @throws Failure: sudo, unreachable (connection lost), cancelled, step (time-out)
 */
export async function execute(
  connection: SshConnection,
  script: string | ((mark: string) => string),
  options: ExecuteOptions = {},
): Promise<ExecuteResult> {
  const mark = `m_${randomBytes(9).toString('hex')}`;
  const body = typeof script === 'string' ? script : script(mark);
  return connection.inSlot(() =>
    becomeRoot(connection, 'exec /bin/sh -s', (command) => runOnce(connection, command, mark, wrap(mark, body), options)),
  );
}

const wrap = (mark: string, body: string): string => `${mark}() {
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
unset SUDO_COMMAND SUDO_USER SUDO_UID SUDO_GID
${readUptime('m_up')}
printf '\\n%s begin %s %s\\n' ${mark} "$m_up" $$
(
${body}
)
m_code=$?
${readUptime('m_up')}
printf '\\n%s end %s %s\\n' ${mark} "$m_up" $m_code
exit $m_code
}
${mark} </dev/null
`;

async function runOnce(
  connection: SshConnection,
  command: RootCommand,
  mark: string,
  input: string,
  options: ExecuteOptions,
): Promise<ExecuteResult> {
  const { host } = connection;
  const startedAt = performance.now();
  const channel = await openChannel(connection, command.text);
  return new Promise((resolve, reject) => {
    const result: ExecuteResult = {
      code: null,
      signal: null,
      stdout: '',
      stderr: '',
      truncated: false,
      hostMs: 0,
      startMs: 0,
      beganAt: 0,
      pid: null,
    };
    const kept: string[] = [];
    let keptBytes = 0;
    let noiseBytes = 0;
    let beganUp = 0;
    let stopped: Failure | null = null;
    const stop = (failure: Failure, graceMs: number) => {
      if (stopped) return;
      stopped = failure;
      void stopScript(connection, mark, result.pid, graceMs).finally(() => {
        channel.close();
        reject(failure);
      });
    };
    let timer: NodeJS.Timeout | undefined;
    const setDeadline = (timeoutMs: number) => {
      clearTimeout(timer);
      const due = performance.now() + timeoutMs;
      timer = setTimeout(() => {
        // So late only after this computer has slept: what the host has said meanwhile is yet to be read.
        if (performance.now() - due > 2000) return setDeadline(30_000);
        const cause = `no end within ${Math.round(timeoutMs / 1000)} s`;
        const remedy = 'See its log for what it waits for, then run again';
        stop(new Failure({ code: 'step', host: host.name, cause, stderr: tail(result.stderr), remedy }), 0);
      }, timeoutMs);
    };
    if (options.timeoutMs !== undefined) setDeadline(options.timeoutMs);
    options.onDeadline?.(setDeadline);
    const onAbort = () => stop(new Failure({ code: 'cancelled', host: host.name, cause: 'cancelled' }), 5000);
    options.signal?.addEventListener('abort', onAbort);
    if (options.signal?.aborted) onAbort();

    // An empty line is held back until it is known not to be the one before a mark.
    const empty = { stdout: false, stderr: false };
    const shown = { stdout: 0, stderr: 0 };
    const show = (stream: 'stdout' | 'stderr', line: string) => {
      if (shown[stream] > shownBytes) return;
      shown[stream] += line.length + 1;
      if (shown[stream] > shownBytes) return options.onOutput?.(stream, '… more than 32 MiB of output: the rest is left out\n');
      if (empty[stream]) options.onOutput?.(stream, '\n');
      empty[stream] = line === '';
      if (line !== '') options.onOutput?.(stream, `${line}\n`);
    };
    const tell = (stream: 'stdout' | 'stderr', words: string[]) => {
      empty[stream] = false;
      options.onMark?.(stream, words);
    };
    const stdout = new Lines((line) => {
      if (!line.startsWith(`${mark} `)) {
        // Whatever a noisy .bashrc or a banner says before the script begins is not the script's.
        if (result.pid === null) {
          noiseBytes += line.length + 1;
          if (noiseBytes > longestGreeting) {
            stop(flooded(host.name), 0);
            // It would go on writing into every channel.
            return connection.abandon();
          }
          return command.onNoise?.(line, channel);
        }
        if (keptBytes + line.length > (options.limitBytes ?? 4_194_304)) result.truncated = true;
        else {
          kept.push(line);
          keptBytes += line.length + 1;
        }
        return show('stdout', line);
      }
      const words = line.slice(mark.length + 1).split(' ');
      if (words[0] === 'begin') {
        result.pid = Number(words[2]);
        beganUp = Number(words[1]);
        result.startMs = performance.now() - startedAt;
        result.beganAt = Date.now();
        kept.length = 0;
      } else if (words[0] === 'end') result.hostMs = Math.max(0, Math.round((Number(words[1]) - beganUp) * 1000));
      else tell('stdout', words);
    });
    const stderr = new Lines((line) => {
      if (line.startsWith(`${mark} `)) return tell('stderr', line.slice(mark.length + 1).split(' '));
      // Cut only now and then: to copy it for each line of a flood takes long.
      result.stderr += `${line}\n`;
      if (result.stderr.length > 131_072) result.stderr = result.stderr.slice(-16_384);
      show('stderr', line);
    });
    channel.on('data', (chunk: Buffer) => stdout.push(chunk));
    channel.stderr.on('data', (chunk: Buffer) => {
      command.onStderr?.(chunk, channel);
      stderr.push(chunk);
    });
    channel.on('exit', (code: number | null, signal?: string) => {
      result.code = code;
      result.signal = signal ?? null;
    });
    // A host that ends the session early makes our write fail; the close below says why.
    channel.on('error', () => {});
    channel.once('close', (code?: number | null, signal?: string) => {
      // A command that ends at once may have said so before anybody could listen for it; closing says it again.
      result.code ??= code ?? null;
      result.signal ??= signal ?? null;
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      stdout.end();
      stderr.end();
      result.stderr = result.stderr.slice(-16_384);
      result.stdout = kept.join('\n');
      // Whoever stopped it answers once nothing of it is left on the host.
      if (stopped) return;
      if (result.code === null && result.signal === null) {
        const cause = 'the connection was lost while a command was running';
        return reject(
          new Failure({
            code: 'unreachable',
            host: host.name,
            cause,
            remedy: 'When the host can be reached again, run again: it goes on from there',
          }),
        );
      }
      resolve(result);
    });
    const send = () => {
      connection.sentBytes += Buffer.byteLength(input);
      channel.end(input);
    };
    if (command.whenReady) command.whenReady(send);
    else send();
  });
}

/** @throws Failure (unreachable) when the connection is gone */
export function openChannel(connection: SshConnection, command: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const lost = (error?: Error) =>
      reject(
        new Failure(
          {
            code: 'unreachable',
            host: connection.host.name,
            cause: `the connection is gone${error ? ` (${error.message})` : ''}`,
            remedy: 'When the host can be reached again, run again: it goes on from there',
          },
          { cause: error },
        ),
      );
    if (connection.closed) return lost();
    const onClose = () => lost();
    connection.client.once('close', onClose);
    connection.client.exec(command, (error, channel) => {
      connection.client.off('close', onClose);
      if (error) lost(error);
      else resolve(channel);
    });
  });
}

/** While this file is there, a script of steps ends before its next step. */
export const stopFile = (mark: string): string => `/run/mlsysops-${mark}.stop`;

/** Asks a script to end after its step in progress and waits `graceMs` for it, then ends its whole process group. */
async function stopScript(connection: SshConnection, scriptMark: string, pid: number | null, graceMs: number): Promise<void> {
  if (pid === null || connection.closed) return;
  const waits = Math.ceil(graceMs / 200);
  const script = `
set -- $(sed 's/^.*) //' /proc/${pid}/stat 2>/dev/null)
[ -n "$3" ] || exit 0
trap 'rm -f ${stopFile(scriptMark)}' EXIT
: >${stopFile(scriptMark)}
attempt=0
while kill -0 ${pid} 2>/dev/null && [ $attempt -lt ${waits} ]; do attempt=$((attempt + 1)); sleep 0.2; done
kill -0 ${pid} 2>/dev/null || exit 0
kill -s TERM -- -$3 2>/dev/null; sleep 0.5; kill -s KILL -- -$3 2>/dev/null; :`;
  const mark = `m_${randomBytes(9).toString('hex')}`;
  // When even this fails the host is gone, and whoever waits learns it from the channel that closes.
  await becomeRoot(connection, 'exec /bin/sh -s', (command) =>
    runOnce(connection, command, mark, wrap(mark, script), { timeoutMs: graceMs + 10_000 }),
  ).catch(() => undefined);
}

export const isNoPrivilege = (code: number | null): boolean => code === noPrivilegeExit;

/** The last lines of stderr, as a failure shows them. */
export const tail = (text: string, lines = 12): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .join('\n');

/** Cuts a stream of bytes into lines. */
class Lines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';
  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }
  push(chunk: Buffer): void {
    const lines = this.#decoder.write(chunk).split('\n');
    const last = lines.pop() ?? '';
    for (const [index, line] of lines.entries()) {
      this.#onLine(index === 0 ? this.#rest + line : line);
      if (index === 0) this.#rest = '';
    }
    this.#rest += last;
    if (this.#rest.length < longestLine) return;
    this.#onLine(this.#rest);
    this.#rest = '';
  }
  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (rest !== '') this.#onLine(rest);
  }
}

/** Something that the login shell starts writes without end. */
const flooded = (host: string): Failure =>
  new Failure({
    code: 'step',
    host,
    cause: 'the login shell wrote more than 4 MiB before the first command began',
    remedy: 'See what ~/.bashrc and /etc/profile do there in shells that are not interactive',
  });
