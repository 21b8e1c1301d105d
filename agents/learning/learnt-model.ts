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
}
