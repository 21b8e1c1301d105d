import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { Administration } from './administration.ts';
import { configTrustRequestSchema } from './bus/administration.ts';
import { aggregateSchema } from './bus/aggregates.ts';
import type { Bus } from './bus/bus.ts';
import { genuine, originOf } from './bus/genuine.ts';
import { replySchema, type Telemetry, telemetrySchema } from './bus/messages.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import { clusterWindowMs, type Leading, startClusterCandidate } from './cluster-candidate.ts';
import { clusterNodes } from './cluster-nodes.ts';
import { ComponentsTeller, componentsByNode } from './components-teller.ts';
import type { AgentConfig, Log, RunningAgent } from './config.ts';
import { decisionRecordSchema } from './decision/record.ts';
import { Foresight } from './foresight.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { TrackedComponent } from './host/signals.ts';
import { Liveness } from './liveness.ts';
import { AutonomicLoop } from './loop/loop.ts';
import { fileStateStore, type StateStore } from './loop/state.ts';
import type { Mechanism } from './mechanisms/mechanism.ts';
import { workloadMechanisms } from './mechanisms/on-kubernetes.ts';
import { OnNodeMechanism } from './mechanisms/on-node.ts';
import { PlacementMechanism } from './mechanisms/placement.ts';
import { StoragePolicyMechanism } from './mechanisms/storage-policy.ts';
import { viewsOf } from './mechanisms/views.ts';
import { NodeDescriptions } from './node-descriptions.ts';
import { NodeMechanisms } from './node-mechanisms.ts';
import { KubernetesOrchestrator } from './orchestration/kubernetes.ts';
import type { ClusterOrchestrator } from './orchestration/orchestrator.ts';
import { removeOrphans } from './orphans.ts';
import { followPeers, type Peers, PeersTeller } from './peers-teller.ts';
import { policyFilesOf } from './policies/agent-policy-files.ts';
import { suspicionsOf } from './policies/anomaly-reaction.ts';
import { misfit } from './policies/constraints.ts';
import { expectingPlacements } from './policies/expecting.ts';
import { PolicySet } from './policies/policy-set.ts';
import { PythonPolicy } from './policies/python/python-policy.ts';
import { clusterPolicies } from './policies/shipped.ts';
import type { ClusterSituation } from './policies/situation.ts';
import { Reputation } from './policies/trust.ts';
import { clusterFiles } from './policies/typescript/layers.ts';
import { Recordings } from './recordings.ts';
import { replying } from './replying.ts';
import { configWith, fileSettings, type SettingsStore } from './settings.ts';
import { Statuses } from './statuses.ts';
import { ObjectStorage } from './storage/object-storage.ts';
import { Aggregator, turns } from './telemetry/aggregator.ts';
import { notAhead } from './telemetry/dated.ts';
import { SlidingWindow } from './telemetry/window.ts';
import { TrustTeller } from './trust-teller.ts';

/** Policies that decide unless the config names others. */
const byDefault = ['static-placement', 'relocate-by-latency', 'change-specification', 'trust-placement'];
/** Statuses are repeated this often, for who comes late. */
const statusMs = 5000;
/** Of a node that Kubernetes knows no address of. */
const noPeers: Peers = [];
const noComponents: TrackedComponent[] = [];
/** A series that has said nothing for so long is of something that is gone. */
const forgetMs = 60_000;

export interface ClusterAgentOptions {
  config: AgentConfig;
  bus: Bus;
  kubeConfig: KubeConfig;
  clock: Clock;
  log: Log;
  /** Unused by the shipped policies, which do not explore yet. */
  random?: () => number;
  /** A policy file has been asked: where time is simulated, it can wait for the answer. */
  onAsk?: (answer: Promise<void>) => void;
}

/** The agent of one cluster: which node each component runs on, decided and explained. Where the config has an election, it does so while it leads. */
export function startClusterAgent(options: ClusterAgentOptions): Promise<RunningAgent> {
  if (options.config.election) return startClusterCandidate(options, (leading) => startClusterAgentOn(leading));
  return startClusterAgentOn({ ...options, orchestrator: new KubernetesOrchestrator(options.kubeConfig, options.log) });
}

