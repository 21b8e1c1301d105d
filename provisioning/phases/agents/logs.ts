import { z } from 'zod';
import type { Layer } from '../../../agents/decision/record.ts';
import { Redactor } from '../../run/redact.ts';
import type { ExecuteOptions, ExecuteResult } from '../../ssh/execute.ts';
import { agentService } from './units.ts';

/** One line of an agent's journal. */
export const agentLogLineSchema = z.object({
  /** ms since the epoch, on the host's clock. */
  time: z.number(),
  level: z.enum(['info', 'warn', 'error']),
  text: z.string(),
  /** What the agent said besides, e.g. { error }. Empty for lines of systemd. */
  details: z.record(z.string(), z.json()),
});
export type AgentLogLine = z.infer<typeof agentLogLineSchema>;

export interface AgentLogOptions {
  layer: Layer;
  /** Runs a script as root on the agent's host, e.g. `(script, how) => pool.execute(host, script, how)`. */
  execute(script: string, options: ExecuteOptions): Promise<ExecuteResult>;
  /** ms since the epoch; lines before are left out. */
  since?: number;
  /** Of what is there already, at most so many, the last ones. Default 200, at most 10,000. */
  lines?: number;
  /** Goes on with what comes, until `signal` aborts or the iteration is left. */
  follow?: boolean;
  signal?: AbortSignal;
  /** Takes out secrets of the run; without it what looks like one is taken out all the same. */
  redactor?: Redactor;
}

const mostLines = 10_000;
/** Lines that wait for a slow reader; past that the oldest are let go, and a line says how many. */
const mostWaiting = 5000;
const mostCharacters = 8192;

/**
 * The journal of an agent on its host, oldest first, as it comes.
 * @throws Failure when the host cannot be reached; Error when its journal cannot be read. Aborting ends it without an error.
 */
export async function* agentLogs(options: AgentLogOptions): AsyncGenerator<AgentLogLine, void, undefined> {
  const { layer, follow = false, redactor = new Redactor() } = options;
  const left = new AbortController();
  const signal = options.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal]);
  const waiting: AgentLogLine[] = [];
  let lost = 0;
  let ended: { error?: unknown } | null = null;
  let wake: () => void = () => {};
  const onOutput: ExecuteOptions['onOutput'] = (stream, text) => {
    if (stream !== 'stdout') return;
    for (const line of text.split('\n')) {
      const read = readJournalLine(line, layer);
      if (read === null) continue;
      waiting.push(redactor.value(read));
      if (waiting.length > mostWaiting) {
        waiting.shift();
        lost++;
      }
    }
    wake();
  };
  options
    .execute(logScript(options), { signal, onOutput, limitBytes: 0, ...(follow ? {} : { timeoutMs: 60_000 }) })
    .then(
      ({ code, stderr }) => {
        const reason = stderr.trim().split('\n').at(-1);
        ended =
          code === 0
            ? {}
            : { error: new Error(`the journal of ${agentService(layer)} cannot be read: ${reason || `exit code ${code}`}`) };
      },
      (error: unknown) => {
        ended = { error };
      },
    )
    .finally(() => wake());
  try {
    for (;;) {
      if (lost > 0) {
        const first = waiting[0]?.time ?? 0;
        yield {
          time: first,
          level: 'warn',
          text: `${lost} lines were left out: they came faster than they were read`,
          details: {},
        };
        lost = 0;
      }
      const next = waiting.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      const end = ended as { error?: unknown } | null;
      if (signal.aborted) return;
      if (end !== null) {
        if (end.error !== undefined) throw end.error;
        return;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    left.abort();
  }
}

/** Only numbers and the layer's own name come into it. */
export function logScript({
  layer,
  since,
  lines = 200,
  follow = false,
}: Pick<AgentLogOptions, 'layer' | 'since' | 'lines' | 'follow'>): string {
  const count = Math.min(Math.max(Math.trunc(lines), 0), mostLines);
  const from = since === undefined || !Number.isFinite(since) ? '' : ` --since=@${(Math.max(since, 0) / 1000).toFixed(3)}`;
  return `exec journalctl -u ${agentService(layer)} -o json --output-fields=MESSAGE,PRIORITY --no-pager -q -n ${count}${from}${follow ? ' -f' : ''}`;
}

const journalSchema = z.object({
  /** µs since the epoch. */
  __REALTIME_TIMESTAMP: z.coerce.number(),
  PRIORITY: z.coerce.number().optional(),
  /** Bytes where it is not plain text; null where it is too large. */
  MESSAGE: z.union([z.string(), z.array(z.number().int().min(0).max(255)), z.null()]).optional(),
});
const saidSchema = z
  .object({ level: agentLogLineSchema.shape.level, text: z.string(), time: z.string().optional() })
  .catchall(z.json());

/** A line of `journalctl -o json`; null when it is none. What an agent says is JSON in it; anything else (systemd, a crash) is told as it is. */
export function readJournalLine(line: string, layer: Layer): AgentLogLine | null {
  const outer = journalSchema.safeParse(readJson(line));
  if (!outer.success) return null;
  const { MESSAGE: message, PRIORITY: priority = 6, __REALTIME_TIMESTAMP: micros } = outer.data;
  const time = Math.round(micros / 1000);
  if (message === null)
    return { time, level: 'warn', text: `a line of ${agentService(layer)} is too large to be shown`, details: {} };
  const whole = typeof message === 'string' ? message : Buffer.from(message ?? []).toString('utf8');
  const said = saidSchema.safeParse(readJson(whole));
  if (said.success) {
    const { level, text, time: _time, ...details } = said.data;
    return { time, level, text: text.slice(0, mostCharacters), details };
  }
  const level = priority <= 3 ? 'error' : priority === 4 ? 'warn' : 'info';
  return { time, level, text: whole.slice(0, mostCharacters), details: {} };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
