import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { Administration } from './administration.ts';
import { setSystemTargetRequestSchema } from './bus/administration.ts';
import { type Aggregate, aggregateSchema } from './bus/aggregates.ts';
import type { Bus } from './bus/bus.ts';
import { genuine, originOf } from './bus/genuine.ts';
import { type ApplicationStatus, applicationStatusSchema, replySchema } from './bus/messages.ts';
import { deployRequestSchema, type ListedApplication, listRequestSchema, removeRequestSchema } from './bus/requests.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import type { AgentConfig, Log, RunningAgent } from './config.ts';
import { decisionRecordSchema } from './decision/record.ts';
import { parseDescription } from './descriptions/parse.ts';
import { startHeartbeat } from './heartbeat.ts';
import { Liveness } from './liveness.ts';
import { AutonomicLoop } from './loop/loop.ts';
import { fileStateStore, type StateStore } from './loop/state.ts';
import { ClusterPlacementMechanism } from './mechanisms/cluster-placement.ts';
import { viewsOf } from './mechanisms/views.ts';
import type { ContinuumServices } from './northbound/handlers/sources.ts';
import { startNorthbound } from './northbound/northbound.ts';
import { KarmadaOrchestrator } from './orchestration/karmada.ts';
import type { ContinuumOrchestrator } from './orchestration/orchestrator.ts';
import { policyFilesOf } from './policies/agent-policy-files.ts';
import { PolicySet } from './policies/policy-set.ts';
import { continuumPolicies } from './policies/shipped.ts';
import type { ContinuumSituation } from './policies/situation.ts';
import { continuumFiles } from './policies/typescript/layers.ts';
import { Recordings } from './recordings.ts';
import { replying } from './replying.ts';
import { configWith, fileSettings, type SettingsStore } from './settings.ts';
import { Aggregates, asTelemetry } from './telemetry/aggregates.ts';
import { notAhead } from './telemetry/dated.ts';
import { SlidingWindow } from './telemetry/window.ts';

const windowMs = 10 * 60_000;
/** How far back quantiles over nodes and applications are told. */
const aggregatesMs = 5 * 60_000;
/** What has said nothing for a whole window is looked for so often. */
const forgetMs = 60_000;

export interface ContinuumAgentOptions {
  config: AgentConfig;
  bus: Bus;
  /** Of the management cluster; nothing is read from it yet. */
  managementKubeConfig?: KubeConfig;
  karmadaKubeConfig: KubeConfig;
  clock: Clock;
  log: Log;
}

export interface RunningContinuum extends RunningAgent {
  /** Of the northbound API, where the config has it. */
  northboundPort: number | undefined;
}

/** The agent above all clusters: which cluster each application runs on, decided and explained; and the way in for people and tools. */
export function startContinuumAgent({ karmadaKubeConfig, ...options }: ContinuumAgentOptions): Promise<RunningContinuum> {
  return startContinuumAgentOn({ ...options, orchestrator: new KarmadaOrchestrator(karmadaKubeConfig, options.log) });
}

