import type { KubeConfig } from '@kubernetes/client-node';
import { pingRequestSchema } from './bus/administration.ts';
import type { Bus, Subscription } from './bus/bus.ts';
import { genuine, originOf } from './bus/genuine.ts';
import { replySchema, type Telemetry, telemetrySchema } from './bus/messages.ts';
import { subjects } from './bus/subjects.ts';
import type { Clock } from './clock.ts';
import type { AgentConfig, Log, RunningAgent } from './config.ts';
import { type Election, electLeader } from './election/elect-leader.ts';
import { kubernetesLease } from './election/kubernetes-lease.ts';
import { sharedState } from './election/shared-state.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { StateStore } from './loop/state.ts';
import { KubernetesOrchestrator, persist, prepare } from './orchestration/kubernetes.ts';
import type { ClusterOrchestrator } from './orchestration/orchestrator.ts';
import type { SettingsStore } from './settings.ts';
import { notAhead } from './telemetry/dated.ts';
import { SlidingWindow } from './telemetry/window.ts';

/** What policies of a cluster look back on. */
export const clusterWindowMs = 10 * 60_000;
/** A series that has said nothing for so long is of something that is gone. */
const forgetMs = 60_000;

/** What a leading agent is given by the candidate that it was. */
export interface Leading {
  /** Filled while it stood by, and by the candidate still. */
  window: SlidingWindow;
  mayAct: () => boolean;
}

export interface CandidateOptions {
  config: AgentConfig;
  bus: Bus;
  kubeConfig: KubeConfig;
  clock: Clock;
  log: Log;
  random?: () => number;
}
type Lead = (
  options: Omit<CandidateOptions, 'kubeConfig'> & {
    orchestrator: ClusterOrchestrator;
    store: StateStore;
    settings: SettingsStore;
    leading: Leading;
  },
) => Promise<RunningAgent>;

/**
 * One of several agents of a cluster: stands by, heard and listening, until it holds the lease in the cluster's API; then leads (`lead`) from what the
 * former leader has handed on there, for as long as it holds it.
 */
export async function startClusterCandidate(options: CandidateOptions, lead: Lead): Promise<RunningAgent> {
  const { kubeConfig, ...common } = options;
  const { config, bus, clock, log, random } = common;
  const window = new SlidingWindow(clusterWindowMs);
  let election: Election | undefined;
  let stopped = false;
  const mayAct = (): boolean => election?.leading() ?? false;
  let leader: RunningAgent | undefined;
  let answering: Subscription | undefined;
  // Whoever leads answers for itself; whoever stands by says that it is there.
  const answer = (): void => {
    answering = bus.answer(subjects.request(config.agent, 'ping'), pingRequestSchema, replySchema, async () => {
      const { agent, layer, cluster, version } = config;
      return { ok: true as const, value: { agent, layer, cluster, version, time: clock.now() } };
    });
  };
  const begin = async (): Promise<void> => {
    if (leader || !mayAct()) return;
    answering?.close();
    const { loop: store, settings } = sharedState({ kubeConfig, log, leads: mayAct });
    const orchestrator = new KubernetesOrchestrator(kubeConfig, log);
    try {
      leader = await lead({ ...common, orchestrator, store, settings, leading: { window, mayAct } });
      log('info', 'leads its cluster', {});
    } catch (error) {
      orchestrator.stop();
      answer();
      throw error;
    }
  };
  const end = async (): Promise<void> => {
    const former = leader;
    leader = undefined;
    if (!former) return;
    await former.stop();
    answer();
    log('warn', 'leads its cluster no more, and stands by', {});
  };
  /** One turn after the other; while leading fails (the API is slow, say), it is tried again. */
  let turn: Promise<void> = Promise.resolve();
  const follow = (): void => {
    turn = turn.then(async () => {
      try {
        await (mayAct() ? begin() : end());
      } catch (error) {
        log('error', 'cannot lead yet; trying again', { error: String(error) });
      }
    });
  };
  answer();
  const owned = [
    bus.subscribe(
      subjects.ofCluster.telemetry(config.cluster),
      telemetrySchema,
      // Who is ahead is told of by the one that leads.
      genuine(
        originOf.telemetry,
        notAhead(
          clock,
          (message: Telemetry) => window.add(message),
          () => {},
        ),
        log,
      ),
    ),
    startHeartbeat({ config, bus, clock, log, isStandby: () => !mayAct() }),
    clock.every(forgetMs, () => window.forgetBefore(clock.now() - forgetMs)),
    clock.every(1000, () => {
      if (mayAct() !== (leader !== undefined)) follow();
    }),
  ];
  const run = (): void => {
    if (stopped) return;
    election = electLeader({
      store: kubernetesLease(kubeConfig),
      identity: config.agent,
      clock,
      log,
      onStarted: follow,
      onStopped: follow,
      onLeader: (identity) => log('info', identity === '' ? 'nobody leads the cluster' : `${identity} leads the cluster`, {}),
      ...(random && { random }),
      // Both start at once on a new testbed: the one that stands by lets the other go first.
      ...(config.election?.isStandby && { delayMs: standbyDelayMs }),
    });
  };
  // The lease lies in a namespace, which must be there first.
  void persist(
    () => prepare(kubeConfig),
    () => stopped,
    log,
  ).then(run);
  return {
    async stop() {
      stopped = true;
      for (const one of owned) one.close();
      await turn;
      answering?.close();
      // While it still holds the lease: what it saves last is read by the next.
      await leader?.stop();
      leader = undefined;
      await election?.close();
    },
  };
}

/** More than the lease takes to be given to the one that is not to stand by. */
const standbyDelayMs = 3000;
