import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Failure } from '../run/failure.ts';
import type { SshConnection } from './connection.ts';
import { digestCommand } from './digest-command.ts';
import { execute, openChannel, tail } from './execute.ts';
import { becomeRoot, type RootCommand } from './privilege.ts';
import { quote } from './quote.ts';

export interface Transfer {
  /** A file of this computer, or what it holds. */
  source: string | Uint8Array;
  /** Absolute path on the host; its folder is made when it is missing. */
  path: string;
  /** Octal, e.g. "0644". */
  mode: string;
  /** Hex digest of the file. */
  sha256: string;
}

export interface TransferOptions {
  signal?: AbortSignal;
  onProgress?: (sentBytes: number, totalBytes: number) => void;
}

/** Attempts in a row that may end without a byte more on the host than before. */
const patience = 2;

/**
 * Puts a large file on a host, as root: into a file beside its place, its digest compared there, then moved into place in one piece. A file
 * that is there with that digest is not sent; what arrived before a connection was cut is not sent again: `connect` is asked for another one
 * as long as each brings the file further. @returns bytes sent
 * @throws Failure (step) when the host cannot write it or got something else than was sent; whatever `connect` throws
 */
export async function transfer(
  connect: () => Promise<SshConnection>,
  file: Transfer,
  options: TransferOptions = {},
): Promise<number> {
  let sent = 0;
  let furthest = -1;
  for (let stuck = 0; ; ) {
    const connection = await connect();
    const attempt: Attempt = { offset: 0, sent: 0 };
    try {
      await transferOnce(connection, file, attempt, options);
      return sent + attempt.sent;
    } catch (error) {
      sent += attempt.sent;
      // Only what a lost connection did is worth another one.
      if (!connection.closed || options.signal?.aborted === true) throw error;
      stuck = attempt.offset > furthest ? 0 : stuck + 1;
      furthest = Math.max(furthest, attempt.offset);
      if (stuck >= patience) throw error;
    }
  }
}

interface Attempt {
  /** Bytes that the host had when it began. */
  offset: number;
  sent: number;
}

async function transferOnce(
  connection: SshConnection,
  file: Transfer,
  attempt: Attempt,
  options: TransferOptions,
): Promise<void> {
  const { host } = connection;
  const total = typeof file.source === 'string' ? (await stat(file.source)).size : file.source.length;
  const place = quote(file.path);
  // Named by its digest: what is left of another file is not gone on with, but removed.
  const incoming = quote(`${file.path}.${file.sha256.slice(0, 16)}.incoming`);
  const before = await execute(
    connection,
    `if [ "$(${digestCommand(place)})" = ${file.sha256} ]; then chmod ${file.mode} ${place}; echo there; exit; fi
mkdir -p "$(dirname ${place})" || exit
for old in ${place}.*.incoming; do [ "$old" = ${incoming} ] || rm -f "$old"; done
stat -c %s ${incoming} 2>/dev/null || echo 0`,
    { signal: options.signal },
  );
  if (before.code !== 0) throw failed(host.name, file, before.stderr);
  const answer = before.stdout.trim();
  if (answer === 'there') return;
  const had = Number(answer);
  attempt.offset = Number.isSafeInteger(had) && had > 0 && had <= total ? had : 0;

  let landed = await land(connection, file, attempt, total, options);
  // A host that lost its power may have kept the length and not the bytes: those get one clean try.
  if (landed.code === wrongBytes && attempt.offset > 0) {
    attempt.offset = 0;
    landed = await land(connection, file, attempt, total, options);
  }
  if (landed.code === 0) return;
  // A channel may hear of the end of its connection before the connection itself does.
  if (landed.code === null) await new Promise((resolve) => setImmediate(resolve));
  throw landed.code === null && connection.closed ? cut(host.name, file) : failed(host.name, file, landed.stderr);
}

/** Exit code of our own command when the digest is another. */
const wrongBytes = 98;

