import { get } from 'node:http';
import type { Sample } from '../bus/messages.ts';
import type { TrackedComponent } from '../host/signals.ts';
import { parseOpenMetrics } from './openmetrics.ts';

/** A component on the same host answers in milliseconds; one that takes longer would hold up all telemetry. */
const timeoutMs = 800;
const mostBytes = 512 * 1024;
const mostSamples = 200;

/** Reads a component's OpenMetrics endpoint. Plain gauges and counters only: no buckets, no quantiles. @throws Error */
export async function scrapeComponent({ application, component, metricsUrl }: TrackedComponent): Promise<Sample[]> {
  if (metricsUrl === undefined) return [];
  return parseOpenMetrics(await fetchText(metricsUrl))
    .filter(({ labels, value }) => !('le' in labels) && !('quantile' in labels) && Number.isFinite(value))
    .slice(0, mostSamples)
    .map(({ metric, value }) => ({ metric, value, application, component }));
}

/** node:http rather than fetch, which alone would take a tenth of the node agent's memory. */
function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(
      url,
      { timeout: timeoutMs, headers: { accept: 'application/openmetrics-text, text/plain' } },
      (response) => {
        if (response.statusCode !== 200) {
          response.resume();
          reject(new Error(`${url} answered ${response.statusCode}`));
          return;
        }
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > mostBytes) request.destroy(new Error(`${url} sends more than ${mostBytes} bytes`));
        });
        response.on('end', () => resolve(text));
        response.on('error', reject);
      },
    );
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer within ${timeoutMs} ms`)));
    request.on('error', reject);
  });
}
