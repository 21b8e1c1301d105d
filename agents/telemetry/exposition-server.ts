import type { Telemetry } from '../bus/messages.ts';
import { type HttpServiceOptions, startHttpService } from './http-service.ts';
import { metadataOf } from './metadata.ts';
import { isCounter } from './metric-kinds.ts';
import { type Exposed, formatOpenMetrics } from './openmetrics.ts';

const contentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export interface ExpositionServer {
  readonly port: number | null;
  listening: Promise<void>;
  close(): void;
}

/**
 * The node's latest readings and those of its components as OpenMetrics on GET /metrics, for any collector.
 * @param latest the last telemetry that was told; undefined when there is none, or none that is still true: then the answer is 503
 */
export function startExpositionServer(options: HttpServiceOptions, latest: () => Telemetry | undefined): ExpositionServer {
  return startHttpService(options, (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const path = request.url?.split('?')[0];
    if (path !== '/metrics' && path !== '/') {
      response.writeHead(404).end();
      return;
    }
    const telemetry = latest();
    if (telemetry === undefined) {
      response.writeHead(503, { 'content-type': 'text/plain', 'retry-after': '1' }).end('there are no readings now\n');
      return;
    }
    const text = exposition(telemetry);
    response.writeHead(200, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) });
    response.end(request.method === 'HEAD' ? undefined : text);
  });
}

/** Telemetry as an exposition; where a sample is from is in its labels. */
export function exposition({ cluster, node, samples }: Telemetry): string {
  const exposed = samples.map(({ metric, value, application, component, peer, source }): Exposed => {
    const labels: Record<string, string> = { cluster, node };
    for (const [label, text] of Object.entries({ application, component, peer, source }))
      if (text !== undefined) labels[label] = text;
    return { metric: exposedName(metric), labels, value };
  });
  return formatOpenMetrics(exposed, metadataOf);
}

/** OpenMetrics wants counters to end in _total, and other names to be of its alphabet. */
function exposedName(metric: string): string {
  const name = metric.replace(/[^a-zA-Z0-9_:]/g, '_').replace(/^(?=\d)/, '_');
  return isCounter(metric) && !name.endsWith('_total') ? `${name}_total` : name;
}
