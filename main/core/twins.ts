import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TwinProcess } from '../../provisioning/twin/client.ts';
import type { TwinClock, TwinControl, TwinReady } from '../../provisioning/twin/protocol.ts';
import { ContractError } from '../contract/contract.ts';
import { Listeners } from './listeners.ts';
import { pause } from './mailbox.ts';
import type { TestbedEntry } from './testbeds.ts';
import { TwinLogs } from './twin-logs.ts';
import { type RememberedTwin, TwinMemory } from './twin-memory.ts';

export interface RunningTwin {
  process: TwinProcess;
  ready: TwinReady;
  /** Since when it is paused, ms since the epoch by our own clock; null while it is not. */
  pausedAt: number | null;
}

/** The twin's time is told this often to who watches it. */
const clockMs = 1000;

/** The twins that run, each with its agents in a child process of the core. */
export class Twins {
  readonly logs = new TwinLogs();
  readonly #program: string;
  readonly #assetsFolder: string;
  readonly #log: (text: string) => void;
  readonly #running = new Map<string, RunningTwin>();
  readonly #starting = new Map<string, TwinProcess>();
  readonly #stopping = new Set<string>();
  readonly #controlled = new Listeners<{ name: string; clock: TwinClock }>();
  readonly #resumed = new Listeners<{ name: string; pausedMs: number }>();

  /** `program` is the bundled process (dist/twin/process.mjs); the sample application is among the assets. */
  constructor(options: { program: string; assetsFolder: string; log: (text: string) => void }) {
    this.#assetsFolder = options.assetsFolder;
    this.#program = options.program;
    this.#log = options.log;
  }

  get any(): boolean {
    return this.#running.size > 0;
  }

  find(name: string): RunningTwin | null {
    return this.#stopping.has(name) ? null : (this.#running.get(name) ?? null);
  }

  /** @throws ContractError not-up when it does not run */
  get(name: string): RunningTwin {
    const twin = this.find(name);
    if (twin) return twin;
    throw notUp(name);
  }

  /** The child process, also while it is still starting. @throws ContractError not-up */
  process(name: string): TwinProcess {
    const process = this.#starting.get(name) ?? this.#running.get(name)?.process;
    if (process) return process;
    throw notUp(name);
  }

  /** @throws ContractError not-up, invalid-input */
  async control(name: string, control: TwinControl): Promise<TwinClock> {
    const twin = this.get(name);
    let clock: TwinClock;
    try {
      clock = await twin.process.control(control);
    } catch (error) {
      if (!this.#running.has(name)) throw notUp(name);
      throw new ContractError('invalid-input', error instanceof Error ? error.message : String(error));
    }
    if (clock.paused) twin.pausedAt ??= Date.now();
    else if (twin.pausedAt !== null) {
      const pausedMs = Date.now() - twin.pausedAt;
      twin.pausedAt = null;
      this.#resumed.tell({ name, pausedMs });
    }
    this.#controlled.tell({ name, clock });
    return clock;
  }

  /** Since when it stands still, by our own clock; null while it runs on. */
  pausedAt(name: string): number | null {
    return this.#running.get(name)?.pausedAt ?? null;
  }

  /** Told when a twin goes on, with how long it stood still, real ms. */
  onResumed(listener: (resumed: { name: string; pausedMs: number }) => void): { close(): void } {
    return this.#resumed.add(listener);
  }

  /** The twin's time until it ends or `signal` aborts. @throws ContractError not-up */
  async watchClock(name: string, emit: (clock: TwinClock) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { process } = this.get(name);
    while (!signal.aborted && process.isRunning) {
      const woken = new AbortController();
      const hearing = this.#controlled.add((controlled) => {
        if (controlled.name === name) woken.abort();
      });
      try {
        await emit(await process.clock());
        await pause(clockMs, AbortSignal.any([signal, woken.signal]));
      } catch (error) {
        if (process.isRunning) throw error;
      } finally {
        hearing.close();
      }
    }
  }

  /** Text of the kubeconfig of a cluster, or of "karmada". @throws ContractError not-up, no-such-cluster */
  kubeconfig(name: string, cluster: string): string {
    const { kubeconfigs } = this.get(name).ready;
    const kubeconfig = kubeconfigs[cluster];
    if (kubeconfig !== undefined) return kubeconfig;
    const known = Object.keys(kubeconfigs).join(', ');
    throw new ContractError('no-such-cluster', `The twin "${name}" has no cluster "${cluster}".`, `It has: ${known}.`);
  }

  /**
   * Resolves when its APIs and agents run; `remembered`: with the applications that it had. `onStarting` is called once there is a process that can be listened to, before it says
   * anything; `onEnd` when it ends by itself.
   * @throws TwinError
   */
  async start(
    entry: TestbedEntry,
    remembered: RememberedTwin | null,
    onStarting: () => Promise<void>,
    onEnd: (error: Error) => void,
  ): Promise<void> {
    const { name } = entry.testbed;
    if (this.#running.has(name)) return;
    const sample = join(this.#assetsFolder, 'applications', 'smart-camera.yaml');
    const own = entry.testbed.applications;
    const usual = own.length > 0 ? own : [await readFile(sample, 'utf8')];
    const applications = remembered ? Object.values(remembered.applications) : usual;
    await new TwinMemory(entry.folder.twin).begin(applications, remembered ?? {});
    this.logs.begin(name);
    const process = new TwinProcess({
      program: this.#program,
      name,
      testbed: entry.testbed,
      stateFolder: entry.folder.twin,
      applications,
      onLog: ({ level, agent, text, time, details = {} }) => {
        this.logs.take(name, agent, { time, level, text, details });
        if (level !== 'info') this.#log(`twin ${name}: ${agent}: ${text}`);
      },
    });
    process.onExit((error) => {
      const wasRunning = this.#running.delete(name);
      if (error && wasRunning) onEnd(error);
    });
    this.#starting.set(name, process);
    try {
      await onStarting();
      this.#running.set(name, { process, ready: await process.start(), pausedAt: null });
    } finally {
      this.#starting.delete(name);
    }
  }

  /** Harmless when it does not run. */
  async stop(name: string): Promise<void> {
    // Nobody begins to listen to it any more.
    this.#stopping.add(name);
    try {
      await this.#starting.get(name)?.stop();
      await this.#running.get(name)?.process.stop();
    } finally {
      this.#stopping.delete(name);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#starting.keys(), ...this.#running.keys()].map((name) => this.stop(name)));
  }
}

const notUp = (name: string): ContractError =>
  new ContractError('not-up', `The twin "${name}" does not run.`, `Start it: testbed up ${name}.`);
