import { anomalyReaction } from './anomaly-reaction.ts';
import { banditPlacement } from './bandit-placement.ts';
import { changeSpecification } from './change-specification.ts';
import { clusterPlacement } from './cluster-placement.ts';
import { dynamicPlacement } from './dynamic-placement.ts';
import { consolidation } from './energy/consolidation.ts';
import { dvfs } from './energy/dvfs.ts';
import type { PolicyFactory } from './policy.ts';
import { presenceFromSound } from './presence-from-sound.ts';
import { relocateByLatency } from './relocate-by-latency.ts';
import { sensorGatedCameras } from './sensor-gated-cameras.ts';
import type { ClusterSituation, ContinuumSituation, HostSituation } from './situation.ts';
import { staticPlacement } from './static-placement.ts';
import { trustPlacement } from './trust-placement.ts';

/** All policies that come with the agents, by layer: what an agent offers, and what a replay knows. */
export const continuumPolicies: PolicyFactory<ContinuumSituation>[] = [clusterPlacement];
export const clusterPolicies: PolicyFactory<ClusterSituation>[] = [
  staticPlacement,
  relocateByLatency,
  dynamicPlacement,
  changeSpecification,
  trustPlacement,
  anomalyReaction,
  consolidation,
  banditPlacement,
  sensorGatedCameras,
];
export const nodePolicies: PolicyFactory<HostSituation>[] = [dvfs, presenceFromSound];
