import { randomBytes } from 'node:crypto';
import type { ClientChannel } from 'ssh2';
import { Failure } from '../run/failure.ts';
import type { SshConnection } from './connection.ts';
import { becomeRoot, type RootCommand } from './privilege.ts';
import { ScriptOutput } from './script-output.ts';
import type { ExecuteOptions, ExecuteResult } from './script-result.ts';
import { ScriptShell } from './script-shell.ts';

export type { ExecuteOptions, ExecuteResult };

/** Seconds since boot, read without starting a program. */
export const readUptime = (variable: string): string =>
  `{ read -r ${variable} ${variable}_idle </proc/uptime || ${variable}=0; } 2>/dev/null`;

/**
 * Runs a POSIX shell script as root: over stdin of a fixed shell, so that nothing of it stands on a command line or in an environment.
 * It is parsed as a whole before anything of it runs, and cannot read what follows on stdin. The shell is kept for the scripts after it; what
 * a script sets (folder, variables, traps) is gone with it. `script` may be a function of the mark by which its own lines are recognised.
 * A script that exits ≠ 0 is a result, not an error.
 * @throws Failure: sudo, unreachable (connection lost), cancelled, step (time-out)
 */
export async function execute(
  connection: SshConnection,
  script: string | ((mark: string) => string),
  options: ExecuteOptions = {},
): Promise<ExecuteResult> {
  return connection.inSlot(() => runAsRoot(connection, script, options));
}

async function runAsRoot(
  connection: SshConnection,
  script: string | ((mark: string) => string),
  options: ExecuteOptions,
): Promise<ExecuteResult> {
  const mark = `m_${randomBytes(9).toString('hex')}`;
  const input = wrap(mark, typeof script === 'string' ? script : script(mark));
  const idle = connection.shells.take();
  if (idle !== undefined) {
    const result = await runIn(connection, idle, null, mark, input, options);
    if (result !== 'ended') return result;
  }
  return becomeRoot(connection, 'exec /bin/sh -s', async (command) => {
    const shell = new ScriptShell(await openChannel(connection, command.text));
    const result = await runIn(connection, shell, command, mark, `${prelude}${input}`, options);
    if (result === 'ended') throw connectionLost(connection);
    return result;
  });
}

const prelude = `PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
unset SUDO_COMMAND SUDO_USER SUDO_UID SUDO_GID
`;

/** The end is told by the shell itself, after whatever the script may have done to its own one. */
const wrap = (mark: string, body: string): string => `${mark}() {
${readUptime('m_up')}
printf '\n%s begin %s %s\n' ${mark} "$m_up" $$
(
${body}
)
}
${mark} </dev/null
m_code=$?
${readUptime('m_up')}
printf '\n%s end %s %s\n' ${mark} "$m_up" $m_code
printf '\n%s end\n' ${mark} >&2
`;

const connectionLost = (connection: SshConnection): Failure =>
  new Failure({
    code: 'unreachable',
    host: connection.host.name,
    cause: 'the connection was lost while a command was running',
    remedy: 'When the host can be reached again, run again: it goes on from there',
  });

/** `command`: how a fresh shell is made ready; null: it has run scripts before. 'ended': it did so before anything of this one ran. */
function runIn(
  connection: SshConnection,
  shell: ScriptShell,
  command: RootCommand | null,
  mark: string,
  input: string,
  options: ExecuteOptions,
): Promise<ExecuteResult | 'ended'> {
  const { host } = connection;
  const { channel } = shell;
  return new Promise((resolve, reject) => {
    const output = new ScriptOutput(mark, options, {
      noise: (line) => command?.onNoise?.(line, channel),
      flood: () => {
        stop(flooded(host.name), 0);
        // It would go on writing into every channel.
        connection.abandon();
      },
    });
    const { result } = output;
    let stopped: Failure | null = null;
    const stop = (failure: Failure, graceMs: number) => {
      if (stopped) return;
      stopped = failure;
      void shell.end();
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

    const release = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      shell.listen(null);
    };
    shell.listen({
      onLine: (stream, line) => {
        output.line(stream, line);
        if (!output.ended || stopped) return;
        release();
        connection.shells.give(shell);
        resolve(output.close());
      },
      onStderr: (chunk) => command?.onStderr?.(chunk, channel),
      onClose: (code, signal) => {
        result.code ??= code;
        result.signal = signal;
        release();
        // Whoever stopped it answers once nothing of it is left on the host.
        if (stopped) return;
        if (command === null && result.pid === null && !connection.closed) resolve('ended');
        else if (result.code !== null || result.signal !== null) resolve(output.close());
        else reject(connectionLost(connection));
      },
    });
    const send = () => {
      connection.sentBytes += Buffer.byteLength(input);
      channel.write(input);
    };
    if (command?.whenReady) command.whenReady(send);
    else send();
  });
}

/** Where sshd allows no more sessions, one that only waits for its next script makes room. @throws Failure (unreachable) when the connection is gone */
export async function openChannel(connection: SshConnection, command: string): Promise<ClientChannel> {
  for (;;) {
    try {
      return await openOnce(connection, command);
    } catch (error) {
      if (connection.closed || !(await connection.shells.endOne())) throw error;
    }
  }
}

function openOnce(connection: SshConnection, command: string): Promise<ClientChannel> {
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
  // When even this fails the host is gone, and whoever waits learns it from the channel that closes.
  await runAsRoot(connection, script, { timeoutMs: graceMs + 10_000 }).catch(() => undefined);
}

/** The last lines of stderr, as a failure shows them. */
export const tail = (text: string, lines = 12): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines)
    .join('\n');

/** Something that the login shell starts writes without end. */
const flooded = (host: string): Failure =>
  new Failure({
    code: 'step',
    host,
    cause: 'the login shell wrote more than 4 MiB before the first command began',
    remedy: 'See what ~/.bashrc and /etc/profile do there in shells that are not interactive',
  });
