import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

export interface Held {
  /** Of the message: the stream drops what it has taken before. */
  id: string;
  subject: string;
  text: string;
}

/** Where messages wait until the stream has them. */
export interface Outbox {
  /** Oldest first. */
  readonly held: ReadonlyMap<string, Held>;
  hold(message: Held): void;
  release(id: string): void;
  close(): void;
}

const lineSchema = z.union([
  z.object({ id: z.string(), subject: z.string(), text: z.string() }),
  z.object({ released: z.string() }),
]);

/** Messages held at most; past that the oldest is let go. */
export const mostHeld = 2000;
/** A file that is longer is written anew when half of it is over. */
const longBytes = 4_000_000;

/** Waits in memory alone. */
export function memoryOutbox(): Outbox {
  const held = new Map<string, Held>();
  return {
    held,
    hold: (message) => put(held, message),
    release: (id) => void held.delete(id),
    close: () => {},
  };
}

/**
 * Waits in a file of JSON lines as well, written before the message is sent: a process that is killed, or a host that loses power, sends it
 * when it starts again. What cannot be read of the file is left out; what was cut off in its middle was never sent.
 * @throws NodeJS.ErrnoException when the file cannot be made
 */
export function fileOutbox(path: string, onTrouble: (text: string) => void): Outbox {
  mkdirSync(dirname(path), { recursive: true });
  const held = readHeld(path, onTrouble);
  const file = openSync(path, 'a', 0o600);
  let bytes = 0;
  let closed = false;
  const write = (line: z.infer<typeof lineSchema>): void => {
    try {
      bytes += writeSync(file, `${JSON.stringify(line)}\n`);
    } catch (error) {
      // A full disk: it still waits in memory.
      onTrouble(`a decision waits in memory alone: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const rewrite = (): void => {
    try {
      ftruncateSync(file, 0);
    } catch (error) {
      onTrouble(`the file of waiting decisions cannot be cut: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    bytes = 0;
    for (const message of held.values()) write(message);
  };
  rewrite();
  return {
    held,
    hold(message) {
      put(held, message);
      if (!closed) write(message);
    },
    release(id) {
      // Taken after the end: it is offered once more, and known by its id.
      if (closed || !held.delete(id)) return;
      if (held.size === 0) rewrite();
      else {
        write({ released: id });
        if (bytes > longBytes) rewrite();
      }
    },
    close() {
      if (!closed) closeSync(file);
      closed = true;
    },
  };
}

function put(held: Map<string, Held>, message: Held): void {
  held.set(message.id, message);
  if (held.size <= mostHeld) return;
  const oldest = held.keys().next().value;
  if (oldest !== undefined) held.delete(oldest);
}

function readHeld(path: string, onTrouble: (text: string) => void): Map<string, Held> {
  const held = new Map<string, Held>();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) onTrouble(`waiting decisions: ${String(error)}`);
    return held;
  }
  for (const line of text.split('\n').filter(Boolean)) {
    const parsed = lineSchema.safeParse(parseJson(line));
    if (!parsed.success) onTrouble('a waiting decision cannot be read any more and was left out');
    else if ('released' in parsed.data) held.delete(parsed.data.released);
    else put(held, parsed.data);
  }
  return held;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
