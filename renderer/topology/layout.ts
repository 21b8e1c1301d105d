import type { ComponentStatus, Topology, TopologyNode } from '../state/types.ts';

/** Rectangles in CSS pixels. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}
export interface Pill extends Box {
  application: string;
  component: ComponentStatus;
  node: string;
}
export interface NodeBox extends Box {
  node: TopologyNode;
  pills: Pill[];
}
export interface ClusterBox extends Box {
  cluster: Topology['clusters'][number];
  nodes: NodeBox[];
  /** Too many nodes for boxes: one square each. */
  squares: (Box & { node: TopologyNode })[];
}
export interface DataLink {
  from: string;
  to: string;
  path: string;
  kind: 'data' | 'moving';
}
export interface Trunk {
  key: string;
  path: string;
  /** The node it leads to; null between continuum and cluster, and to a cluster's folded nodes. */
  node: string | null;
  /** Where its label stands. */
  at: { x: number; y: number };
}
export interface TopologyLayout {
  width: number;
  height: number;
  lanes: { continuum: Box; clusters: Box; nodes: Box };
  continuum: Box;
  clusters: ClusterBox[];
  /** Control links: continuum to cluster, cluster to node. */
  trunks: Trunk[];
  links: DataLink[];
}

const left = 96;
const right = 14;
const gap = 38;
const narrowestNode = 206;
const widestNode = 292;
/** Beyond this a cluster folds into squares. */
const mostBoxes = 12;
const square = 24;
const pillHeight = 42;
const pillGap = 14;
/** From a node box's top to its first pill. */
const pillTop = 164;
/** Under the nodes, where the zoom buttons stand when everything is seen. */
const underNodes = 54;
const roleOrder = { management: 0, master: 1, worker: 2 } as const;

