import { z } from 'zod';
import type { Bus } from './bus/bus.ts';
import { replySchema, type Sample, telemetrySchema } from './bus/messages.ts';
import { componentsRequestSchema, describeRequestSchema, peersRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import type { AgentConfig, Log, RunningAgent } from './config.ts';
import type { NodeDescription } from './descriptions/node.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { ComponentTracking, HostSignals } from './host/signals.ts';
import { NodeTelemetry } from './node-telemetry.ts';

export interface NodeAgentOptions {
  config: AgentConfig;
  bus: Bus;
  signals: HostSignals & Partial<ComponentTracking>;
  clock: Clock;
  log: Log;
  /** What its host is, as it was measured when it was provisioned. */
  description?: NodeDescription;
  /** 0–1; spreads probes and retries over time. */
  random?: () => number;
}

/** The agent of one host: its heartbeat, and its telemetry with that of the components on it. Knows no Kubernetes. */
export async function startNodeAgent(options: NodeAgentOptions): Promise<RunningAgent> {
  const { config, bus, signals, clock, log, description } = options;
  const node = config.node ?? config.agent;
  const facts = factsOf(await signals.describe());
  const ports = new NodeTelemetry({ config, clock, log, random: options.random ?? Math.random });
  let reading = false;
  let failing = false;
  const tell = async (): Promise<void> => {
    if (reading) return;
    reading = true;
    try {
      const samples = await signals.read();
      const telemetry = {
        agent: config.agent,
        cluster: config.cluster,
        node,
        time: clock.now(),
        samples: [...samples, ...ports.samples(), ...facts],
      };
      ports.told(telemetry);
      await bus.publish(subjects.telemetry(config.cluster, node), telemetrySchema, telemetry);
      failing = false;
    } catch (error) {
      if (!failing) log('warn', 'telemetry cannot be read or sent', { error: String(error) });
      failing = true;
    } finally {
      reading = false;
    }
  };
  const owned = [
    ports,
    bus.answer(subjects.request(config.agent, 'components'), componentsRequestSchema, replySchema, async ({ components }) => {
      signals.track?.(components);
      ports.track(components);
      return { ok: true as const, value: { tracked: signals.track ? components.length : 0 } };
    }),
    bus.answer(subjects.request(config.agent, 'peers'), peersRequestSchema, replySchema, async ({ peers }) => ({
      ok: true as const,
      value: { probed: ports.probe(peers) },
    })),
    bus.answer(subjects.request(config.agent, 'describe'), describeRequestSchema, replySchema, async () =>
      description === undefined
        ? { ok: false as const, error: `${node} was never described` }
        : { ok: true as const, value: z.json().parse(description) },
    ),
    startHeartbeat({ config, bus, clock, log }),
    clock.every(config.telemetryMs, tell),
  ];
  // The first reading starts the counters: rates need two.
  void tell();
  log('info', 'node agent started', { node, cluster: config.cluster });
  return {
    async stop() {
      for (const one of owned) one.close();
    },
  };
}

/** What policies must know of a host that its readings do not say, told with each of them: whoever comes late has it too. */
function factsOf(host: Awaited<ReturnType<HostSignals['describe']>>): Sample[] {
  const highest = Math.max(...host.frequencyGHz);
  return [
    { metric: 'cpu_cores', value: host.cores },
    ...(host.frequencyGHz.length > 0 ? [{ metric: 'cpu_frequency_max_ghz', value: highest }] : []),
  ];
}
