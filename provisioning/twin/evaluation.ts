import { MemoryBus } from '../../agents/bus/memory.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import { startClusterAgentOn } from '../../agents/cluster.ts';
import { type AgentConfig, agentConfigSchema, type Log } from '../../agents/config.ts';
import { type DecisionRecord, decisionRecordSchema, isAct } from '../../agents/decision/record.ts';
import type { ApplicationDescription } from '../../agents/descriptions/application.ts';
import type { StateStore } from '../../agents/loop/state.ts';
import { ManualClock } from '../../agents/manual-clock.ts';
import { startNodeAgent } from '../../agents/node.ts';
import { agentSettingsSchema, memorySettings } from '../../agents/settings.ts';
import { setLeastEnergy } from './least-energy.ts';
import { powerModels } from './simulation/power.ts';
import { SimulatedSignals } from './simulation/signals.ts';
import { type SimulatedNode, World } from './simulation/world.ts';
import { WorldFrequency } from './simulation/world-frequency.ts';
import { WorldOrchestrator } from './simulation/world-orchestrator.ts';

/**
 * Placed once; moved by the QoS policy with learnt models, as it is shipped; the same by heuristics (mode 0); moved by LinUCB; by the QoS policy, and every
 * worker at the frequency that costs the least energy.
 */
export const policyVariants = ['static', 'qos', 'qos-heuristic', 'bandit', 'qos-dvfs'] as const;
/**
 * Bounds on what frequencies may save beside the QoS policy, by an oracle that sees the physics and takes no time. The second keeps room for one person more
 * than are in view, as must whoever hears of people only after they have come.
 */
export const boundVariants = ['qos-oracle', 'qos-oracle-room'] as const;
export const cameraVariants = [...policyVariants, ...boundVariants] as const;
export type CameraVariant = (typeof cameraVariants)[number];

/** What was measured of one run. Shares are of the time from the scenario's second minute on: the first is its script. */
export interface CameraResult {
  variant: CameraVariant;
  seed: number;
  hours: number;
  /** Share of time over the target, 0–1. */
  overTarget: number;
  /** The same had the classifier been on the fastest node all along: no placement can be better. */
  overTargetAtBest: number;
  switchesPerHour: number;
  /** Of all workers. */
  energyWh: number;
  /** What of it is over idling: the part that a frequency has any say in. */
  aboveIdleWh: number;
}

export interface CameraRun {
  application: ApplicationDescription;
  variant: CameraVariant;
  seed: number;
  hours: number;
  /** Processor of the third worker, a server near the edge, GHz. */
  serverGHz?: number;
  log?: Log;
  /** Called with each measured step: for whoever looks into why. */
  observe?: (step: CameraStep) => void;
  /** Called with each decision about placement. */
  decided?: (record: DecisionRecord) => void;
}

/** Half a second of a run, as the physics have it. */
export interface CameraStep {
  /** Seconds since the start. */
  atS: number;
  people: number;
  latencyMs: number | null;
  /** Where the classifier is, and at which frequency that node runs. */
  node: string | undefined;
  ghz: number;
  highestGHz: number;
}

/** Seeds that the twin and its tests run with while policies are written: an evaluation on them says little. */
export const tunedSeeds: readonly number[] = [1, 7];
export const evaluationSeeds: readonly number[] = [101, 102, 103, 104, 105];

const cluster = 'evaluation';
const targetMs = 50;
const warmUpS = 60;
const stepMs = 500;
const startAt = Date.UTC(2026, 0, 1);
const policies: Record<CameraVariant, NonNullable<AgentConfig['policies']>> = {
  static: { 'static-placement': {} },
  qos: { 'static-placement': {}, 'relocate-by-latency': {} },
  'qos-heuristic': { 'static-placement': {}, 'relocate-by-latency': {} },
  bandit: { 'static-placement': {}, 'bandit-placement': {} },
  'qos-dvfs': { 'static-placement': {}, 'relocate-by-latency': {} },
  'qos-oracle': { 'static-placement': {}, 'relocate-by-latency': {} },
  'qos-oracle-room': { 'static-placement': {}, 'relocate-by-latency': {} },
};