/** Management first, then masters, then workers, by name: the same places whatever else changes. */
export function orderNodes(nodes: readonly TopologyNode[]): TopologyNode[] {
  return [...nodes].sort(
    (a, b) => roleOrder[a.role] - roleOrder[b.role] || a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
}

/**
 * Three lanes: continuum above clusters above nodes; a cluster spans exactly its nodes. Pure: the same topology and size give the same
 * places, and readings do not count.
 */
export function layoutTopology(topology: Topology, width: number, height: number): TopologyLayout {
  const clusters = [...topology.clusters].sort(
    (a, b) =>
      (a.role === 'management' ? 0 : 1) - (b.role === 'management' ? 0 : 1) ||
      a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
  const members = clusters.map((cluster) => orderNodes(topology.nodes.filter((node) => node.cluster === cluster.name)));
  const columnsOf = (nodes: readonly TopologyNode[]) => (nodes.length > mostBoxes ? 3 : Math.max(1, nodes.length));
  const columns = members.reduce((sum, nodes) => sum + columnsOf(nodes), 0);
  const available = (Math.max(width, 0) - left - right - gap * Math.max(0, columns - 1)) / Math.max(1, columns);
  const nodeWidth = Math.min(widestNode, Math.max(narrowestNode, Math.floor(available)));

  const mostPills = Math.max(0, ...topology.nodes.map((node) => componentsOn(topology, node.name).length));
  const neededNode = Math.max(302, pillTop + mostPills * (pillHeight + pillGap) + 40);
  const extra = Math.max(0, height - (102 + 114 + neededNode + 14 + underNodes));
  const air = Math.min(44, Math.floor(extra / 4));
  const laneContinuum = 102 + air;
  const laneClusters = 114 + air;
  const nodesTop = laneContinuum + laneClusters + 22;
  const nodeHeight = Math.max(neededNode, Math.min(neededNode + 60, height - nodesTop - underNodes));
  const clusterTop = laneContinuum + 22;
  const clusterHeight = 68;

  let x = left;
  const clusterBoxes = clusters.map((cluster, index): ClusterBox => {
    const nodes = members[index] ?? [];
    const span = columnsOf(nodes);
    const clusterWidth = span * nodeWidth + (span - 1) * gap;
    const folded = nodes.length > mostBoxes;
    const box: ClusterBox = {
      cluster,
      x,
      y: clusterTop,
      width: clusterWidth,
      height: clusterHeight,
      nodes: folded
        ? []
        : nodes.map((node, at) => placeNode(topology, node, x + at * (nodeWidth + gap), nodesTop, nodeWidth, nodeHeight)),
      squares: folded ? placeSquares(nodes, x, nodesTop, clusterWidth) : [],
    };
    x += clusterWidth + gap;
    return box;
  });

  const continuum = placeContinuum(clusterBoxes, laneContinuum);
  const total = Math.max(width, x - gap + right, continuum.x + continuum.width + right);
  const bottom = Math.max(nodesTop + nodeHeight, ...clusterBoxes.flatMap((box) => box.squares.map((one) => one.y + one.height)));
  const fullHeight = Math.max(height, bottom + underNodes);
  return {
    width: total,
    height: fullHeight,
    lanes: {
      continuum: { x: 0, y: 0, width: total, height: laneContinuum },
      clusters: { x: 0, y: laneContinuum, width: total, height: laneClusters },
      nodes: { x: 0, y: laneContinuum + laneClusters, width: total, height: fullHeight - laneContinuum - laneClusters },
    },
    continuum,
    clusters: clusterBoxes,
    trunks: trunksOf(continuum, clusterBoxes),
    links: linksOf(topology, clusterBoxes),
  };
}

export function componentsOn(topology: Topology, node: string): { application: string; component: ComponentStatus }[] {
  return topology.applications.flatMap(({ application, components }) =>
    components.filter((component) => component.node === node).map((component) => ({ application, component })),
  );
}

function placeNode(topology: Topology, node: TopologyNode, x: number, y: number, width: number, height: number): NodeBox {
  const pills = componentsOn(topology, node.name).map(
    ({ application, component }, index): Pill => ({
      application,
      component,
      node: node.name,
      x: x + 12,
      y: y + pillTop + index * (pillHeight + pillGap),
      width: width - 24,
      height: pillHeight,
    }),
  );
  return { node, x, y, width, height, pills };
}

function placeSquares(nodes: readonly TopologyNode[], x: number, y: number, width: number) {
  const perRow = Math.max(1, Math.floor((width + 4) / (square + 4)));
  return nodes.map((node, index) => ({
    node,
    x: x + (index % perRow) * (square + 4),
    y: y + Math.floor(index / perRow) * (square + 4),
    width: square,
    height: square,
  }));
}

/** Over the member clusters, where it acts; the management cluster that carries it is reached by a line to its side. */
function placeContinuum(clusters: readonly ClusterBox[], lane: number): Box {
  const over = clusters.filter(({ cluster }) => cluster.role === 'member');
  const spanned = over.length > 0 ? over : clusters;
  const start = spanned[0]?.x ?? left;
  const end = spanned.at(-1) ? spanned.at(-1)!.x + spanned.at(-1)!.width : start + 450;
  return { x: start, y: Math.round((lane - 60) / 2), width: Math.max(450, Math.min(560, end - start)), height: 60 };
}

function trunksOf(continuum: Box, clusters: readonly ClusterBox[]): Trunk[] {
  const trunks: Trunk[] = [];
  for (const box of clusters) {
    const middle = box.x + box.width / 2;
    const under = continuum.y + continuum.height;
    const side = continuum.y + continuum.height / 2;
    const path =
      middle < continuum.x
        ? `M${continuum.x} ${side}H${middle + 8}q-8 0-8 8V${box.y}`
        : middle <= continuum.x + continuum.width
          ? `M${middle} ${under}V${box.y}`
          : `M${continuum.x + continuum.width} ${side}H${middle - 8}q8 0 8 8V${box.y}`;
    trunks.push({ key: box.cluster.name, path, node: null, at: { x: middle, y: (under + box.y) / 2 } });
    for (const node of box.nodes) {
      const x = node.x + node.width / 2;
      const foot = box.y + box.height;
      const key = `${box.cluster.name}/${node.node.name}`;
      trunks.push({ key, path: `M${x} ${foot}V${node.y}`, node: node.node.name, at: { x, y: (foot + node.y) / 2 } });
    }
    const first = box.squares[0];
    if (first) {
      const foot = box.y + box.height;
      const at = { x: middle, y: (foot + first.y) / 2 };
      trunks.push({ key: `${box.cluster.name}/*`, path: `M${middle} ${foot}V${first.y}`, node: null, at });
    }
  }
  return trunks;
}

/** Data paths between running components, and a dashed line from a component that leaves to the same one starting elsewhere. */
function linksOf(topology: Topology, clusters: readonly ClusterBox[]): DataLink[] {
  const pills = clusters.flatMap((box) => box.nodes.flatMap((node) => node.pills));
  const links: DataLink[] = [];
  for (const { application, components } of topology.applications) {
    const ofApplication = pills.filter((pill) => pill.application === application);
    const serving = (name: string) =>
      ofApplication.find((pill) => pill.component.name === name && pill.component.state === 'running') ??
      ofApplication.find((pill) => pill.component.name === name && pill.component.state === 'leaving') ??
      ofApplication.find((pill) => pill.component.name === name);
    for (const component of components) {
      const from = serving(component.name);
      if (!from || from.component !== component) continue;
      for (const name of component.sendsTo) {
        const to = serving(name);
        if (to) links.push({ from: component.name, to: name, path: pathBetween(from, to), kind: 'data' });
      }
    }
    for (const leaving of ofApplication.filter((pill) => pill.component.state === 'leaving')) {
      const coming = ofApplication.find(
        (pill) =>
          pill.component.name === leaving.component.name &&
          (pill.component.state === 'starting' || pill.component.state === 'pending'),
      );
      if (coming)
        links.push({
          from: leaving.component.name,
          to: coming.component.name,
          path: pathBetween(leaving, coming),
          kind: 'moving',
        });
    }
  }
  return links;
}

/** Down within a node; a curve from side to side between nodes. */
export function pathBetween(from: Box, to: Box): string {
  if (from.x === to.x) {
    const x = from.x + 40;
    if (Math.abs(to.y - from.y) <= pillHeight + pillGap) {
      return to.y > from.y ? `M${x} ${from.y + from.height + 1}V${to.y - 3}` : `M${x} ${from.y - 1}V${to.y + to.height + 3}`;
    }
    const side = from.x + from.width;
    const start = from.y + from.height / 2;
    const end = to.y + to.height / 2;
    return `M${side} ${start}C${side + 24} ${start} ${side + 24} ${end} ${side + 3} ${end}`;
  }
  const forward = to.x > from.x;
  const startX = forward ? from.x + from.width : from.x;
  const endX = forward ? to.x - 4 : to.x + to.width + 4;
  const startY = from.y + from.height / 2;
  const endY = to.y + to.height / 2;
  if (startY === endY) return `M${startX} ${startY}H${endX}`;
  const bend = (forward ? 1 : -1) * Math.min(40, Math.abs(endX - startX) * 0.6);
  return `M${startX} ${startY}C${startX + bend} ${startY} ${endX - bend} ${endY} ${endX} ${endY}`;
}
