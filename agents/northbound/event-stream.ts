import type { ServerResponse } from 'node:http';
import type { EventKind } from './endpoints/events.ts';
import type { EventLog, NumberedEvent } from './events.ts';

/** Proxies close what is silent for a minute. */
const sayMs = 15_000;
/** A listener that is so far behind is cut off; it comes back with its Last-Event-ID. */
const mostWaitingBytes = 4_000_000;

/** Server-sent events (WHATWG HTML, "Server-sent events") until the client goes. */
export function streamEvents(
  response: ServerResponse,
  log: EventLog,
  wanted: { kinds?: readonly EventKind[]; lastEventId?: string },
): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.write('retry: 1000\n\n');
  const wants = ({ event }: NumberedEvent): boolean =>
    event.kind === 'gap' || wanted.kinds === undefined || wanted.kinds.includes(event.kind);
  const send = (numbered: NumberedEvent): void => {
    if (!wants(numbered)) return;
    const { id, event } = numbered;
    // JSON has no line breaks of its own.
    response.write(`id: ${id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
    if (response.writableLength > mostWaitingBytes) response.destroy();
  };
  for (const event of log.since(wanted.lastEventId)) send(event);
  const listening = log.listen(send);
  const timer = setInterval(() => response.write(': still here\n\n'), sayMs);
  timer.unref();
  response.on('close', () => {
    listening.close();
    clearInterval(timer);
  });
}
