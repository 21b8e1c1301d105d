import { readSync } from 'node:fs';

const chunkBytes = 256 * 1024;
const newline = 10;

export interface Line {
  text: string;
  /** Where it begins, and its length with its end. */
  at: number;
  bytes: number;
  /** Only the last one may lack its end. */
  isWhole: boolean;
}

/** The lines of an open file, empty ones left out; no more of it than a chunk and a line is in memory at a time. */
export function* linesOf(file: number): Generator<Line> {
  const chunk = Buffer.alloc(chunkBytes);
  let left: Buffer = Buffer.alloc(0);
  let at = 0;
  for (let position = 0; ; ) {
    const count = readSync(file, chunk, 0, chunkBytes, position);
    if (count === 0) break;
    position += count;
    let rest: Buffer = Buffer.concat([left, chunk.subarray(0, count)]);
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      if (end > 0) yield { text: rest.toString('utf8', 0, end), at, bytes: end + 1, isWhole: true };
      at += end + 1;
      rest = rest.subarray(end + 1);
    }
    left = rest;
  }
  if (left.length > 0) yield { text: left.toString('utf8'), at, bytes: left.length, isWhole: false };
}