/** As `startContinuumAgent`, over any orchestrator and state store. */
export async function startContinuumAgentOn(
  options: Omit<ContinuumAgentOptions, 'karmadaKubeConfig' | 'managementKubeConfig'> & {
    orchestrator: ContinuumOrchestrator;
    store?: StateStore;
    settings?: SettingsStore;
  },
): Promise<RunningContinuum> {
  const { bus, clock, log, orchestrator } = options;
  const settings = options.settings ?? fileSettings(options.config);
  const kept = await settings.load();
  const config = configWith(options.config, kept);
  const window = new SlidingWindow(windowMs);
  /** Quantiles and rates of any set of nodes or applications; the window has only means. */
  const aggregates = new Aggregates(aggregatesMs);
  const liveness = new Liveness(bus, subjects.all.heartbeats, clock, log);
  const statuses = new Map<string, ApplicationStatus>();
  const takeAggregate = (message: Aggregate): void => {
    try {
      aggregates.add(message);
      window.add(asTelemetry(message));
    } catch (error) {
      log('warn', 'an aggregate contradicts itself and was dropped', { node: message.node, error: String(error) });
    }
  };
  const takeStatus = (status: ApplicationStatus): void => {
    if (status.state === 'removed') statuses.delete(status.application);
    else statuses.set(status.application, status);
  };
  const owned: { close(): void }[] = [
    liveness,
    // Not every reading of every node: a cluster may hang on a thin link.
    bus.subscribe(
      subjects.all.aggregates,
      aggregateSchema,
      genuine(originOf.aggregate, notAhead(clock, takeAggregate, log), log),
    ),
    clock.every(forgetMs, () => {
      const since = clock.now() - windowMs;
      aggregates.forgetBefore(since);
      window.forgetBefore(since);
    }),
    bus.subscribe(subjects.all.applications, applicationStatusSchema, genuine(originOf.application, takeStatus, log)),
    startHeartbeat({ config, bus, clock, log }),
  ];
  const mechanisms = [new ClusterPlacementMechanism(orchestrator)];
  const view = (): ContinuumSituation => ({
    members: orchestrator.members().map((member) => ({
      ...member,
      agentAlive: liveness.find(({ layer, cluster }) => layer === 'cluster' && cluster === member.name)?.alive ?? null,
    })),
    applications: orchestrator.applications(),
    mechanisms: viewsOf(mechanisms),
    mode: administration.mode,
  });
  const shipped = new PolicySet(continuumPolicies, config.policies);
  const loop = new AutonomicLoop<ContinuumSituation>({
    agent: { id: config.agent, layer: 'continuum', cluster: config.cluster },
    policies: shipped.policies,
    mechanisms,
    view,
    window,
    publish: (record) => bus.publish(subjects.decision(config.cluster, 'continuum', config.agent), decisionRecordSchema, record),
    store: options.store ?? fileStateStore(join(config.stateFolder, `${config.agent}.json`)),
    clock,
    log,
    policyFailed: (policy, error) => administration.policyFailed(policy, error),
  });
  const files = policyFilesOf({
    config,
    layer: continuumFiles,
    onChange: (policies) => administration.takeFiles(policies),
    onAnswer: () => loop.poke(),
    log,
    now: () => clock.now(),
  });
  let api: Awaited<ReturnType<typeof startNorthbound>> | undefined;
  const administration: Administration<ContinuumSituation> = new Administration({
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
    registered: async () => (await api?.models()) ?? [],
  });
  const recordings = new Recordings({ config, bus, clock, log, loop, window, shipped });
  const services: ContinuumServices = {
    async deploy(text) {
      const described = parseDescription(text, 'description');
      if (described.kind !== 'MLSysOpsApp') throw new Error(`a ${described.kind} cannot be deployed; only an MLSysOpsApp can`);
      const uid = await orchestrator.submit(described.value);
      loop.poke();
      return { application: described.value.name, uid };
    },
    list: async () =>
      orchestrator
        .applications()
        .map(({ description, uid, clusters }): ListedApplication => ({ application: description.name, uid, clusters })),
    status: async (id) => {
      const known = orchestrator.applications().find(({ uid, description }) => uid === id || description.name === id);
      return known && statuses.get(known.description.name);
    },
    async remove(id) {
      const known = orchestrator.applications().find(({ uid, description }) => uid === id || description.name === id);
      return orchestrator.withdraw(known?.description.name ?? id);
    },
  };
  owned.push(
    administration,
    bus.answer(subjects.request('continuum', 'set-system-target'), setSystemTargetRequestSchema, replySchema, ({ targets }) =>
      replying(() => administration.setTargets(targets)),
    ),
    bus.answer(subjects.request('continuum', 'deploy'), deployRequestSchema, replySchema, ({ description }) =>
      replying(() => services.deploy(description)),
    ),
    bus.answer(subjects.request('continuum', 'remove'), removeRequestSchema, replySchema, ({ application }) =>
      replying(async () => {
        if (!(await services.remove(application))) throw new Error(`there is no application "${application}"`);
        return { application };
      }),
    ),
    bus.answer(subjects.request('continuum', 'list'), listRequestSchema, replySchema, () => replying(services.list)),
  );
  if (config.northbound) {
    const { northbound, stateFolder, version } = config;
    const targets = () => administration.targets;
    const sources = { services, bus, clock, log, version, stateFolder, aggregates, orchestrator, targets, fetch };
    api = await startNorthbound(northbound, sources);
    owned.push(api);
  }

  let stopped = false;
  const begin = async (): Promise<void> => {
    await orchestrator.start();
    if (stopped) return;
    owned.push(orchestrator.onChange(() => loop.poke()));
    await loop.start();
    await files?.start();
    loop.poke();
    log('info', 'continuum agent started', {});
  };
  begin().catch((error: unknown) => log('error', 'the continuum agent cannot start', { error: String(error) }));
  return {
    northboundPort: api?.port,
    async stop() {
      stopped = true;
      for (const one of owned) one.close();
      files?.close();
      orchestrator.stop();
      await recordings.close();
      await loop.stop();
    },
  };
}