/** People more than are in view that each oracle keeps room for. */
const oracleRoom: Partial<Record<CameraVariant, number>> = { 'qos-oracle': 0, 'qos-oracle-room': 1 };

const nodePolicies: Record<CameraVariant, NonNullable<AgentConfig['policies']>> = {
  static: {},
  qos: {},
  'qos-heuristic': {},
  bandit: {},
  'qos-dvfs': { dvfs: {} },
  'qos-oracle': {},
  'qos-oracle-room': {},
};

/**
 * The camera scenario over simulated hours, as fast as it computes: the real cluster and node agents over the simulated hosts and an
 * orchestrator without an API. Policies see what the node agents publish and nothing else; what is measured is read from the physics. The
 * classifier starts on the reference node (1.8 GHz), where the pipeline was measured. Same arguments, same result.
 */
export async function runCamera(options: CameraRun): Promise<CameraResult> {
  const { application, variant, seed, hours, serverGHz = 5.4, log = () => {}, observe, decided } = options;
  const nodes = workers(serverGHz);
  const clock = new ManualClock(startAt);
  const world = new World(nodes, seed);
  const bus = new MemoryBus();
  const orchestrator = new WorldOrchestrator({ world, clock, nodes: nodes.map(nodeView), applications: [application] });
  const [described] = orchestrator.applications();
  for (const { metadata } of application.components) await orchestrator.deploy(described!, metadata.name, 'worker-1', 'start');
  const moves = new Set<string>();
  bus.subscribe(subjects.decision(cluster, 'cluster', `cluster-${cluster}`), decisionRecordSchema, (record: DecisionRecord) => {
    decided?.(record);
    if (!isAct(record) || record.plan?.status !== 'completed') return;
    const chosen = record.candidates.find(({ id }) => id === record.choice);
    if (chosen?.action.kind === 'move') moves.add(record.id);
  });
  const config = (own: Pick<AgentConfig, 'agent' | 'layer' | 'node' | 'policies'>) =>
    agentConfigSchema.parse({ ...own, cluster, policyFiles: false });
  const agents = [
    await startClusterAgentOn({
      config: config({ agent: `cluster-${cluster}`, layer: 'cluster', policies: policies[variant] }),
      bus,
      clock,
      log,
      orchestrator,
      store: forgetful,
      settings: memorySettings(agentSettingsSchema.parse({ mode: variant === 'qos-heuristic' ? 0 : 1 })),
    }),
  ];
  for (const { name } of nodes)
    agents.push(
      await startNodeAgent({
        config: config({ agent: `node-${name}`, layer: 'node', node: name, policies: nodePolicies[variant] }),
        bus,
        signals: new SimulatedSignals(world, name),
        store: forgetful,
        settings: memorySettings(),
        clock,
        log,
        random: () => 0.5,
        mechanisms: [new WorldFrequency(world, name)],
      }),
    );
  const steps = Math.round((hours * 3_600_000) / stepMs);
  const measured = { steps: 0, over: 0, overAtBest: 0, joules: 0 };
  const room = oracleRoom[variant];
  const idleW = nodes.reduce((sum, { power }) => sum + power.b, 0);
  const classifierNode = (): string | undefined =>
    world.names.find((name) => world.workloadsOn(name).some(({ role, uid }) => role === 'classifier' && world.isWorking(uid)));
  for (let step = 1; step <= steps; step++) {
    await clock.advance(stepMs);
    world.step(clock.now(), stepMs / 1000);
    if (room !== undefined) setLeastEnergy(world, { application: application.name, node: classifierNode(), targetMs, room });
    const pipeline = world.pipeline(application.name);
    if (!pipeline || (step * stepMs) / 1000 < warmUpS) continue;
    measured.steps++;
    // A frame that nobody classifies has missed its target too.
    if (pipeline.latencyMs === null || pipeline.latencyMs > targetMs) measured.over++;
    if (bestLatencyMs(pipeline.people, nodes) > targetMs) measured.overAtBest++;
    if (observe) {
      const node = classifierNode();
      const ghz = node === undefined ? 0 : world.frequencyOf(node);
      const highestGHz = node === undefined ? 0 : world.node(node).ghz;
      observe({ atS: (step * stepMs) / 1000, people: pipeline.people, latencyMs: pipeline.latencyMs, node, ghz, highestGHz });
    }
    for (const watts of world.powerW) measured.joules += (watts * stepMs) / 1000;
  }
  for (const running of agents) await running.stop();
  await bus.close();
  if (measured.steps === 0) throw new RangeError('the scenario is too short: nothing was measured');
  return {
    variant,
    seed,
    hours,
    overTarget: measured.over / measured.steps,
    overTargetAtBest: measured.overAtBest / measured.steps,
    switchesPerHour: moves.size / hours,
    energyWh: measured.joules / 3600,
    aboveIdleWh: (measured.joules - (idleW * measured.steps * stepMs) / 1000) / 3600,
  };
}

