/** One line of an OpenMetrics exposition. */
export interface Exposed {
  metric: string;
  labels: Record<string, string>;
  value: number;
  /** ms since the epoch, when the line carries it. */
  time?: number;
}

const name = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const labelPair = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,)?/y;

/** Text that is no OpenMetrics or Prometheus exposition; the message has the line. */
export class OpenMetricsError extends Error {
  override readonly name = 'OpenMetricsError';
}

export type MetricType = 'gauge' | 'counter' | 'histogram' | 'summary' | 'unknown';
const types: Record<string, MetricType> = { gauge: 'gauge', counter: 'counter', histogram: 'histogram', summary: 'summary' };

/** An exposition as it was read: its samples, and the type of each metric family that tells one. */
export interface Exposition {
  samples: Exposed[];
  types: Map<string, MetricType>;
}

/**
 * Reads an OpenMetrics or Prometheus text exposition (https://prometheus.io/docs/specs/om/open_metrics_spec). NaN is kept as NaN.
 * @throws OpenMetricsError
 */
export function parseExposition(text: string): Exposition {
  const samples: Exposed[] = [];
  const told = new Map<string, MetricType>();
  let number = 0;
  let from = 0;
  while (from < text.length) {
    const end = text.indexOf('\n', from);
    const line = text.slice(from, end < 0 ? undefined : end).trim();
    from = end < 0 ? text.length : end + 1;
    number++;
    if (line === '# EOF') break;
    if (line.startsWith('# TYPE ')) {
      const [, , family = '', type = ''] = line.split(/\s+/);
      told.set(family, types[type] ?? 'unknown');
    }
    if (line === '' || line.startsWith('#')) continue;
    samples.push(parseSample(line, number));
  }
  return { samples, types: told };
}

/** The samples alone. @throws OpenMetricsError */
export const parseOpenMetrics = (text: string): Exposed[] => parseExposition(text).samples;

function parseSample(line: string, number: number): Exposed {
  const fail = (): never => {
    throw new OpenMetricsError(`line ${number} is no sample: ${line.slice(0, 80)}`);
  };
  name.lastIndex = 0;
  const metric = name.exec(line)?.[0] ?? fail();
  let at = metric.length;
  const labels: Record<string, string> = {};
  if (line[at] === '{') {
    at++;
    while (line[at] !== '}') {
      labelPair.lastIndex = at;
      const pair = labelPair.exec(line) ?? fail();
      labels[pair[1]!] = unescapeLabel(pair[2]!);
      at = labelPair.lastIndex;
      if (pair[3] === undefined && line[at] !== '}') fail();
    }
    at++;
  }
  // An exemplar ("# {...} value") after the sample is of no use here.
  const [valueText, timeText] = line.slice(at).split('#')[0]!.trim().split(/\s+/);
  const value = readNumber(valueText ?? '') ?? fail();
  // OpenMetrics tells seconds, the older Prometheus text format milliseconds.
  const stamp = timeText === undefined ? undefined : Number(timeText);
  if (stamp !== undefined && Number.isNaN(stamp)) fail();
  return { metric, labels, value, ...(stamp !== undefined && { time: stamp > 1e11 ? stamp : stamp * 1000 }) };
}

/** What is known of a metric family besides its samples. */
export interface Metadata {
  help?: string;
  /** By which its name ends. */
  unit?: string;
}

/**
 * Writes an exposition: each metric is a gauge unless it ends in `_total`, which is a counter. Of samples with the same labels the first is written; a
 * counter and a gauge that would be one family (x_total, x) are kept apart by leaving the counter's type unknown.
 * @param metadata by family
 */
export function formatOpenMetrics(samples: readonly Exposed[], metadata: (family: string) => Metadata = () => ({})): string {
  const byMetric = new Map<string, Map<string, string>>();
  for (const { metric, labels, value, time } of samples) {
    const lines = byMetric.get(metric) ?? new Map<string, string>();
    byMetric.set(metric, lines);
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
    const set = pairs.length > 0 ? `{${pairs.join(',')}}` : '';
    // The same set in another order is the same set.
    const key = pairs.sort().join();
    if (!lines.has(key)) lines.set(key, `${metric}${set} ${writeNumber(value)}${time === undefined ? '' : ` ${time / 1000}`}`);
  }
  const written: string[] = [];
  for (const [metric, lines] of byMetric) {
    const family = metric.replace(/_total$/, '');
    const isCounter = family !== metric && family !== '' && !byMetric.has(family);
    const named = isCounter ? family : metric;
    const { help, unit } = metadata(named);
    const type = isCounter ? 'counter' : family === metric ? 'gauge' : 'unknown';
    written.push(`# TYPE ${named} ${type}`);
    if (unit !== undefined && named.endsWith(`_${unit}`)) written.push(`# UNIT ${named} ${unit}`);
    if (help !== undefined) written.push(`# HELP ${named} ${escapeHelp(help)}`);
    written.push(...lines.values());
  }
  return `${written.join('\n')}${written.length ? '\n' : ''}# EOF\n`;
}

const special: Record<string, number> = {
  '+Inf': Number.POSITIVE_INFINITY,
  Inf: Number.POSITIVE_INFINITY,
  '-Inf': Number.NEGATIVE_INFINITY,
  NaN: Number.NaN,
};
function readNumber(text: string): number | undefined {
  if (text in special) return special[text];
  const value = Number(text);
  return text === '' || Number.isNaN(value) ? undefined : value;
}
const writeNumber = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
const escapeLabel = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
const unescapeLabel = (text: string): string =>
  text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
