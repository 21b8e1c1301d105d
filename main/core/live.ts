import type { Subscription } from '../../agents/bus/bus.ts';
import type { DecisionRecord } from '../../agents/decision/record.ts';
import type { Topology } from '../contract/topology.ts';
import type { Store } from '../store/store.ts';
import type { ClusterState } from './cluster-state.ts';
import type { TestbedLink } from './link/link.ts';
import { Listeners } from './listeners.ts';
import { type LiveReading, LiveState } from './live-state.ts';
import { Mailbox, pause } from './mailbox.ts';
import type { TestbedEntry } from './testbeds.ts';
import { pictureOf, topologyOf } from './topology.ts';

/** How long a link stays open after the last watcher has gone: a page that is opened again finds everything there. */
const idleMs = 60_000;
/** Snapshots and batches go to a watcher at most this often. */
const intervalMs = 1000;
/** How often the APIs are asked for what is kept, while nobody looks. */
const keptPollMs = 20_000;
/** Readings held for a watcher that takes none. */
const maximumHeld = 20_000;
/** Decisions whose last revision is known without asking the store. */
const maximumRevisions = 5000;

export interface LiveOptions {
  entry: TestbedEntry;
  store: Store;
  openLink(): Promise<TestbedLink>;
  /** `onChange` is called when the APIs say something new. */
  makeClusterState(onChange: () => void): ClusterState;
  now?: () => number;
  /** The testbed has a time of its own, which what it tells is dated by: a twin's. */
  ownTime?: boolean;
  idleMs?: number;
  log(text: string): void;
}

/** One testbed while it is up: what its link tells goes into the live state, into the store and to who watches. */
export class Live {
  readonly state: LiveState;
  readonly clusters: ClusterState;
  readonly #options: LiveOptions;
  readonly #changed = new Listeners<void>();
  readonly #readings = new Listeners<LiveReading[]>();
  readonly #decisions = new Listeners<DecisionRecord>();
  readonly #revisions = new Map<string, number>();
  #link: Promise<TestbedLink> | null = null;
  /** Since when it is listened to, by our own clock; null while it is not. */
  listeningSince: number | null = null;
  #holders = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #keeper: { close(): void } | null = null;
  #closed = new AbortController();

