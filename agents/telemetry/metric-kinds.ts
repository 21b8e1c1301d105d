/** Counters of ours that are not named as such: joules are named by their unit, as power is. */
const counters = new Set(['energy_j']);

/** Whether a metric only ever grows (but for resets): by OpenMetrics' suffixes, and a few of our own. */
export const isCounter = (metric: string): boolean => metric.endsWith('_total') || counters.has(metric);