/** Nothing restarts here: what would be kept for it is not. */
const forgetful: StateStore = { load: async () => undefined, save: async () => {} };

/** The twin's two workers, and a server near the edge: with the two alone no placement keeps 50 ms for more than three people. */
function workers(serverGHz: number): SimulatedNode[] {
  const common = { cores: 4, memoryBytes: 6 * 2 ** 30, power: powerModels['Xeon E3-1220'] };
  return [
    { ...common, name: 'worker-1', ghz: 1.8, background: 0.03 },
    { ...common, name: 'worker-2', ghz: 3.6, background: 0.06 },
    { ...common, name: 'worker-3', ghz: serverGHz, background: 0.06 },
  ];
}

const nodeView = ({ name, cores, memoryBytes }: SimulatedNode) => ({
  name,
  ready: true,
  unschedulable: false,
  labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/arch': 'amd64' },
  taints: [],
  cores,
  memoryBytes,
});

/** Without noise, other work and links: a bound. */
const bestLatencyMs = (people: number, nodes: SimulatedNode[]): number =>
  10 + (22 * people * 1.8) / Math.max(...nodes.map(({ ghz }) => ghz));

export interface CameraSummary {
  variant: CameraVariant;
  overTarget: number;
  switchesPerHour: number;
  mostSwitchesPerHour: number;
  energyWh: number;
  /** Share of the static placement's time over target. */
  ofStatic: number | undefined;
  /** Energy saved against the QoS policy alone, 0–1: of all, and of what is over idling. */
  savedOfQos: number | undefined;
  savedAboveIdle: number | undefined;
}

/** Means over the seeds. */
export function summarise(results: readonly CameraResult[]): CameraSummary[] {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const of = (variant: CameraVariant) => results.filter((result) => result.variant === variant);
  const still = of('static');
  const base = still.length > 0 ? mean(still.map(({ overTarget }) => overTarget)) : undefined;
  const moved = of('qos');
  const energy = moved.length > 0 ? mean(moved.map(({ energyWh }) => energyWh)) : undefined;
  const aboveIdle = moved.length > 0 ? mean(moved.map(({ aboveIdleWh }) => aboveIdleWh)) : undefined;
  return cameraVariants
    .filter((variant) => of(variant).length > 0)
    .map((variant) => {
      const own = of(variant);
      const overTarget = mean(own.map((result) => result.overTarget));
      const ownEnergy = mean(own.map((result) => result.energyWh));
      return {
        variant,
        overTarget,
        switchesPerHour: mean(own.map((result) => result.switchesPerHour)),
        mostSwitchesPerHour: Math.max(...own.map((result) => result.switchesPerHour)),
        energyWh: ownEnergy,
        savedOfQos: energy === undefined ? undefined : 1 - ownEnergy / energy,
        savedAboveIdle: aboveIdle === undefined ? undefined : 1 - mean(own.map((result) => result.aboveIdleWh)) / aboveIdle,
        ofStatic: base ? overTarget / base : undefined,
      };
    });
}
