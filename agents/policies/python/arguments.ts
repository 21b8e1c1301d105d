import type { DescribedApplication } from '../../orchestration/orchestrator.ts';
import type { SlidingWindow } from '../../telemetry/window.ts';
import type { ClusterSituation } from '../situation.ts';
import type { Frame, PolicyArguments } from './python-process.ts';

/** How far back the framework's frame goes, and how long a reading stands for now when its series says nothing new. */
const spanS = 30;
const holdS = 10;

/** Metrics that policy files ask for by the names of Prometheus' node exporter. */
const aliases: Record<string, string> = { node_load1: 'load_1m' };

/** QoS metrics of an application, which its policies see besides those that they ask for. */
export const metricsOf = ({ description }: DescribedApplication): string[] =>
  description.components.flatMap(({ qos_metrics: own = [] }) => own.map((metric) => metric.application_metric_id));

/**
 * The framework's frame: a row a second over the last 30 s, `timestamp` in seconds since the epoch and a column a metric. A metric that several
 * nodes tell is their mean; where a series is silent, its last value stands for 10 s, then null.
 */
export function frameOf(window: SlidingWindow, metrics: readonly string[], now: number, application?: string): Frame {
  const names = [...new Set(metrics)];
  const end = Math.floor(now / 1000);
  const columns = names.map((name) => column(window, aliases[name] ?? name, end, application));
  const rows = Array.from({ length: spanS }, (_, index) => [
    end - spanS + 1 + index,
    ...columns.map((values) => values[index] ?? null),
  ]);
  // Seconds of which nothing at all is known are no rows: an empty frame says so.
  return { columns: ['timestamp', ...names], rows: rows.filter((row) => row.slice(1).some((value) => value !== null)) };
}

function column(window: SlidingWindow, metric: string, end: number, application: string | undefined): (number | null)[] {
  const own = window.latest({ metric, ...(application !== undefined && { application }) });
  const series = (own.length > 0 ? own : window.latest({ metric })).map(({ node, application: of, component }) =>
    window.points({ metric, node, application: of, component }, (end - spanS - holdS) * 1000),
  );
  return Array.from({ length: spanS }, (_, index) => {
    const at = (end - spanS + 2 + index) * 1000;
    const values = series.flatMap((points) => {
      const point = points.findLast(({ time }) => time < at);
      return point && at - point.time <= holdS * 1000 ? [point.value] : [];
    });
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  });
}

/** Descriptions and states in the framework's shapes, for the policies of a cluster agent. */
export function argumentsOf(
  view: ClusterSituation,
  applications: readonly DescribedApplication[],
  telemetry: Frame,
  modelEndpoint: string | null,
): PolicyArguments {
  const nodes = view.nodes.filter(({ taints, unschedulable }) => taints.length === 0 && !unschedulable).map(({ name }) => name);
  const placed = (application: string, component: string) =>
    view.components.find((one) => one.application === application && one.component === component)?.pin ?? null;
  const states = Object.fromEntries(
    view.applications.map(({ description }) => [
      description.name,
      {
        components: Object.fromEntries(
          description.components.map(({ metadata }) => [metadata.name, { node_placed: placed(description.name, metadata.name) }]),
        ),
      },
    ]),
  );
  return {
    application_description: applications.map(({ uid, description }) => ({
      name: description.name,
      app_uid: uid,
      spec: description,
    })),
    system_description: { MLSysOpsCluster: { cluster_id: view.cluster, nodes } },
    mechanisms: {
      fluidity: {
        state: {
          applications: states,
          nodes: Object.fromEntries(view.nodes.map(({ name, ready, labels }) => [name, { ready, labels }])),
        },
        options: { actions: ['deploy', 'remove', 'move'], hosts: nodes },
      },
    },
    telemetry,
    ml_connector: modelEndpoint,
  };
}
