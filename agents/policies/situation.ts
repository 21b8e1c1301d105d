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
