import type { Line } from '../../charts/lines.ts';
import { metricTitle, metricUnit } from '../../parts/format.ts';
import { mergeByTime } from '../../shell/merge-by-time.ts';
import type { Headline } from '../../state/headline.ts';
import type { Series } from '../../state/types.ts';
import { isLinkMetric, linkEveryMs, linkWords, worstLink } from './link-lines.ts';
import { hostMetrics } from './metric-choice.ts';

export interface ChartDefinition {
  id: string;
  title: string;
  unit: string;
  lines: Line[];
  target?: { value: number; relation: string } | undefined;
  /** Spans two columns. */
  wide?: boolean;
  /** How seldom it is told by its nature, ms: so long a silence is nothing to speak of. */
  everyMs?: number;
  /** "simulated", "model", or both with "measured"; empty when plainly measured. */
  source: string;
}

const sourceOf = (series: readonly Series[]): string => {
  const sources = [...new Set(series.map((one) => one.source))].filter((source) => source !== 'measured');
  return sources.join(', ');
};

/** Nodes keep their colour on every chart; the order is that of their names. */
export const nodeSeries = (nodes: readonly string[], node: string): number => (Math.max(0, nodes.indexOf(node)) % 6) + 1;

/** What an application wants of a metric. */
export interface MetricTarget {
  application: string;
  metric: string;
  target: number;
  relation: string;
}

export function defineCharts(
  series: readonly Series[],
  metrics: readonly string[],
  nodes: readonly string[],
  headline: Headline | null,
  targets: readonly MetricTarget[] = [],
): ChartDefinition[] {
  return metrics.flatMap((metric): ChartDefinition[] => {
    const own = series.filter((one) => one.key.metric === metric);
    if (own.length === 0) return [];
    const unit = metricUnit(metric) || (own[0]?.unit ?? '');
    const base = { id: metric, unit, source: sourceOf(own) };
    if (isLinkMetric(metric)) {
      const froms = [...new Set(own.map((one) => one.key.node))].sort((a, b) => nodes.indexOf(a) - nodes.indexOf(b));
      const lines = froms.map((node) => ({
        label: node,
        series: nodeSeries(nodes, node),
        ...worstLink(
          metric,
          own.filter((one) => one.key.node === node),
        ),
      }));
      return [{ ...base, title: `${metricTitle(metric)}, ${linkWords(metric)}`, lines, everyMs: linkEveryMs }];
    }
    const ofNodes = own.filter((one) => one.key.component === '');
    if (hostMetrics.includes(metric) || ofNodes.length === own.length) {
      const lines = ofNodes
        .sort((a, b) => nodes.indexOf(a.key.node) - nodes.indexOf(b.key.node))
        .map((one) => ({ label: one.key.node, series: nodeSeries(nodes, one.key.node), times: one.times, values: one.values }));
      return lines.length > 0 ? [{ ...base, title: metricTitle(metric), lines }] : [];
    }
    if (metric === 'component_cpu_cores') {
      const names = [...new Set(own.map((one) => one.key.component))].sort();
      const lines = names.map((name, index) => ({
        label: name,
        series: (index % 6) + 1,
        ...merged(own.filter((one) => one.key.component === name)),
      }));
      return [{ ...base, title: metricTitle(metric), lines }];
    }
    // A metric of the application is one line wherever its component runs.
    const isHeadline = headline?.metric === metric;
    // Of several applications the one that wants it first: a chart has one target.
    const goal = isHeadline ? headline : targets.find((target) => target.metric === metric);
    const line: Line = {
      label: isHeadline ? headline.application : metricTitle(metric).toLowerCase(),
      series: 1,
      ...merged(own),
    };
    return [
      {
        ...base,
        title: isHeadline ? `${headline.application} ${metricTitle(metric).toLowerCase()}` : metricTitle(metric),
        lines: [line],
        ...(goal ? { target: { value: goal.target, relation: goal.relation } } : {}),
        ...(isHeadline ? { wide: true } : {}),
      },
    ];
  });
}

function merged(series: readonly Series[]): { times: number[]; values: (number | null)[] } {
  const points = mergeByTime(series);
  return { times: points.map(([time]) => time), values: points.map(([, value]) => value) };
}
