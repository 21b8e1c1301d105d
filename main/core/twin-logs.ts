import type { EventOf } from '../contract/contract.ts';
import { Listeners } from './listeners.ts';
import { Mailbox } from './mailbox.ts';

type Line = EventOf<'agents.logs'>[number];

/** Lines of an agent that are kept: as much of a journal as one reads. */
const mostLines = 1000;

/** What the agents of twins have said since each was started; their journal, so to speak. */
export class TwinLogs {
  readonly #twins = new Map<string, Map<string, Line[]>>();
  readonly #told = new Listeners<{ twin: string; agent: string; line: Line }>();

  /** Another run of a twin begins: what was said before is of another world. */
  begin(twin: string): void {
    this.#twins.set(twin, new Map());
  }

  take(twin: string, agent: string, line: Line): void {
    const lines = this.#twins.get(twin)?.get(agent) ?? [];
    this.#twins.get(twin)?.set(agent, lines);
    lines.push(line);
    if (lines.length > mostLines) lines.shift();
    this.#told.tell({ twin, agent, line });
  }

  /** Passes on what an agent has said, oldest first, and with `follow` what it says until `signal` aborts. */
  async pass(
    { twin, agent, follow, lines = mostLines, since = 0 }: PassedLog,
    emit: (lines: Line[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const mailbox = new Mailbox<Line>(mostLines);
    mailbox.push(...(this.#twins.get(twin)?.get(agent) ?? []).filter(({ time }) => time >= since).slice(-lines));
    const hearing = this.#told.add((told) => {
      if (told.twin === twin && told.agent === agent) mailbox.push(told.line);
    });
    try {
      if (!follow) mailbox.end();
      for (let batch = await mailbox.take(signal); batch; batch = await mailbox.take(signal)) await emit(batch);
    } finally {
      hearing.close();
    }
  }
}

interface PassedLog {
  twin: string;
  agent: string;
  follow?: boolean | undefined;
  lines?: number | undefined;
  /** ms since the epoch, by the twin's clock */
  since?: number | undefined;
}