/** As `startClusterAgent`, over any orchestrator and state store. */
export async function startClusterAgentOn(
  options: Omit<ClusterAgentOptions, 'kubeConfig'> & {
    orchestrator: ClusterOrchestrator;
    store?: StateStore;
    settings?: SettingsStore;
    /** Absent for the only agent of a cluster. */
    leading?: Leading;
  },
): Promise<RunningAgent> {
  const { bus, clock, log, orchestrator, leading } = options;
  const settings = options.settings ?? fileSettings(options.config);
  const kept = await settings.load();
  const config = configWith(options.config, kept);
  const { cluster } = config;
  const window = leading?.window ?? new SlidingWindow(clusterWindowMs);
  const teller = new ComponentsTeller(bus, log);
  const peersTeller = new PeersTeller(bus, log);
  const trustTeller = new TrustTeller(bus, log, config);
  const descriptions = new NodeDescriptions(bus, log);
  const knobs = new NodeMechanisms(bus, clock, log);
  const peersNow = followPeers();
  const liveness = new Liveness(bus, subjects.ofCluster.heartbeats(cluster), clock, log, ({ agent }) => {
    teller.forget(agent);
    peersTeller.forget(agent);
    descriptions.forget(agent);
    knobs.forget(agent);
  });
  const aggregator = new Aggregator({ agent: config.agent, cluster, spanMs: config.aggregateMs });
  const telemetry = bus.subscribe(
    subjects.ofCluster.telemetry(cluster),
    telemetrySchema,
    genuine(
      originOf.telemetry,
      notAhead(
        clock,
        (message: Telemetry) => {
          if (!leading) window.add(message);
          aggregator.add(message, clock.now());
        },
        log,
      ),
      log,
    ),
  );

  const agentOf = (node: string) => liveness.ofNode(node);
  const descriptionOf = (node: string) => {
    const agent = agentOf(node);
    return agent ? descriptions.of(agent.agent) : undefined;
  };
  const mechanisms = [
    new PlacementMechanism(orchestrator, clock, {
      descriptionOf,
      isMisfit(application, component, name) {
        const now = view();
        const node = now.nodes.find((one) => one.name === name);
        return node !== undefined && misfit(node, application, component, now) !== undefined;
      },
    }),
    ...workloadMechanisms(orchestrator, clock, descriptionOf),
    ...storageMechanisms(config, orchestrator, clock),
    new OnNodeMechanism(bus, (node) => {
      const agent = agentOf(node);
      return agent?.alive ? agent.agent : undefined;
    }),
  ];
  const reputation = new Reputation();
  const trustWeights = (node: string) => administration.trustWeights(node);
  const seen = { liveness, descriptions, knobs, window, reputation, trustWeights };
  const nodesNow = () => clusterNodes(orchestrator.nodes(), suspicionsOf(shipped.policies), seen);
  const view = (): ClusterSituation => ({
    cluster,
    nodes: nodesNow(),
    applications: orchestrator.applications(),
    components: [...orchestrator.components()],
    mechanisms: viewsOf(mechanisms),
    mode: administration.mode,
  });
  const shipped = new PolicySet(clusterPolicies, config.policies, byDefault);
  const loop = new AutonomicLoop<ClusterSituation>({
    agent: { id: config.agent, layer: 'cluster', cluster },
    policies: shipped.policies,
    mechanisms,
    view,
    expecting: expectingPlacements,
    window,
    publish: (record) => bus.publish(subjects.decision(cluster, 'cluster', config.agent), decisionRecordSchema, record),
    store: options.store ?? fileStateStore(join(config.stateFolder, `${config.agent}.json`)),
    clock,
    log,
    ...(leading && { mayAct: leading.mayAct }),
    policyFailed: (policy, error) => administration.policyFailed(policy, error),
  });
  const python = config.policyFiles ? config.policyFiles : undefined;
  const files = policyFilesOf({
    config,
    layer: clusterFiles,
    python: (file, log) => {
      const { folder: _, ...limits } = python ?? {};
      const { onAsk } = options;
      return PythonPolicy.load(file, { ...limits, log, onPlan: () => loop.poke(), ...(onAsk && { onAsk }) });
    },
    onChange: (policies) => administration.takeFiles(policies),
    onAnswer: () => loop.poke(),
    onAsk: options.onAsk,
    log,
    now: () => clock.now(),
  });
  const administration: Administration<ClusterSituation> = new Administration({
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
  const statuses = new Statuses(orchestrator, bus, cluster, clock, log);
  let stopped = false;
  let changed = false;
  const attend = async (): Promise<void> => {
    changed = false;
    if (stopped) return;
    const [nodes, now] = [nodesNow(), clock.now()];
    reputation.observe(nodes, now);
    void trustTeller.tell(nodes, now);
    await Promise.all([statuses.publishChanged(), removeOrphans(orchestrator, log)]);
    const peers = peersNow(orchestrator.nodes());
    const components = componentsByNode(orchestrator.components(), orchestrator.applications());
    for (const node of orchestrator.nodes()) {
      const agent = agentOf(node.name);
      if (!agent?.alive) continue;
      void knobs.ask(agent.agent);
      void descriptions.ask(agent.agent);
      teller.tell(agent.agent, components.get(node.name) ?? noComponents);
      peersTeller.tell(agent.agent, peers.get(node.name) ?? noPeers);
    }
  };
  // One that leads is heard before it does, and goes on being heard.
  const heartbeat = leading ? [] : [startHeartbeat({ config, bus, clock, log })];
  const tellUpwards = clock.every(config.aggregateMs / turns, async () => {
    try {
      for (const aggregate of aggregator.take(clock.now()))
        await bus.publish(subjects.aggregate(cluster, aggregate.node), aggregateSchema, aggregate);
    } catch (error) {
      log('warn', 'what the nodes were like could not be told', { error: String(error) });
    }
  });
  const trustRequests = bus.answer(
    subjects.request(config.agent, 'config-trust'),
    configTrustRequestSchema,
    replySchema,
    (request) => replying(() => administration.configTrust(request)),
  );
  const foresight = new Foresight<ClusterSituation>({
    agent: config.agent,
    cluster,
    policies: () => loop.policies,
    view,
    window,
    clock,
    log,
    failed: (policy, error) => administration.policyFailed(policy, error),
  });
  const owned: { close(): void }[] = [
    trustRequests,
    administration,
    liveness,
    telemetry,
    ...heartbeat,
    tellUpwards,
    foresight,
    shipped,
  ];
  const begin = async (): Promise<void> => {
    await orchestrator.start();
    if (stopped) return;
    owned.push(
      orchestrator.onChange(() => {
        loop.poke();
        if (changed) return;
        changed = true;
        // Not owned: it finds out for itself that the agent has stopped.
        clock.after(50, attend);
      }),
      clock.every(1000, attend),
      clock.every(statusMs, async () => {
        window.forgetBefore(clock.now() - forgetMs);
        await statuses.publishAll();
      }),
    );
    await loop.start();
    await files?.start();
    loop.poke();
    log('info', 'cluster agent started', { cluster });
  };
  const begun = begin().catch((error: unknown) => log('error', 'the cluster agent cannot start', { error: String(error) }));
  return {
    begun,
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

/** None where no storage is configured. Its service lives in real time, whatever the agent's clock is. */
function storageMechanisms(config: AgentConfig, orchestrator: ClusterOrchestrator, clock: Clock): Mechanism[] {
  if (!config.storage) return [];
  const storage = new ObjectStorage(config.storage, { fetch, now: Date.now });
  return [
    new StoragePolicyMechanism({ storage, config: config.storage, applications: () => orchestrator.applications(), clock }),
  ];
}
