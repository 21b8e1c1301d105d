import { join } from 'node:path';
import { z } from 'zod';
import { Administration } from './administration.ts';
import type { Bus } from './bus/bus.ts';
import { replySchema, type Sample, telemetrySchema } from './bus/messages.ts';
import { componentsRequestSchema, describeRequestSchema, peersRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import { CommandsOfOthers } from './commands-of-others.ts';
import type { AgentConfig, Log, RunningAgent } from './config.ts';
import { decisionRecordSchema } from './decision/record.ts';
import type { NodeDescription } from './descriptions/node.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { ComponentTracking, HostSignals, TrackedComponent } from './host/signals.ts';
import { AutonomicLoop } from './loop/loop.ts';
import { fileStateStore, type StateStore } from './loop/state.ts';
import type { Mechanism } from './mechanisms/mechanism.ts';
import { viewsOf } from './mechanisms/views.ts';
import { NodeTelemetry } from './node-telemetry.ts';
import { policyFilesOf } from './policies/agent-policy-files.ts';
import type { Policy, PolicyInput } from './policies/policy.ts';
import { PolicySet } from './policies/policy-set.ts';
import { nodePolicies } from './policies/shipped.ts';
import type { HostSituation } from './policies/situation.ts';
import { nodeFiles } from './policies/typescript/layers.ts';
import { Recordings } from './recordings.ts';
import { configWith, fileSettings, type SettingsStore } from './settings.ts';
import { SlidingWindow } from './telemetry/window.ts';

/** What policies look back on. */
const windowMs = 10 * 60_000;
/** A series that has said nothing for so long is of something that is gone. */
const forgetMs = 60_000;

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
  /** Knobs of the host, for its own policies and for the plans of the cluster's agent. */
  mechanisms?: Mechanism[];
  store?: StateStore;
  settings?: SettingsStore;
  /** A policy file has been asked: where time is simulated, it can wait for the answer. */
  onAsk?: (answer: Promise<void>) => void;
}

/** The agent of one host: its heartbeat, and its telemetry with that of the components on it. Knows no Kubernetes. */
export async function startNodeAgent(options: NodeAgentOptions): Promise<RunningAgent> {
  const { bus, signals, clock, log, description, mechanisms = [] } = options;
  const settings = options.settings ?? fileSettings(options.config);
  const kept = await settings.load();
  const config = configWith(options.config, kept);
  const node = config.node ?? config.agent;
  const facts = factsOf(await signals.describe());
  const ports = new NodeTelemetry({ config, clock, log, random: options.random ?? Math.random });
  const window = new SlidingWindow(windowMs);
  let components: TrackedComponent[] = [];
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
      if (decides()) {
        window.add(telemetry);
        const derived = derivedBy(
          loop.policies,
          { now: telemetry.time, agent: config.agent, view: view(), window },
          (name, error) => administration.policyFailed(name, String(error)),
        );
        if (derived.length > 0) window.add({ ...telemetry, samples: derived });
        telemetry.samples.push(...derived);
        // What is new is decided on at once: people come, and a frequency that is late is a target missed.
        loop.poke();
      }
      await bus.publish(subjects.telemetry(config.cluster, node), telemetrySchema, telemetry);
      failing = false;
    } catch (error) {
      if (!failing) log('warn', 'telemetry cannot be read or sent', { error: String(error) });
      failing = true;
    } finally {
      reading = false;
    }
  };
  // None decides unless the config names it.
  const shipped = new PolicySet(nodePolicies, config.policies, []);
  const view = (): HostSituation => ({
    node,
    cluster: config.cluster,
    ...(description && { description }),
    components,
    mechanisms: viewsOf(mechanisms),
    mode: administration.mode,
  });
  const loop: AutonomicLoop<HostSituation> = new AutonomicLoop({
    agent: { id: config.agent, layer: 'node', cluster: config.cluster, node },
    policies: shipped.policies,
    mechanisms,
    view,
    window,
    publish: (record) => bus.publish(subjects.decision(config.cluster, 'node', config.agent), decisionRecordSchema, record),
    store: options.store ?? fileStateStore(join(config.stateFolder, `${config.agent}.json`)),
    clock,
    log,
    policyFailed: (policy, error) => administration.policyFailed(policy, error),
  });
  const files = policyFilesOf({
    config,
    layer: nodeFiles,
    onChange: (policies) => administration.takeFiles(policies),
    onAnswer: () => loop.poke(),
    onAsk: options.onAsk,
    log,
    now: () => clock.now(),
  });
  const administration: Administration<HostSituation> = new Administration({
    config,
    bus,
    clock,
    log,
    store: settings,
    settings: kept,
    shipped,
    loop,
    files,
    input: () => ({ view: view(), window }),
  });
  const recordings = new Recordings({ config, bus, clock, log, loop, window, shipped });
  // What nobody decides by is not kept: a node agent is to be small.
  const decides = (): boolean => loop.policies.length > 0;
  const owned = [
    ports,
    administration,
    new CommandsOfOthers({ config, bus, clock, log, mechanisms, hold: (parts) => loop.hold(parts) }),
    bus.answer(subjects.request(config.agent, 'components'), componentsRequestSchema, replySchema, async (told) => {
      components = told.components;
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
    clock.every(forgetMs, () => window.forgetBefore(clock.now() - forgetMs)),
  ];
  // The first reading starts the counters: rates need two.
  void tell();
  await loop.start();
  await files?.start();
  log('info', 'node agent started', { node, cluster: config.cluster });
  return {
    async stop() {
      for (const one of owned) one.close();
      files?.close();
      await recordings.close();
      await loop.stop();
    },
  };
}

/** What policies tell besides; one that fails tells nothing. */
function derivedBy(
  policies: readonly Policy<HostSituation>[],
  input: PolicyInput<HostSituation>,
  failed: (policy: string, error: unknown) => void,
): Sample[] {
  return policies.flatMap((policy) => {
    try {
      return policy.derive?.(input) ?? [];
    } catch (error) {
      failed(policy.name, error);
      return [];
    }
  });
}

/** What policies must know of a host that its readings do not say, told with each of them: whoever comes late has it too. */
function factsOf(host: Awaited<ReturnType<HostSignals['describe']>>): Sample[] {
  const highest = Math.max(...host.frequencyGHz);
  return [
    { metric: 'cpu_cores', value: host.cores },
    ...(host.frequencyGHz.length > 0 ? [{ metric: 'cpu_frequency_max_ghz', value: highest }] : []),
  ];
}
