import type { z } from 'zod';
import type { trustIndexSchema } from '../bus/administration.ts';
import type { NodeDescription } from '../descriptions/node.ts';
import type { TrackedComponent } from '../host/signals.ts';
import type { Json } from '../mechanisms/mechanism.ts';
import type {
  ComponentView,
  DescribedApplication,
  MemberView,
  NodeView,
  PropagatedApplication,
} from '../orchestration/orchestrator.ts';

/** A control knob as a policy sees it: what is set, and what can be. One that the machine lacks has the options { absent: reason }. */
export interface MechanismView {
  state: Json;
  options: Json;
}
export type Mechanisms = Readonly<Record<string, MechanismView>>;

/** 0: policies decide by heuristics. 1: by learnt models, those that have any. */
export type Mode = 0 | 1;

/** What the policies of a node agent see: its own host. */
export interface HostSituation {
  node: string;
  cluster: string;
  /** Absent where the host was never described. */
  description?: NodeDescription;
  /** What runs here now, as the cluster agent has told it. */
  components: readonly TrackedComponent[];
  mechanisms: Mechanisms;
  mode: Mode;
}

type TrustIndex = z.infer<typeof trustIndexSchema>;
export type TrustWeights = Record<TrustIndex, number>;
/** How far a node is trusted: indexes (0–1), what counts for how much, and for people why each is what it is. */
export interface Trust extends Record<TrustIndex, number> {
  weights: TrustWeights;
  reasons: Record<TrustIndex, string>;
}

/** A node as a policy sees it: what Kubernetes says, whether its agent is alive, how fast it is. */
export interface NodeSituation extends NodeView {
  /** null until its agent has been heard. */
  heartbeat: { lastAt: number; alive: boolean } | null;
  /** Highest frequency of its processor; null when it does not tell. */
  frequencyGHz: number | null;
  /** What its agent says that the host is; absent until it has said so. */
  description?: NodeDescription;
  /** 0–1, by what its identity, behaviour and capability tell; absent where nobody assesses it. */
  trustLevel?: number;
  /** What the level is made of. */
  trust?: Trust;
  /** Why it is kept free of components for the time being; absent while it behaves as it always has. */
  suspect?: string;
  /** Knobs of its agent, reached by the mechanism onNode; absent until it has told them. */
  mechanisms?: Mechanisms;
}

export interface ClusterSituation {
  cluster: string;
  nodes: NodeSituation[];
  applications: DescribedApplication[];
  components: ComponentView[];
  mechanisms: Mechanisms;
  mode: Mode;
}

export interface ContinuumSituation {
  members: (MemberView & { agentAlive: boolean | null })[];
  applications: PropagatedApplication[];
  mechanisms: Mechanisms;
  mode: Mode;
}
