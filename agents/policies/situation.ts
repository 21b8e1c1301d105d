import type { NodeDescription } from '../descriptions/node.ts';
import type {
  ComponentView,
  DescribedApplication,
  MemberView,
  NodeView,
  PropagatedApplication,
} from '../orchestration/orchestrator.ts';

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
  /** Why it is kept free of components for the time being; absent while it behaves as it always has. */
  suspect?: string;
}

export interface ClusterSituation {
  cluster: string;
  nodes: NodeSituation[];
  applications: DescribedApplication[];
  components: ComponentView[];
}

export interface ContinuumSituation {
  members: (MemberView & { agentAlive: boolean | null })[];
  applications: PropagatedApplication[];
}