  constructor(options: LiveOptions) {
    this.#options = options;
    this.state = new LiveState(options.now ?? Date.now, options.ownTime);
    this.clusters = options.makeClusterState(() => this.#changed.tell());
  }

  /** The link, opened now if it is not. @throws what opening throws */
  async link(): Promise<TestbedLink> {
    this.#link ??= this.#open();
    try {
      return await this.#link;
    } catch (error) {
      this.#link = null;
      throw error;
    }
  }

  /** Keeps the link open until closed. @throws what opening the link throws */
  async hold(): Promise<Subscription> {
    this.#holders++;
    clearTimeout(this.#timer);
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      this.#holders--;
      if (this.#holders > 0) return;
      this.#timer = setTimeout(() => void this.#closeLink(), this.#options.idleMs ?? idleMs);
      this.#timer.unref();
    };
    try {
      await this.link();
      return { close: release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Snapshots, at most one a second and only when something has changed. */
  async watchTopology(emit: (topology: Topology) => Promise<void>, signal: AbortSignal): Promise<void> {
    let last = '';
    const send = async () => {
      const topology = topologyOf(this.#options.entry, this.state, this.clusters.value, this.state.time() ?? Date.now());
      const text = JSON.stringify({ ...topology, time: 0 });
      if (text === last) return;
      last = text;
      await emit(topology);
    };
    await this.#whileHeld(signal, async (ends) => {
      const mailbox = new Mailbox<void>(1);
      const hearing = this.#changed.add(() => mailbox.push(undefined));
      const asking = this.clusters.watch();
      // An agent that falls silent tells nothing: looking again is the only way to see it.
      const timer = setInterval(() => mailbox.push(undefined), intervalMs * 2);
      try {
        await send();
        while (await mailbox.take(ends)) {
          await send();
          await pause(intervalMs, ends);
        }
      } finally {
        clearInterval(timer);
        asking.close();
        hearing.close();
      }
    });
  }

  /** New readings, gathered for a second. */
  async watchTelemetry(
    wants: (metric: string) => boolean,
    emit: (readings: Pick<LiveReading, 'key' | 'time' | 'value'>[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#whileHeld(signal, async (ends) => {
      const mailbox = new Mailbox<LiveReading>(maximumHeld);
      const hearing = this.#readings.add((readings) => mailbox.push(...readings.filter(({ key }) => wants(key.metric))));
      try {
        for (let batch = await mailbox.take(ends); batch; batch = await mailbox.take(ends)) {
          await emit(batch.map(({ key, time, value }) => ({ key, time, value })));
          await pause(intervalMs, ends);
        }
      } finally {
        hearing.close();
      }
    });
  }

  /** Each decision as it is made, and each revision. */
  async watchDecisions(emit: (record: DecisionRecord) => Promise<void>, signal: AbortSignal): Promise<void> {
    await this.#whileHeld(signal, async (ends) => {
      const mailbox = new Mailbox<DecisionRecord>(maximumHeld);
      const hearing = this.#decisions.add((record) => mailbox.push(record));
      try {
        for (let records = await mailbox.take(ends); records; records = await mailbox.take(ends))
          for (const record of records) await emit(record);
      } finally {
        hearing.close();
      }
    });
  }

  /** Ends all watchers and closes the link. */
  async close(): Promise<void> {
    this.#closed.abort();
    clearTimeout(this.#timer);
    await this.#closeLink();
  }

  async #whileHeld(signal: AbortSignal, watch: (ends: AbortSignal) => Promise<void>): Promise<void> {
    const hold = await this.hold();
    try {
      await watch(AbortSignal.any([signal, this.#closed.signal]));
    } finally {
      hold.close();
    }
  }

  async #open(): Promise<TestbedLink> {
    const { store } = this.#options;
    const link = await this.#options.openLink();
    link.onHeartbeat((heartbeat) => {
      this.state.hearHeartbeat(heartbeat);
      this.#changed.tell();
    });
    link.onTelemetry((telemetry) => {
      const readings = this.state.hearTelemetry(telemetry);
      for (const reading of readings) store.telemetry.append(reading);
      this.#readings.tell(readings);
      this.#changed.tell();
    });
    link.onDecision((record) => {
      // What is fetched after a pause overlaps with what was heard.
      if (!this.#isNews(record)) return;
      store.decisions.save(record);
      this.#decisions.tell(record);
    });
    link.onApplication((status) => {
      this.state.hearApplication(status);
      this.#changed.tell();
    });
    this.listeningSince = Date.now();
    this.#keeper = this.#keepPictures();
    await link.catchUp();
    return link;
  }

  /** As long as somebody listens, how the testbed stands is kept whenever it has changed; then, that nobody does. */
  #keepPictures(): { close(): void } {
    const { store, entry } = this.#options;
    const asking = this.clusters.watch(keptPollMs);
    const keep = () => {
      const time = this.state.time();
      if (time === null) return;
      store.pictures.save({ time, picture: pictureOf(topologyOf(entry, this.state, this.clusters.value, time)) });
    };
    const timer = setInterval(keep, intervalMs);
    timer.unref();
    return {
      close: () => {
        clearInterval(timer);
        asking.close();
        keep();
        const time = this.state.time();
        if (time !== null) store.pictures.save({ time: time + 1, picture: null });
      },
    };
  }

  #isNews({ id, revision }: DecisionRecord): boolean {
    if ((this.#revisions.get(id) ?? -1) >= revision) return false;
    // Set anew, so that the order is that of hearing.
    this.#revisions.delete(id);
    this.#revisions.set(id, revision);
    const [oldest] = this.#revisions.keys();
    if (this.#revisions.size > maximumRevisions && oldest !== undefined) this.#revisions.delete(oldest);
    return true;
  }

  async #closeLink(): Promise<void> {
    const link = this.#link;
    this.#link = null;
    this.listeningSince = null;
    this.#keeper?.close();
    this.#keeper = null;
    try {
      await (await link)?.close();
    } catch (error) {
      // It never opened (whoever wanted it has heard), or ended by itself.
      this.#options.log(`${this.#options.entry.testbed.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
