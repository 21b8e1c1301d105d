/** Something that a policy has learnt to predict, as it is told to people. */
export interface LearntModel {
  /** Unique within the policy: "camera/classifier/latency_ms". */
  key: string;
  /** For people: "latency_ms of classifier". */
  name: string;
  /** "line and forest", "least squares", "LinUCB". */
  kind: string;
  /** Of what it predicts: "ms", "W", "" for a share. */
  unit: string;
  /** Samples that a node must have given before it is predicted from what was seen there. */
  enough: number;
  /** Whether the policy decides by it in mode 1 alone. */
  isForMode1: boolean;
  /** What is predicted, as the policy's decisions name it; undefined where none tells it. Without a component it is of nodes. */
  predicts?: { metric: string; application?: string | undefined; component?: string | undefined };
  places: LearntPlace[];
}

/** How well it is known on one node. */
export interface LearntPlace {
  node: string;
  /** What predicts there now: "line", "forest". */
  by: string;
  samples: number;
  /** Mean absolute error of the latest predictions, in the model's unit; null where nobody keeps it. */
  meanError: number | null;
  /** Why that one predicts and not another, where there are several. */
  why?: string;
  /** What was learnt. Of a line: how much one more of a feature adds. Of a forest: the share of its splits that are on it. */
  weights?: { feature: string; value: number; unit: string }[];
}
