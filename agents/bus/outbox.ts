import { closeSync, ftruncateSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { linesOf } from './lines-of.ts';

export interface Held {
  /** Of the message: the stream drops what it has taken before. */
  id: string;
  subject: string;
  text: string;
}

/** Where messages wait until the stream has them. */
export interface Outbox {
  readonly size: number;
  /** Those that wait now, oldest first; ones released meanwhile are left out. */
  waiting(): Iterable<Held>;
  hold(message: Held): void;
  release(id: string): void;
  close(): void;
}

const lineSchema = z.union([
  z.object({ id: z.string(), subject: z.string(), text: z.string() }),
  z.object({ released: z.string() }),
]);

/** As much as the stream itself keeps (`maxBytes` of nats-keeper.ts), about 15,000 decisions: more would be dropped there. */
export const mostBytesInFile = 64 * 1024 * 1024;
/** Where there is no file, or its disk is full. */
export const mostBytesInMemory = 8 * 1024 * 1024;
/** A file that is longer is written anew when most of it is over. */
const longBytes = 4 * 1024 * 1024;

/** What waits, by its size: what is over the bound goes, the oldest first, and how many that were is told. */
class Waiting<E extends { bytes: number }> {
  readonly entries = new Map<string, E>();
  readonly #mostBytes: number;
  readonly #tell: (text: string) => void;
  #bytes = 0;
  #dropped = 0;
  #told = 0;

  constructor(mostBytes: number, tell: (text: string) => void) {
    this.#mostBytes = mostBytes;
    this.#tell = tell;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Gives what had to go for it. */
  add(id: string, entry: E): string[] {
    this.delete(id);
    this.entries.set(id, entry);
    this.#bytes += entry.bytes;
    const gone: string[] = [];
    for (const oldest of this.entries.keys()) {
      if (this.#bytes <= this.#mostBytes || oldest === id) break;
      this.delete(oldest);
      gone.push(oldest);
    }
    this.#dropped += gone.length;
    // Not at each of them: at the first, and when there are twice as many.
    if (this.#dropped > 0 && this.#dropped >= 2 * this.#told) this.#tellDropped();
    return gone;
  }

  delete(id: string): boolean {
    const entry = this.entries.get(id);
    if (!entry) return false;
    this.entries.delete(id);
    this.#bytes -= entry.bytes;
    if (this.entries.size === 0 && this.#dropped > 0) {
      if (this.#dropped > this.#told) this.#tellDropped();
      this.#dropped = 0;
      this.#told = 0;
    }
    return true;
  }

  #tellDropped(): void {
    this.#told = this.#dropped;
    const bound = Math.round(this.#mostBytes / 2 ** 20);
    this.#tell(
      `${this.#dropped} decision${this.#dropped === 1 ? '' : 's'} dropped, the oldest first: more than ${bound} MB wait for the bus to keep them`,
    );
  }
}

/** Waits in memory alone. */
export function memoryOutbox(onTrouble: (text: string) => void = () => {}, mostBytes = mostBytesInMemory): Outbox {
  const held = new Waiting<Held & { bytes: number }>(mostBytes, onTrouble);
  return {
    get size() {
      return held.entries.size;
    },
    *waiting() {
      for (const id of [...held.entries.keys()]) {
        const entry = held.entries.get(id);
        if (entry) yield entry;
      }
    },
    hold: (message) => void held.add(message.id, { ...message, bytes: message.text.length }),
    release: (id) => void held.delete(id),
    close: () => {},
  };
}

/** A line of the file. Texts stay there: memory has where they are. */
interface Entry {
  bytes: number;
  at: number;
}

/**
 * Waits in a file of JSON lines, written before the message is sent: a process that is killed sends it when it starts again. What cannot be read of the
 * file is left out, and told; what was cut off in its middle was never sent. Past `mostBytes` the oldest go, and how many is told.
 * @throws NodeJS.ErrnoException when the file cannot be made
 */
export function fileOutbox(path: string, onTrouble: (text: string) => void, mostBytes = mostBytesInFile): Outbox {
  mkdirSync(dirname(path), { recursive: true });
  return new FileOutbox(path, onTrouble, mostBytes);
}

class FileOutbox implements Outbox {
  readonly #path: string;
  readonly #onTrouble: (text: string) => void;
  readonly #held: Waiting<Entry>;
  /** What the disk had no room for. */
  readonly #spare: Outbox;
  #file: number;
  #length = 0;
  #rewriteAt = longBytes;
  #isClosed = false;

  constructor(path: string, onTrouble: (text: string) => void, mostBytes: number) {
    this.#path = path;
    this.#onTrouble = onTrouble;
    this.#held = new Waiting(mostBytes, onTrouble);
    this.#spare = memoryOutbox(onTrouble);
    this.#file = openSync(path, 'a+', 0o600);
    for (const { text, at, bytes, isWhole } of linesOf(this.#file)) {
      if (isWhole) this.#length = at + bytes;
      const line = lineSchema.safeParse(parseJson(text));
      if (!isWhole || !line.success) onTrouble('a waiting decision cannot be read any more and was left out');
      else if ('released' in line.data) this.#held.delete(line.data.released);
      else this.#held.add(line.data.id, { at, bytes });
    }
    // What was cut off must not become the beginning of the next line.
    this.#cut(this.#length);
    this.#rewrite();
  }

  get size(): number {
    return this.#held.entries.size + this.#spare.size;
  }

  *waiting(): Generator<Held> {
    for (const id of [...this.#held.entries.keys()]) {
      const entry = this.#held.entries.get(id);
      if (!entry) continue;
      const line = lineSchema.safeParse(parseJson(this.#read(entry)));
      if (line.success && 'id' in line.data) yield line.data;
      else {
        this.#onTrouble('a waiting decision cannot be read any more and was left out');
        this.#held.delete(id);
      }
    }
    yield* this.#spare.waiting();
  }

  hold(message: Held): void {
    const entry = this.#isClosed ? undefined : this.#write(message);
    if (!entry) {
      this.#spare.hold(message);
      return;
    }
    for (const dropped of this.#held.add(message.id, entry)) this.#write({ released: dropped });
    this.#rewriteIfLong();
  }

  release(id: string): void {
    this.#spare.release(id);
    // Taken after the end: it is offered once more, and known by its id.
    if (this.#isClosed || !this.#held.delete(id)) return;
    if (this.#held.entries.size === 0) this.#rewrite();
    else {
      this.#write({ released: id });
      this.#rewriteIfLong();
    }
  }

  close(): void {
    if (!this.#isClosed) closeSync(this.#file);
    this.#isClosed = true;
  }

  #write(line: z.infer<typeof lineSchema>): Entry | undefined {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    try {
      const written = writeSync(this.#file, bytes);
      if (written < bytes.length) throw new Error('the disk is full');
      const entry = { at: this.#length, bytes: bytes.length };
      this.#length += bytes.length;
      return entry;
    } catch (error) {
      this.#onTrouble(`a decision waits in memory alone: ${error instanceof Error ? error.message : String(error)}`);
      this.#cut(this.#length);
      return undefined;
    }
  }

  #read({ at, bytes }: Entry): string {
    const buffer = Buffer.alloc(bytes);
    try {
      readSync(this.#file, buffer, 0, bytes, at);
    } catch (error) {
      this.#onTrouble(`waiting decisions: ${error instanceof Error ? error.message : String(error)}`);
    }
    return buffer.toString('utf8');
  }

  #rewriteIfLong(): void {
    if (this.#length > this.#rewriteAt && this.#held.bytes < this.#length / 2) this.#rewrite();
  }

  /** What waits alone, in a new file that takes the place of the old one at once: who is killed in between has either. */
  #rewrite(): void {
    if (this.#held.entries.size === 0) {
      if (this.#cut(0)) this.#length = 0;
      return;
    }
    const fresh = `${this.#path}.new`;
    let file: number | undefined;
    try {
      rmSync(fresh, { force: true });
      file = openSync(fresh, 'a+', 0o600);
      const moved = new Map<string, number>();
      let length = 0;
      for (const [id, entry] of this.#held.entries) {
        const line = Buffer.from(this.#read(entry));
        if (writeSync(file, line) < line.length) throw new Error('the disk is full');
        moved.set(id, length);
        length += line.length;
      }
      renameSync(fresh, this.#path);
      closeSync(this.#file);
      this.#file = file;
      this.#length = length;
      for (const [id, entry] of this.#held.entries) entry.at = moved.get(id) ?? entry.at;
      this.#rewriteAt = longBytes;
    } catch (error) {
      if (file !== undefined && file !== this.#file) closeSync(file);
      // As it is it does its work, but for its length: not tried again at every decision.
      this.#rewriteAt = 2 * this.#length;
      this.#onTrouble(`the file of waiting decisions stays long: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #cut(length: number): boolean {
    try {
      ftruncateSync(this.#file, length);
      return true;
    } catch (error) {
      this.#onTrouble(`the file of waiting decisions cannot be cut: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
