import type { SlidingWindow } from '../../telemetry/window.ts';

/** Numbers that go over to a file at once: some 400 kB. */
const mostPoints = 20_000;

export interface ShownSeries {
  metric: string;
  node: string;
  application: string;
  component: string;
  source?: string;
  times: number[];
  values: number[];
}

/** All series of these metrics since a time; of very many only their newest points, as many of each. */
export function shownSeries(window: SlidingWindow, metrics: readonly string[], since: number): ShownSeries[] {
  const found = metrics.flatMap((metric) => window.latest({ metric }).filter(({ time }) => time >= since));
  const each = Math.max(1, Math.floor(mostPoints / Math.max(found.length, 1)));
  return found.map(({ metric, node, application, component, peer, source }) => {
    const points = window.points({ metric, node, application, component, peer }, since).slice(-each);
    return {
      metric,
      node,
      application,
      component,
      ...(source !== undefined && { source }),
      times: points.map(({ time }) => time),
      values: points.map(({ value }) => value),
    };
  });
}
