import type { Sample, Telemetry } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import { isCounter } from '../metric-kinds.ts';
import { attributeList, cumulative, exportRequest } from './messages.ts';
import type { Send } from './send.ts';
import { encodeMessage, type Message } from './wire.ts';

/** Points of one request: some hundred kilobytes, which every collector takes. */
const mostPointsPerBatch = 4000;
/** Points that wait for a collector which does not answer: some minutes of a busy node, in a few megabytes. */
const mostPointsQueued = 20_000;
const retryMs = { first: 1000, most: 60_000 } as const;

export interface ExporterOptions {
  clock: Clock;
  /** 0–1: agents that lost one collector must not all come back at once. */
  random: () => number;
  send: Send;
  /** How long readings are gathered before they are sent. */
  intervalMs: number;
  /** Told when exporting fails for a new reason, and when it works again. */
  log: (text: string) => void;
  /** Attributes of the host as a resource. */
  version: string;
}

/** Sends telemetry on to any OTLP/HTTP collector: in batches, tried again with growing pauses, in a bounded queue. What had to be dropped is counted. */
export class OtlpExporter {
  readonly #options: ExporterOptions;
  readonly #startedAt: number;
  readonly #timer: { close(): void };
  #queue: Telemetry[] = [];
  #queued = 0;
  #dropped = 0;
  #exported = 0;
  #failures = 0;
  #notBefore = 0;
  #sending = false;
  #said = '';

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#timer = options.clock.every(options.intervalMs, () => this.flush());
  }

  add(telemetry: Telemetry): void {
    this.#queue.push(telemetry);
    this.#queued += telemetry.samples.length;
    while (this.#queued > mostPointsQueued && this.#queue.length > 1) this.#drop(this.#queue.shift()!);
  }

  /** How it goes, as counters of the node. */
  samples(): Sample[] {
    return [
      { metric: 'telemetry_export_points_total', value: this.#exported },
      { metric: 'telemetry_export_dropped_total', value: this.#dropped },
    ];
  }

  /** Sends all that waits, as long as it is taken. */
  async flush(): Promise<void> {
    if (this.#sending || this.#options.clock.now() < this.#notBefore) return;
    this.#sending = true;
    try {
      while (this.#queue.length > 0 && (await this.#sendBatch()));
    } finally {
      this.#sending = false;
    }
  }

  close(): void {
    this.#timer.close();
  }

  async #sendBatch(): Promise<boolean> {
    const { clock, random, send, log } = this.#options;
    let count = 0;
    const batch: Telemetry[] = [];
    for (const one of this.#queue) {
      if (batch.length > 0 && count + one.samples.length > mostPointsPerBatch) break;
      batch.push(one);
      count += one.samples.length;
    }
    const outcome = await send(encodeMessage(exportRequest, requestOf(batch, this.#startedAt, this.#options.version)));
    if (outcome.kind === 'taken') {
      if (this.#said !== '') log('exporting telemetry works again');
      this.#said = '';
      this.#failures = 0;
      this.#exported += count - outcome.rejected;
      this.#dropped += outcome.rejected;
      this.#remove(batch);
      return true;
    }
    if (outcome.reason !== this.#said) log(`telemetry is not exported: ${outcome.reason}`);
    this.#said = outcome.reason;
    if (outcome.kind === 'refused') {
      // It would be refused again.
      this.#dropped += count;
      this.#remove(batch);
      return false;
    }
    const pauseMs = Math.min(retryMs.first * 2 ** this.#failures, retryMs.most) * (0.5 + random() / 2);
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#notBefore = clock.now() + Math.max(pauseMs, outcome.retryAfterMs ?? 0);
    return false;
  }

  /** While it was sent, what was at the front may have been dropped for want of room. */
  #remove(batch: Telemetry[]): void {
    const done = new Set(batch);
    this.#queue = this.#queue.filter((one) => !done.has(one));
    this.#queued = this.#queue.reduce((sum, { samples }) => sum + samples.length, 0);
  }

  #drop(telemetry: Telemetry): void {
    this.#queued -= telemetry.samples.length;
    this.#dropped += telemetry.samples.length;
  }
}

const nano = 1e6;

/** An ExportMetricsServiceRequest: one resource for the node and one for each component on it; counters are cumulative since the agent's start. */
export function requestOf(batch: readonly Telemetry[], startedAt: number, version: string): Message {
  const resources = new Map<string, { attributes: Record<string, string>; metrics: Map<string, Message[]> }>();
  for (const { agent, cluster, node, time, samples } of batch)
    for (const { metric, value, application, component, peer, source } of samples) {
      if (!Number.isFinite(value)) continue;
      const key = JSON.stringify([node, application, component]);
      let resource = resources.get(key);
      if (!resource) {
        const attributes: Record<string, string> = { 'host.name': node, 'k8s.node.name': node, 'k8s.cluster.name': cluster };
        attributes['service.name'] = component ?? agent;
        if (application === undefined) attributes['service.version'] = version;
        else attributes['mlsysops.app'] = application;
        if (component !== undefined) attributes['mlsysops.component'] = component;
        resource = { attributes, metrics: new Map() };
        resources.set(key, resource);
      }
      const named: Record<string, string> = {};
      if (peer !== undefined) named.peer = peer;
      if (source !== undefined) named.source = source;
      const point: Message = { timeUnixNano: time * nano, asDouble: value, attributes: attributeList(named) };
      if (isCounter(metric)) point.startTimeUnixNano = startedAt * nano;
      const points = resource.metrics.get(metric);
      if (points) points.push(point);
      else resource.metrics.set(metric, [point]);
    }
  return {
    resourceMetrics: [...resources.values()].map(({ attributes, metrics }) => ({
      resource: { attributes: attributeList(attributes) },
      scopeMetrics: [
        {
          metrics: [...metrics].map(
            ([name, dataPoints]): Message =>
              isCounter(name)
                ? { name, sum: { dataPoints, aggregationTemporality: cumulative, isMonotonic: true } }
                : { name, gauge: { dataPoints } },
          ),
        },
      ],
    })),
  };
}
