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

/**
 * Reads an OpenMetrics or Prometheus text exposition (https://prometheus.io/docs/specs/om/open_metrics_spec). Comments and metadata are
 * passed over, NaN is kept as NaN.
 * @throws OpenMetricsError
 */
export function parseOpenMetrics(text: string): Exposed[] {
  const found: Exposed[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '# EOF') break;
    if (line === '' || line.startsWith('#')) continue;
    const fail = (): never => {
      throw new OpenMetricsError(`line ${index + 1} is no sample: ${line.slice(0, 80)}`);
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
    const value = readNumber(valueText ?? '');
    if (value === undefined) fail();
    // OpenMetrics tells seconds, the older Prometheus text format milliseconds.
    const stamp = timeText === undefined ? undefined : Number(timeText);
    if (stamp !== undefined && Number.isNaN(stamp)) fail();
    found.push({ metric, labels, value: value!, ...(stamp !== undefined && { time: stamp > 1e11 ? stamp : stamp * 1000 }) });
  }
  return found;
}

/** Writes an exposition; each metric is a gauge unless it ends in `_total`, which is a counter. */
export function formatOpenMetrics(samples: Exposed[]): string {
  const byMetric = new Map<string, Exposed[]>();
  for (const sample of samples) byMetric.set(sample.metric, [...(byMetric.get(sample.metric) ?? []), sample]);
  const lines: string[] = [];
  for (const [metric, group] of byMetric) {
    const isCounter = metric.endsWith('_total');
    lines.push(`# TYPE ${isCounter ? metric.slice(0, -'_total'.length) : metric} ${isCounter ? 'counter' : 'gauge'}`);
    for (const { labels, value, time } of group) {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
      const set = pairs.length > 0 ? `{${pairs.join(',')}}` : '';
      lines.push(`${metric}${set} ${writeNumber(value)}${time === undefined ? '' : ` ${time / 1000}`}`);
    }
  }
  return `${lines.join('\n')}${lines.length ? '\n' : ''}# EOF\n`;
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
const unescapeLabel = (text: string): string =>
  text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
