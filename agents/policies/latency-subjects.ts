import type { ApplicationDescription, ComponentDescription } from '../descriptions/application.ts';
import { type ComponentView, servingPod } from '../orchestration/orchestrator.ts';
import type { Point, SeriesQuery, SlidingWindow } from '../telemetry/window.ts';
import type { ClusterSituation, NodeSituation } from './situation.ts';

/** A component with a latency target, where it runs, and what it last said. */
export interface Subject {
  application: ApplicationDescription;
  component: ComponentDescription;
  view: ComponentView;
  node: string;
  metric: string;
  target: number;
  latency: SeriesQuery;
  covariate: SeriesQuery;
}

export const keyOf = ({ application, component, metric }: Subject): string =>
  `${application.name}/${component.metadata.name}/${metric}`;
export const componentQuery = ({ application, component }: Subject) => ({
  application: application.name,
  component: component.metadata.name,
});

/** Components that run and have a target for something that must be low. */
export function subjectsOf(
  view: ClusterSituation,
  window: SlidingWindow,
  covariateMetric: string,
  only?: { application?: string; component?: string },
): Subject[] {
  return view.applications.flatMap(({ description }) =>
    description.components.flatMap((component): Subject[] => {
      if (only && (only.application !== description.name || only.component !== component.metadata.name)) return [];
      const placed = view.components.find(
        (one) => one.application === description.name && one.component === component.metadata.name,
      );
      const pod = placed && servingPod(placed);
      if (!placed || !pod?.ready || pod.node === null) return [];
      const node = pod.node;
      return (component.qos_metrics ?? [])
        .filter(({ relation }) => relation === 'lower_or_equal' || relation === 'lower_than')
        .map(({ application_metric_id: metric, target }) => ({
          application: description,
          component,
          view: placed,
          node,
          metric,
          target,
          latency: latencyQuery(window, metric, description.name, component.metadata.name),
          covariate: { metric: covariateMetric, application: description.name },
        }));
    }),
  );
}

/** The component's own metric; where only another of the application tells it (a camera times the whole way), that. */
function latencyQuery(window: SlidingWindow, metric: string, application: string, component: string): SeriesQuery {
  const own = { metric, application, component };
  return window.latest(own).length > 0 ? own : { metric, application };
}

/** Relative speeds: by frequency where every node tells it, else by the root of the cores, for a pipeline uses few of them at once. */
export function speedIn(view: ClusterSituation): (node: string) => number {
  const allTell = view.nodes.every(({ frequencyGHz, taints }) => frequencyGHz !== null || taints.length > 0);
  const speeds = new Map(view.nodes.map(({ name, frequencyGHz, cores }) => [name, allTell ? frequencyGHz : Math.sqrt(cores)]));
  return (name) => speeds.get(name) || 1;
}

/** Load of the subject's node that is not its own, over time from `since` on. */
export function othersLoad(window: SlidingWindow, view: ClusterSituation, subject: Subject, since: number): Point[] {
  const cores = Math.max(view.nodes.find(({ name }) => name === subject.node)?.cores ?? 1, 1);
  const own = window.points({ ...componentQuery(subject), metric: 'component_cpu_cores', node: subject.node }, since);
  return window
    .points({ metric: 'cpu_used_ratio', node: subject.node, component: '' }, since)
    .map(({ time, value }) => ({ time, value: Math.max(value - (before(own, time) ?? 0) / cores, 0) }));
}

/** Share of its own node that the component itself uses, 0–1: it is not load from others. */
export function ownShare(subject: Subject, { name, cores }: NodeSituation, window: SlidingWindow): number {
  const own = window.usual({ ...componentQuery(subject), metric: 'component_cpu_cores', node: name }) ?? 0;
  return Math.min(own / Math.max(cores, 1), 1);
}

/** Value of the last point at or before a time. */
export const before = (points: Point[], time: number): number | undefined =>
  points.findLast((point) => point.time <= time)?.value;
