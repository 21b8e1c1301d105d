import type { PlanValue, RunEvent } from '../../provisioning/run/events.ts';
import { Failure } from '../../provisioning/run/failure.ts';
import { digestOfTestbed } from '../../provisioning/run/plan-file.ts';
import { pause } from './mailbox.ts';
import type { RunScope, RunWork } from './runs.ts';
import type { TestbedEntry } from './testbeds.ts';

export interface TwinRunOptions {
  entry: TestbedEntry;
  /** Starts the twin and its link. @throws TwinError */
  start(): Promise<void>;
  /** Names of the agents that are alive now. */
  alive(): Promise<string[]>;
}

const phases = {
  start: { id: 'start', title: 'Start hosts, APIs and agents' },
  agents: { id: 'agents', title: 'Hear the agents' },
  stop: { id: 'stop', title: 'Stop the twin' },
} as const;

/** Agents beat once a second. */
const aliveMs = 30_000;
const lookMs = 100;

/** Starting a twin, told as any run is: it is up when each node's agent has been heard. */
export const twinUp =
  (options: TwinRunOptions): RunWork =>
  async (scope) => {
    const tell = new Telling(scope, options.entry, 'up', [phases.start, phases.agents]);
    await tell.phase(phases.start.id, async () => {
      try {
        await options.start();
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        throw new Failure({
          code: 'step',
          phase: phases.start.id,
          cause,
          remedy: 'Start it again; the log of the core tells more',
        });
      }
      for (const { name } of options.entry.testbed.hosts) tell.cell(phases.start.id, name, 'done');
    });
    await tell.phase(phases.agents.id, async () => {
      const silent = new Set(options.entry.testbed.hosts.map(({ name }) => name));
      const until = Date.now() + aliveMs;
      while (silent.size > 0 && !scope.signal.aborted) {
        const alive = await options.alive();
        for (const name of silent) {
          if (!alive.includes(`node-${name}`)) continue;
          silent.delete(name);
          tell.cell(phases.agents.id, name, 'done');
        }
        if (silent.size > 0 && Date.now() > until) {
          throw new Failure({
            code: 'step',
            phase: phases.agents.id,
            host: [...silent][0],
            cause: `its agent was not heard within ${aliveMs / 1000} s`,
            remedy: 'Stop the twin and start it again',
          });
        }
        if (silent.size > 0) await pause(lookMs, scope.signal);
      }
      scope.signal.throwIfAborted();
    });
    tell.finish(`${options.entry.testbed.name} is up`);
  };

export const twinDown =
  (options: { entry: TestbedEntry; stop(): Promise<void> }): RunWork =>
  async (scope) => {
    const tell = new Telling(scope, options.entry, 'down', [phases.stop]);
    await tell.phase(phases.stop.id, async () => {
      await options.stop();
      for (const { name } of options.entry.testbed.hosts) tell.cell(phases.stop.id, name, 'done');
    });
    tell.finish(`${options.entry.testbed.name} is down`);
  };

/** What "up" would do; nothing of it can be in place half. */
export function twinPlan({ testbed }: TestbedEntry, running: boolean): PlanValue {
  const hosts = testbed.hosts.map(({ name }) => name);
  return {
    version: 1,
    testbed: testbed.name,
    testbedDigest: digestOfTestbed(testbed),
    verb: 'up',
    chosen: { phases: [phases.start.id, phases.agents.id], hosts },
    madeAt: Date.now(),
    hosts: [],
    phases: [phases.start, phases.agents],
    steps: testbed.hosts.map(({ name }) => ({
      phase: phases.start.id,
      host: name,
      step: 'start',
      title: 'Start the simulated host and its agent',
      state: running ? 'in-place' : 'change',
    })),
    warnings: [],
  };
}

class Telling {
  readonly #scope: RunScope;
  readonly #startedAt = Date.now();
  readonly #hosts: string[];
  readonly #done = new Set<string>();
  #phaseStartedAt = this.#startedAt;

  constructor(scope: RunScope, { testbed }: TestbedEntry, verb: 'up' | 'down', all: readonly { id: string; title: string }[]) {
    this.#scope = scope;
    this.#hosts = testbed.hosts.map(({ name }) => name);
    const hosts = this.#hosts;
    this.#emit({ type: 'started', run: scope.run, testbed: testbed.name, verb, hosts, phases: [...all], doubles: [] });
  }

  async phase(phase: string, work: () => Promise<void>): Promise<void> {
    const startedAt = Date.now();
    this.#phaseStartedAt = startedAt;
    this.#emit({ type: 'phase', phase, state: 'running' });
    for (const host of this.#hosts) this.#emit({ type: 'cell', phase, host, state: 'running' });
    try {
      await work();
      this.#emit({ type: 'phase', phase, state: 'done', durationMs: Date.now() - startedAt });
    } catch (error) {
      for (const host of this.#hosts)
        if (!this.#done.has(`${phase} ${host}`)) this.#emit({ type: 'cell', phase, host, state: 'failed' });
      this.#emit({ type: 'phase', phase, state: 'failed', durationMs: Date.now() - startedAt });
      throw error;
    }
  }

  cell(phase: string, host: string, state: 'done'): void {
    this.#done.add(`${phase} ${host}`);
    this.#emit({ type: 'cell', phase, host, state, durationMs: Date.now() - this.#phaseStartedAt });
  }

  finish(what: string): void {
    const wallMs = Date.now() - this.#startedAt;
    this.#emit({
      type: 'finished',
      state: 'done',
      changed: 0,
      inPlace: 0,
      wallMs,
      // Nothing ran on any host: all of it is ours.
      overheadMs: wallMs,
      sentBytes: 0,
      summary: `${what}: ${(wallMs / 1000).toFixed(1)} s`,
    });
  }

  #emit(event: Without<RunEvent, 'time'>): void {
    this.#scope.emit({ ...event, time: Date.now() });
  }
}

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
