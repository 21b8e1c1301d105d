/** A pod as its cluster tells of it. */
export interface PodView {
  name: string;
  uid: string;
  node: string | null;
  ip: string | null;
  ready: boolean;
  phase: string;
  /** It has been told to end. */
  leaving: boolean;
  /** Why it does not run, in Kubernetes' words: "ImagePullBackOff: …". */
  reason: string | undefined;
  createdAt: number;
  planUid: string;
  metricsPort: number | undefined;
}
