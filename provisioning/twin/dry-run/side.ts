import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { policyListRequestSchema, policyListSchema } from '../../../agents/bus/administration.ts';
import { MemoryBus } from '../../../agents/bus/memory.ts';
import { replySchema } from '../../../agents/bus/messages.ts';
import { subjects } from '../../../agents/bus/subjects.ts';
import { startClusterAgentOn } from '../../../agents/cluster.ts';
import { agentConfigSchema, type Log, type RunningAgent } from '../../../agents/config.ts';
import { type DecisionRecord, decisionRecordSchema } from '../../../agents/decision/record.ts';
import type { StateStore } from '../../../agents/loop/state.ts';
import { startNodeAgent } from '../../../agents/node.ts';
import { servingPod } from '../../../agents/orchestration/orchestrator.ts';
import { peersOf } from '../../../agents/peers-teller.ts';
import { agentSettingsSchema, memorySettings } from '../../../agents/settings.ts';
import { SimulatedSignals } from '../simulation/signals.ts';
import { SteppedClock } from '../simulation/stepped-clock.ts';
import { World } from '../simulation/world.ts';
import { WorldFrequency } from '../simulation/world-frequency.ts';
import { WorldOrchestrator } from '../simulation/world-orchestrator.ts';
import { DryRunMeasure } from './measure.ts';
import type { Model } from './model.ts';
import type { PolicyChange, Present, PresentAgent } from './present.ts';
import type { DryRunSide } from './result.ts';
import { tellPast } from './tell-past.ts';

const stepMs = 500;
/** Whoever waits for the process is heard at least so often, ms of real time. */
const yieldMs = 100;
const fileExtensions = { typescript: 'ts', python: 'py' } as const;
/** Nothing restarts here: what would be kept for it is not. */
const forgetful: StateStore = { load: async () => undefined, save: async () => {} };

export interface SideOptions {
  present: Present;
  model: Model;
  /** null: as the policies are. */
  change: PolicyChange | null;
  minutes: number;
  seed: number;
  /** Of this side alone: policy files lie there. */
  folder: string;
  /** Told 0–1. */
  onProgress: (done: number) => void;
}

/** A policy that is to be tried, and cannot be used. */
export class CandidateError extends Error {
  override readonly name = 'CandidateError';
}

