import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { NatsBus } from '../bus/nats.ts';
import { fileOutbox, type Outbox } from '../bus/outbox.ts';
import { type AgentConfig, agentConfigSchema, type Log, type RunningAgent } from '../config.ts';

/** One JSON line each on stderr, for journald. */
export const jsonLog: Log = (level, text, details) => {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, text, ...details })}\n`);
};

const retryMs = { first: 500, most: 10_000 } as const;
/** systemd kills after 5 s on the hosts; an orderly end must be done before. */
const stopMs = 4000;

/** Runs an agent as a process: config from argv[2], bus, agent, and an orderly end on SIGTERM. Keeps trying while what it needs is not there yet. */
export async function runAgent(start: (config: AgentConfig, bus: NatsBus, log: Log) => Promise<RunningAgent>): Promise<void> {
  const path = process.argv[2];
  if (path === undefined) {
    jsonLog('error', 'usage: <agent>.mjs CONFIG.json');
    process.exitCode = 2;
    return;
  }
  const log = jsonLog;
  let running: RunningAgent | undefined;
  let bus: NatsBus | undefined;
  const stop = async (signal: string): Promise<void> => {
    log('info', `stopping on ${signal}`);
    setTimeout(() => process.exit(1), stopMs).unref();
    await running?.stop();
    await bus?.close();
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop('SIGTERM'));
  process.once('SIGINT', () => void stop('SIGINT'));
  process.on('unhandledRejection', (error) => log('error', 'unhandled rejection', { error: String(error) }));

  const config = await keepTrying('the config cannot be read', log, async () => {
    const parsed = agentConfigSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
    return parsed.data;
  });
  // What an earlier run could not hand over goes first.
  const outbox = await keepTrying('what waits to be sent cannot be kept', log, async () =>
    fileOutbox(join(config.stateFolder, `${config.agent}.outbox.jsonl`), (text) => log('warn', text)),
  );
  bus = await keepTrying('the bus cannot be reached', log, () => connectBus(config, outbox, log));
  const connected = bus;
  running = await keepTrying('the agent cannot start', log, () => start(config, connected, log));
}

async function connectBus(config: AgentConfig, outbox: Outbox, log: Log): Promise<NatsBus> {
  const { bus } = config;
  if (!bus) throw new Error('the config names no bus');
  return NatsBus.connect({
    servers: bus.servers,
    name: config.agent,
    user: bus.user,
    password: (await readFile(bus.passwordFile, 'utf8')).trim(),
    tls: { caFile: bus.caFile, certFile: bus.certFile, keyFile: bus.keyFile },
    connectTimeoutMs: 5000,
    outbox,
    onState: (text) => log('info', text),
    onInvalid: (subject, error) => log('warn', 'a message does not fit and was dropped', { subject, error: error.message }),
  });
}

/** Tries until it succeeds, less and less often; says each new reason once. */
export async function keepTrying<T>(what: string, log: Log, work: () => Promise<T>): Promise<T> {
  let said = '';
  for (let delayMs: number = retryMs.first; ; delayMs = Math.min(delayMs * 2, retryMs.most)) {
    try {
      return await work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== said) log('warn', `${what}; trying again`, { error: reason });
      said = reason;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
}
