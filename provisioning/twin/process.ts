import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { planTwin } from './plan.ts';
import { type FromTwin, type ToTwin, toTwinSchema } from './protocol.ts';
import { startTwin, type Twin } from './testbed.ts';

/** Entry of the twin's child process: the core talks to it over IPC. When the core is gone, it ends, too. */
const say = (message: FromTwin): void => {
  process.send?.(message, undefined, {}, () => {});
};
/** Messages of the bus that the core has not taken yet: beyond these the twin's time waits for it. */
const mostUntaken = 2000;
let untaken = 0;
let waiting: { close(): void } | null = null;
const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
/** What an agent says beside its words, as it would stand in a journal. */
const asTold = (details: Record<string, unknown>) => z.record(z.string(), z.json()).parse(JSON.parse(JSON.stringify(details)));
/** Both from the sources and from dist/twin. */
const smartCamera = new URL('../../assets/applications/smart-camera.yaml', import.meta.url);

let twin: Promise<Twin> | null = null;

async function start(message: Extract<ToTwin, { type: 'start' }>): Promise<Twin> {
  const { name, seed, speed, stateFolder } = message;
  let clock: Twin['clock'] | null = null;
  const onBus = (subject: string, payload: unknown): void => {
    untaken++;
    if (untaken > mostUntaken) waiting ??= clock?.hold() ?? null;
    process.send?.({ type: 'bus', subject, payload } satisfies FromTwin, undefined, {}, () => {
      untaken--;
      if (untaken > mostUntaken / 2) return;
      waiting?.close();
      waiting = null;
    });
  };
  const started = await startTwin({
    name,
    plan: planTwin({ twin: message.twin, ...(message.clusters && { clusters: message.clusters }) }),
    ...(seed !== undefined && { seed }),
    ...(speed !== undefined && { speed }),
    stateFolder,
    applications: message.applications ?? [await readFile(smartCamera, 'utf8')],
    log: (agent) => (level, text, details) =>
      say({
        type: 'log',
        time: clock?.state().time ?? Date.now(),
        level,
        agent,
        text,
        ...(details && { details: asTold(details) }),
      }),
    onBus,
  });
  clock = started.clock;
  say({ type: 'ready', ready: started.ready });
  return started;
}

async function answer(id: number, work: () => Promise<unknown>): Promise<void> {
  try {
    say({ type: 'reply', id, value: await work() });
  } catch (error) {
    say({ type: 'reply', id, error: errorText(error) });
  }
}

async function running(): Promise<Twin> {
  if (!twin) throw new Error('the twin has not been started');
  return twin;
}

async function stop(): Promise<never> {
  try {
    await (await twin)?.stop();
  } catch {
    // It never came up: "failed" has told why.
  }
  process.exit(0);
}

process.on('message', (raw) => {
  const message = toTwinSchema.parse(raw);
  switch (message.type) {
    case 'start':
      twin = start(message);
      twin.catch((error: unknown) => {
        process.send?.({ type: 'failed', error: errorText(error) } satisfies FromTwin, undefined, {}, () => process.exit(1));
      });
      return;
    case 'request':
      void answer(message.id, async () => {
        const { bus } = await running();
        return bus.request(message.subject, z.unknown(), message.payload, z.unknown(), message.timeoutMs);
      });
      return;
    case 'control':
      void answer(message.id, async () => {
        const target = await running();
        if (message.control) await target.control(message.control);
        return target.clock.state();
      });
      return;
    case 'stop':
      void stop();
  }
});
process.on('disconnect', () => process.exit(0));
