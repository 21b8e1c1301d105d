import type { Bus } from './bus/bus.ts';
import { heartbeatSchema } from './bus/messages.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import type { AgentConfig, Log } from './config.ts';

/** Sends this agent's signs of life, the first at once. */
export function startHeartbeat(options: {
  config: AgentConfig;
  bus: Bus;
  clock: Clock;
  log: Log;
  /** Whether it stands by now; absent for an only agent. */
  isStandby?: () => boolean;
}): { close(): void } {
  const { config, bus, clock, log, isStandby } = options;
  const startedAt = clock.now();
  const subject = subjects.heartbeat(config.cluster, config.layer, config.agent);
  let sequence = 0;
  let failing = false;
  const beat = async (): Promise<void> => {
    const { agent, layer, cluster, node, version, heartbeatMs } = config;
    const heartbeat = {
      agent,
      layer,
      cluster,
      node,
      version,
      intervalMs: heartbeatMs,
      startedAt,
      time: clock.now(),
      sequence,
      ...(isStandby && { standby: isStandby() }),
    };
    sequence++;
    try {
      await bus.publish(subject, heartbeatSchema, heartbeat);
      failing = false;
    } catch (error) {
      if (!failing) log('warn', 'heartbeats cannot be sent', { error: String(error) });
      failing = true;
    }
  };
  void beat();
  return clock.every(config.heartbeatMs, beat);
}
