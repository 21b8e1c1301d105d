import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { digestOfFile } from './digest.ts';

/** Below this a file travels as it is: gzip would save less than it costs. */
const worthCompressingBytes = 4 * 1024 * 1024;

export interface Travelling {
  localPath: string;
  sha256: string;
  compressed: boolean;
}

const compressing = new Map<string, Promise<Travelling>>();

/** The form in which a file goes to a host; a large one is compressed once, into the cache. */
export async function readyToTravel(localPath: string, sha256: string, cacheFolder: string): Promise<Travelling> {
  if ((await stat(localPath)).size < worthCompressingBytes) return { localPath, sha256, compressed: false };
  const target = path.join(cacheFolder, 'compressed', `${sha256}.gz`);
  const known = compressing.get(target);
  if (known !== undefined) return known;
  const made = compress(localPath, target);
  compressing.set(target, made);
  made.catch(() => compressing.delete(target));
  return made;
}

async function compress(source: string, target: string): Promise<Travelling> {
  const there = await stat(target).then(
    () => true,
    () => false,
  );
  if (!there) {
    await mkdir(path.dirname(target), { recursive: true });
    const partial = `${target}.${process.pid}.part`;
    // Level 1: a third of the time of the default for a tenth more bytes.
    await pipeline(createReadStream(source), createGzip({ level: 1 }), createWriteStream(partial));
    await rename(partial, target);
  }
  return { localPath: target, sha256: await digestOfFile(target), compressed: true };
}