/** Simulates a cluster from its present state on, as fast as it computes, with one set of policies. @throws CandidateError */
export async function runSide(options: SideOptions): Promise<DryRunSide> {
  const { present, model, change, minutes, seed, folder, onProgress } = options;
  const { cluster, takenAt } = present;
  const clock = new SteppedClock(takenAt);
  const world = new World(model.nodes, seed, model.network());
  world.describe(model.behaviours);
  const bus = new MemoryBus();
  const views = present.nodes.map(({ agentAlive: _, description: __, ...view }) => view);
  const applications = present.applications.map(({ description }) => description);
  const orchestrator = new WorldOrchestrator({ world, clock, nodes: views, applications, scales: true });
  const names = new Set(model.nodes.map(({ name }) => name));
  for (const application of orchestrator.applications()) {
    const placed = present.applications.find(({ description }) => description.name === application.description.name)!.components;
    for (const [component, node] of Object.entries(placed))
      if (node !== null && names.has(node)) await orchestrator.deploy(application, component, node, 'present');
  }
  const agents = present.agents.map((agent) => (change?.agent === agent.agent ? changed(agent, change) : agent));
  const measure = new DryRunMeasure({
    startAt: takenAt,
    minutes,
    applications,
    servingOf: (application, component) => {
      const view = orchestrator.components().find((one) => one.application === application && one.component === component);
      return view && servingPod(view);
    },
    world,
    behaviours: model.behaviours,
  });
  bus.subscribe(subjects.all.decisions, decisionRecordSchema, (record: DecisionRecord) => measure.hear(record));
  const running: RunningAgent[] = [];
  const peers = peersOf([...names].map((name) => ({ name, address: name })));
  try {
    for (const agent of agents) {
      const log: Log = (level, text, details) => measure.log(agent.agent, level, text, details);
      const policyFiles = await filesOf(agent, folder);
      const config = agentConfigSchema.parse({
        agent: agent.agent,
        layer: agent.layer,
        cluster,
        ...(agent.node !== undefined && { node: agent.node }),
        policies: agent.policies,
        policyFiles,
        stateFolder: folder,
      });
      const settings = memorySettings(agentSettingsSchema.parse({ mode: agent.mode }));
      const onAsk = (answer: Promise<void>) => clock.waitFor(answer);
      const common = { config, bus, clock, log, store: forgetful, settings, onAsk };
      if (agent.layer === 'cluster') {
        const started = await startClusterAgentOn({ ...common, orchestrator });
        await started.begun;
        running.push(started);
        await tellPast(present, bus);
      } else if (agent.node !== undefined && names.has(agent.node)) {
        const description = present.nodes.find(({ name }) => name === agent.node)?.description;
        running.push(
          await startNodeAgent({
            ...common,
            signals: new SimulatedSignals(
              world,
              agent.node,
              peers.get(agent.node)?.map(({ node }) => node),
            ),
            random: () => 0.5,
            mechanisms: [new WorldFrequency(world, agent.node)],
            ...(description && { description }),
          }),
        );
      }
    }
    const policies = await Promise.all(agents.map((agent) => decidingIn(bus, agent, change)));
    const steps = Math.round((minutes * 60_000) / stepMs);
    let yieldedAt = performance.now();
    for (let step = 1; step <= steps; step++) {
      await clock.advance(stepMs);
      world.step(clock.now(), stepMs / 1000);
      measure.look(clock.now(), stepMs);
      if (performance.now() - yieldedAt < yieldMs) continue;
      onProgress(step / steps);
      await new Promise((resolve) => setImmediate(resolve));
      yieldedAt = performance.now();
    }
    const placement = Object.fromEntries(
      orchestrator.components().map(({ application, component, pin }) => [`${application}/${component}`, pin]),
    );
    return measure.side({ policies: policies.filter(({ names: deciding }) => deciding.length > 0), placement });
  } finally {
    for (const agent of running) await agent.stop();
    await bus.close();
  }
}

/** An agent as it would be after the change. */
function changed(agent: PresentAgent, { policy }: PolicyChange): PresentAgent {
  const policies = { ...agent.policies };
  const files = agent.files.filter(({ name }) => name !== policy.name);
  if ('off' in policy) {
    delete policies[policy.name];
    return { ...agent, policies, files };
  }
  if (policy.content === undefined) return { ...agent, policies: { ...policies, [policy.name]: policy.settings ?? {} } };
  return { ...agent, files: [...files, { name: policy.name, language: policy.language, content: policy.content }] };
}

async function filesOf({ agent, files }: PresentAgent, folder: string): Promise<false | { folder: string }> {
  if (files.length === 0) return false;
  const own = join(folder, `${agent}.policies`);
  await mkdir(own, { recursive: true, mode: 0o700 });
  for (const { name, language, content } of files)
    await writeFile(join(own, `policy-${name}.${fileExtensions[language]}`), content, { mode: 0o600 });
  return { folder: own };
}

/** What decides in an agent. @throws CandidateError when what is to be tried does not */
async function decidingIn(
  bus: MemoryBus,
  { agent }: PresentAgent,
  change: PolicyChange | null,
): Promise<{ agent: string; names: string[] }> {
  const reply = await bus.request(subjects.request(agent, 'policy-list'), policyListRequestSchema, {}, replySchema, 10_000);
  if (!reply.ok) throw new CandidateError(reply.error);
  const { policies } = policyListSchema.parse(reply.value);
  const tried =
    change?.agent === agent && !('off' in change.policy) ? policies.find(({ name }) => name === change.policy.name) : undefined;
  if (tried && (tried.state === 'broken' || tried.state === 'outdated'))
    throw new CandidateError(`${tried.name} cannot be used: ${tried.error?.text ?? tried.state}`);
  return { agent, names: policies.filter(({ state }) => state === 'deciding' || state === 'failing').map(({ name }) => name) };
}
