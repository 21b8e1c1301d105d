import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Failure } from '../run/failure.ts';
import type { SshConnection } from './connection.ts';
import { execute, openChannel, tail } from './execute.ts';
import { becomeRoot, type RootCommand } from './privilege.ts';

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

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * Puts a large file on a host, as root: streamed into a temporary file beside its place, its digest compared there, then moved into place
 * in one piece. A file that is there with that digest is not sent. @returns bytes sent
 * @throws Failure (step) when the host cannot write it or got something else than was sent
 */
export async function transfer(connection: SshConnection, file: Transfer, options: TransferOptions = {}): Promise<number> {
  const { host } = connection;
  const total = typeof file.source === 'string' ? (await stat(file.source)).size : file.source.length;
  const place = quote(file.path);
  const fresh = `${file.path}.incoming`;
  const isThere = `[ "$(sha256sum ${place} 2>/dev/null | cut -d ' ' -f 1)" = ${file.sha256} ]`;
  const before = await execute(
    connection,
    `if ${isThere}; then chmod ${file.mode} ${place}; echo there; else mkdir -p "$(dirname ${place})"; fi`,
    { signal: options.signal },
  );
  if (before.code !== 0) throw failed(host.name, file, before.stderr);
  if (before.stdout.trim() === 'there') return 0;

  const land = [
    `umask 077; cat >${quote(fresh)} || exit 1`,
    `[ "$(sha256sum ${quote(fresh)} | cut -d " " -f 1)" = ${file.sha256} ] || { rm -f ${quote(fresh)}; echo "what arrived is not what was sent" >&2; exit 1; }`,
    `chmod ${file.mode} ${quote(fresh)} && mv -f ${quote(fresh)} ${place}`,
  ].join('; ');
  const sent = await connection.inSlot(() =>
    becomeRoot(connection, land, (command) => stream(connection, command, file, total, options)),
  );
  if (sent.code !== 0) throw failed(host.name, file, sent.stderr);
  return total;
}

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
  options: TransferOptions,
): Promise<{ code: number | null; stderr: string }> {
  const channel = await openChannel(connection, command.text);
  return new Promise((resolve, reject) => {
    const ended: { code: number | null; stderr: string } = { code: null, stderr: '' };
    const source: Readable =
      typeof file.source === 'string'
        ? createReadStream(file.source, { highWaterMark: 262_144 })
        : Readable.from(slices(file.source));
    let sentBytes = 0;
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
