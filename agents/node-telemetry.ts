import type { Sample, Telemetry } from './bus/messages.ts';
import type { Clock } from './clock.ts';
import { type AgentConfig, anyAddress, type Log, type TelemetryConfig } from './config.ts';
import type { TrackedComponent } from './host/signals.ts';
import { startExpositionServer } from './telemetry/exposition-server.ts';
import { OtlpExporter } from './telemetry/otlp/exporter.ts';
import { PushedMetrics } from './telemetry/otlp/pushed.ts';
import { startReceiver } from './telemetry/otlp/receiver.ts';
import { collector } from './telemetry/otlp/send.ts';
import { LinkProber } from './telemetry/probe/prober.ts';
import { ProbeResponder } from './telemetry/probe/responder.ts';

/** Readings older than so many intervals are not true any more. */
const staleIntervals = 5;

export interface NodeTelemetryOptions {
  config: AgentConfig;
  clock: Clock;
  log: Log;
  /** 0–1. */
  random: () => number;
  /** ms, precise, on a clock that never goes back. */
  now?: () => number;
}

/** What is pushed or probed comes now and then: who collects by asking is told it for so long. */
const toldForMs = 120_000;

/** What a node agent opens and sends besides the bus, as its config says: OpenMetrics, the OTLP receiver, probes of links, export to a collector. */
export class NodeTelemetry {
  readonly #options: NodeTelemetryOptions;
  readonly #settings: TelemetryConfig;
  readonly #now: () => number;
  readonly #pushed = new PushedMetrics();
  readonly #prober: LinkProber | undefined;
  readonly #responder: ProbeResponder | undefined;
  readonly #exporter: OtlpExporter | undefined;
  readonly #owned: { close(): void }[] = [];
  /** By metric and where it is from: what came now and then. */
  readonly #recent = new Map<string, { sample: Sample; at: number }>();
  #last: { telemetry: Telemetry; at: number } | undefined;

  /** @throws Error when the config cannot be followed: no address, no network */
  constructor(options: NodeTelemetryOptions) {
    const { config, clock, random } = options;
    this.#options = options;
    this.#settings = config.telemetry ?? {};
    this.#now = options.now ?? (() => performance.now());
    const { openMetrics, receiver, probe, otlp } = this.#settings;
    const log = (text: string): void => options.log('warn', text);
    const own = <T extends { close(): void }>(one: T): T => {
      this.#owned.push(one);
      return one;
    };
    if (openMetrics) own(startExpositionServer({ ...openMetrics, log }, () => this.#latest()));
    if (receiver) own(startReceiver({ ...receiver, log, now: this.#now }, this.#pushed));
    if (probe) {
      this.#responder = own(new ProbeResponder({ host: probe.host, port: probe.port, now: this.#now, log }));
      const { host, intervalMs, transferIntervalMs } = probe;
      const from = host === anyAddress ? undefined : host;
      this.#prober = own(new LinkProber({ clock, random, now: this.#now, intervalMs, transferIntervalMs, from }));
    }
    if (otlp) {
      const { intervalMs, ...to } = otlp;
      this.#exporter = own(new OtlpExporter({ clock, random, send: collector(to), intervalMs, log, version: config.version }));
    }
  }

  track(components: readonly TrackedComponent[]): void {
    this.#pushed.track(components);
  }

  /** @returns how many are probed */
  probe(peers: readonly { node: string; address: string }[]): number {
    const port = this.#settings.probe?.port;
    if (port === undefined) return 0;
    const others = peers.filter(({ node }) => node !== this.#options.config.node);
    this.#responder?.allow(others.map(({ address }) => address));
    this.#prober?.probe(others.map((peer) => ({ ...peer, port })));
    return others.length;
  }

  /** What came in besides the host's own readings since the last call. */
  samples(): Sample[] {
    const at = this.#now();
    const intermittent = [...this.#pushed.samples(at), ...(this.#prober?.samples() ?? [])];
    for (const sample of intermittent) {
      const { metric, application, component, peer } = sample;
      this.#recent.set(JSON.stringify([metric, application, component, peer]), { sample, at });
    }
    for (const [key, recent] of this.#recent) if (at - recent.at > toldForMs) this.#recent.delete(key);
    return [...intermittent, ...(this.#exporter?.samples() ?? [])];
  }

  /** What goes out over the bus goes to collectors too. */
  told(telemetry: Telemetry): void {
    this.#last = { telemetry, at: this.#now() };
    this.#exporter?.add(telemetry);
  }

  close(): void {
    for (const one of this.#owned.splice(0)) one.close();
  }

  #latest(): Telemetry | undefined {
    const { config } = this.#options;
    if (!this.#last || this.#now() - this.#last.at > staleIntervals * config.telemetryMs) return undefined;
    const { telemetry } = this.#last;
    const now = new Set(telemetry.samples);
    const recent = [...this.#recent.values()].map(({ sample }) => sample).filter((sample) => !now.has(sample));
    return { ...telemetry, samples: [...telemetry.samples, ...recent] };
  }
}