/** Each byte is written at its own place, so that what an earlier, cut connection still writes there does no harm. */
function land(connection: SshConnection, file: Transfer, attempt: Attempt, total: number, options: TransferOptions) {
  const incoming = quote(`${file.path}.${file.sha256.slice(0, 16)}.incoming`);
  const write =
    attempt.offset === 0
      ? `cat >${incoming}`
      : `dd of=${incoming} bs=262144 seek=${attempt.offset} oflag=seek_bytes conv=notrunc status=none`;
  const command = [
    `umask 077; ${write} || exit 1`,
    `[ "$(stat -c %s ${incoming})" -ge ${total} ] || { echo "not all of it has arrived" >&2; exit 1; }`,
    `[ "$(${digestCommand(incoming)})" = ${file.sha256} ] || { rm -f ${incoming}; echo "what arrived is not what was sent" >&2; exit ${wrongBytes}; }`,
    `chmod ${file.mode} ${incoming} && mv -f ${incoming} ${quote(file.path)}`,
  ].join('; ');
  return connection.inSlot(() =>
    becomeRoot(connection, command, (root) => stream(connection, root, file, total, attempt, options)),
  );
}

const cut = (host: string, file: Transfer): Failure =>
  new Failure({
    code: 'unreachable',
    host,
    cause: `the connection was lost while ${file.path} was sent`,
    remedy: 'When the host can be reached again, run again: it goes on from there',
  });

function failed(host: string, file: Transfer, stderr: string): Failure {
  const full = /No space left/.test(stderr);
  return new Failure({
    code: 'step',
    host,
    cause: full ? `the disk is full, so that ${file.path} cannot be written` : `${file.path} could not be put in place`,
    stderr: tail(stderr),
    remedy: full ? 'Free some space on the host, then run again' : 'See the last lines of stderr, then run again',
  });
}

async function stream(
  connection: SshConnection,
  command: RootCommand,
  file: Transfer,
  total: number,
  attempt: Attempt,
  options: TransferOptions,
): Promise<{ code: number | null; stderr: string }> {
  const channel = await openChannel(connection, command.text);
  return new Promise((resolve, reject) => {
    const ended: { code: number | null; stderr: string } = { code: null, stderr: '' };
    const source: Readable =
      typeof file.source === 'string'
        ? createReadStream(file.source, { start: attempt.offset, highWaterMark: 262_144 })
        : Readable.from(slices(file.source.subarray(attempt.offset)));
    let sentBytes = attempt.offset;
    const onAbort = () => source.destroy(new Failure({ code: 'cancelled', host: connection.host.name, cause: 'cancelled' }));
    source.once('error', (error) => {
      channel.close();
      reject(error);
    });
    channel.on('error', () => {});
    channel.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString('latin1').split('\n')) command.onNoise?.(line, channel);
    });
    channel.stderr.on('data', (chunk: Buffer) => {
      command.onStderr?.(chunk, channel);
      ended.stderr = (ended.stderr + chunk.toString('utf8')).slice(-4096);
    });
    channel.on('exit', (code: number | null) => {
      ended.code = code;
    });
    channel.once('close', () => {
      options.signal?.removeEventListener('abort', onAbort);
      source.destroy();
      resolve(ended);
    });
    options.signal?.addEventListener('abort', onAbort);
    if (options.signal?.aborted) return onAbort();
    const send = () => {
      // Listening makes it flow: not before the host is ready for it.
      source.on('data', (chunk: Buffer) => {
        sentBytes += chunk.length;
        attempt.sent += chunk.length;
        connection.sentBytes += chunk.length;
        options.onProgress?.(sentBytes, total);
      });
      source.pipe(channel);
    };
    if (command.whenReady) command.whenReady(send);
    else send();
  });
}

function* slices(content: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < content.length; at += 262_144) yield Buffer.from(content.subarray(at, at + 262_144));
}
