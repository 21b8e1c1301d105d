import type { ClusterSituation } from './situation.ts';

/** A node on which nothing runs any more, as far as can be known. */
export interface LostNode {
  /** For people, after its name: "which is not in the cluster any more". */
  which: string;
  /** Taken out of the cluster; otherwise it may come back. */
  isGone: boolean;
}

/** Whether `node` is not in the cluster, or has not been ready for `afterMs`. While no node at all is known, none is lost. */
export function lostNode(view: ClusterSituation, node: string, now: number, afterMs: number): LostNode | undefined {
  if (view.nodes.length === 0) return undefined;
  const found = view.nodes.find(({ name }) => name === node);
  if (!found) return { which: 'which is not in the cluster any more', isGone: true };
  if (found.ready || found.notReadySince === undefined) return undefined;
  const silentMs = now - found.notReadySince;
  return silentMs < afterMs
    ? undefined
    : { which: `which has not been ready for ${Math.round(silentMs / 1000)} s`, isGone: false };
}

/** The view without what is on lost nodes: components that belong together must not hold each other there. */
export const withoutLost = (view: ClusterSituation, isLost: (node: string) => boolean): ClusterSituation => ({
  ...view,
  components: view.components.map((one) => (one.pin !== null && isLost(one.pin) ? { ...one, pin: null } : one)),
});
