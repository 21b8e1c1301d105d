import { gzipSync } from 'node:zlib';

/** A file of text; its name may have folders. */
export interface ArchivedFile {
  name: string;
  text: string;
}

const blockBytes = 512;
/** What the header of "ustar" has room for without its prefix. */
const longestName = 100;

/**
 * The files as one .tar.gz, which every system opens by itself. POSIX ustar: a header of 512 bytes, then the content, filled up to whole blocks.
 * @param time of all its files, ms since the epoch
 * @throws RangeError for a name that has no room
 */
export function tarGz(files: readonly ArchivedFile[], time: number): Buffer {
  const parts = files.flatMap(({ name, text }) => {
    const content = Buffer.from(text, 'utf8');
    return [header(name, content.length, time), content, Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes)];
  });
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * blockBytes)]));
}

function header(name: string, bytes: number, time: number): Buffer {
  if (Buffer.byteLength(name) > longestName)
    throw new RangeError(`a name in an archive has at most ${longestName} bytes: ${name}`);
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at);
  block.write(name, 0);
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(bytes, 124, 12);
  octal(Math.floor(time / 1000), 136, 12);
  block.write('        ', 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
