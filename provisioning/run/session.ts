import { AsyncLocalStorage } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import { connectHost, connectPhase } from '../phases/connect.ts';
import { factsPhase, factsScript, parseFacts } from '../phases/facts.ts';
import { podNetworkOf } from '../phases/network/way.ts';
import { checkManifests } from '../phases/preflight/manifests.ts';
import { checkOutside } from '../phases/preflight/outside.ts';
import { checkReachability, type ExecuteOn, tryWays } from '../phases/preflight/reachability.ts';
import type { Reachability } from '../phases/preflight/reachability-value.ts';
import { type Check, checkHosts, preflightPhase } from '../phases/preflight.ts';
import type { SshOptions } from '../ssh/connection.ts';
import { type ExecuteOptions, type ExecuteResult, tail } from '../ssh/execute.ts';
import { SshPool } from '../ssh/pool.ts';
import type { Transfer } from '../ssh/transfer.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import type { FailureValue } from './events.ts';
import { Failure } from './failure.ts';
import type { Leases } from './leases.ts';
import type { Work } from './overhead.ts';
import type { HostFacts, Phase, RunContext } from './phase.ts';
import type { Redactor } from './redact.ts';
import { SendAhead } from './send-ahead.ts';
import { inStep, type ObservedPhase, type StepRunner } from './steps.ts';

/** What a session tells; a run makes events of it, a plan keeps the warnings. */
export interface SessionListener {
  warn(text: string, options?: { host?: string; phase?: string; remedy?: string }): void;
  log(phase: string, host: string, stream: 'stdout' | 'stderr' | 'engine', text: string, step?: string): void;
}

/** Time that commands took on hosts, kept by whatever piece of work they were run for. */
export interface Meter {
  hostMs: number;
}

/** The hosts of a testbed, connected: what a plan and a run share. Close it. */
export class Session {
  readonly testbed: Testbed;
  readonly pool: SshPool;
  /** The connection that was last used to each host, by its name. */
  readonly connected = new Map<string, { closed: boolean }>();
  readonly facts = new Map<string, HostFacts>();
  readonly context: RunContext;
  readonly redactor: Redactor;
  readonly #listener: SessionListener;
  readonly #signal: AbortSignal;
  readonly #meter = new AsyncLocalStorage<Meter>();
  readonly #ahead = new Map<string, SendAhead>();
  /** Of the run, which must hold the hosts that it changes; a plan changes nothing and has none. */
  leases: Leases | null = null;
  /** The matrix of what was tried between the hosts; null until it was. */
  reachability: Reachability | null = null;
  #reach: Promise<Check[]> | undefined;
  readonly #forwardings: { close(): void }[] = [];
  #isClosed = false;
  /** Set by whoever carries out steps, as soon as the first of them begins to change something. */
  hasChanged = false;

  constructor(options: {
    testbed: Testbed;
    ssh: SshOptions;
    stateFolder: string;
    redactor: Redactor;
    signal: AbortSignal;
    listener: SessionListener;
  }) {
    const { testbed, ssh, redactor, signal, listener } = options;
    this.testbed = testbed;
    this.redactor = redactor;
    this.#listener = listener;
    this.#signal = signal;
    // Every command on every host listens to it.
    setMaxListeners(0, signal);
    const ask: SshOptions['ask'] = async (request) => {
      const secret = (await ssh.ask?.(request)) ?? null;
      if (secret !== null) redactor.add(secret);
      return secret;
    };
    this.pool = new SshPool({ ...ssh, ask });
    this.context = {
      testbed,
      facts: this.facts,
      execute: (host, script, how = {}) => this.#executeFor(host, script, how),
      forward: async (host, address, port) => {
        const forwarding = await this.pool.forward(this.host(host), address, port);
        this.#forwardings.push(forwarding);
        return forwarding;
      },
      warn: (text, how) => listener.warn(text, how),
      log: (phase, host, text) => listener.log(phase, host, 'engine', text),
      stateFolder: options.stateFolder,
      hasChanged: () => this.hasChanged,
      signal,
    };
  }

  /** @throws Failure when the testbed has no such host */
  host(name: string): Host {
    const host = this.testbed.hosts.find((one) => one.name === name);
    if (host !== undefined) return host;
    throw new Failure({ code: 'step', host: name, cause: 'the testbed has no such host' });
  }

  /** Runs `work`, counting what its commands take on hosts: never more than the time it took as a whole. */
  async metered<T>(meter: Meter, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const inner: Meter = { hostMs: 0 };
    try {
      return await this.#meter.run(inner, work);
    } finally {
      meter.hostMs += Math.round(Math.min(inner.hostMs, performance.now() - startedAt));
    }
  }

  async execute(host: Host, script: string | ((mark: string) => string), options: ExecuteOptions = {}): Promise<ExecuteResult> {
    this.leases?.check(host);
    const signal = 'signal' in options ? options.signal : this.#signal;
    this.connected.set(host.name, await this.pool.connect(host, signal));
    const result = await this.pool.execute(host, script, { ...options, signal });
    const meter = this.#meter.getStore();
    if (meter) meter.hostMs += result.hostMs;
    return result;
  }

  async #executeFor(name: string, script: string, how: { timeoutS?: number; phase?: string; step?: string }): Promise<string> {
    const host = this.host(name);
    const { phase, step } = how;
    const result = await this.execute(host, script, { timeoutMs: (how.timeoutS ?? 300) * 1000 }).catch((error: unknown) => {
      throw inStep(error, host, { id: phase ?? 'run' }, step === undefined ? undefined : { id: step });
    });
    if (result.code === 0) return result.stdout;
    const stderr = this.redactor.text(tail(result.stderr));
    const last = stderr.split('\n').at(-1);
    throw new Failure({
      code: 'step',
      host: name,
      phase,
      step,
      exitCode: result.code ?? undefined,
      stderr,
      cause: `${last || 'a command failed'} (exit code ${result.code ?? result.signal})`,
      remedy: 'See the last lines of stderr; when it is mended, run again: it goes on from there',
    });
  }

  /** See SshPool.findAt. */
  findAt(host: Host, address: string): Promise<boolean> {
    return this.pool.findAt(host, address, this.#signal);
  }

  /** @throws Failure: unreachable, authentication, host-key-unknown, host-key-changed, cancelled */
  async connect(host: Host): Promise<void> {
    await connectHost(this.pool, host, this.#signal).catch((error: unknown) => {
      throw inStep(error, host, connectPhase);
    });
  }

  /** The same script takes the host's lease, where there is one to be taken. @throws Failure: sudo, preflight, unreachable, cancelled */
  async readFacts(host: Host, work: Work, leases: Leases | null = null): Promise<HostFacts> {
    return this.metered(work, async () => {
      try {
        const script = (mark: string) => `${leases?.script(mark) ?? ''}${factsScript}`;
        const onMark = (_stream: string, words: string[]) => void leases?.hear(host, words);
        const result = await this.execute(host, script, { timeoutMs: 60_000, onMark });
        const facts = parseFacts(host, result);
        this.facts.set(host.name, facts);
        return facts;
      } catch (error) {
        throw inStep(error, host, factsPhase);
      }
    });
  }

  /** Whether the hosts reach each other where they will have to: tried once, between all that have told their facts; `changed` are the hosts that the run is about. What cannot be tried is a warning. */
  async checkReach(host: Host, addressOf: (host: Host) => string, changed: readonly Host[]): Promise<Check[]> {
    this.#reach ??= this.#tryWays(addressOf, new Set(changed.map(({ name }) => name)));
    const reach = this.#reach;
    // A host that went away meanwhile is waited for, and then it is tried anew.
    const checks = await reach.catch((error: unknown) => {
      if (this.#reach === reach) this.#reach = undefined;
      throw error;
    });
    return checks.filter((check) => check.host === host.name);
  }

  async #tryWays(addressOf: (host: Host) => string, changed: ReadonlySet<string>): Promise<Check[]> {
    const { testbed } = this;
    const hosts = new Set(this.facts.keys());
    const execute: ExecuteOn = (host, script, how) => this.execute(host, script, how);
    const made = Object.keys(testbed.clusters).filter((cluster) => testbed.clusters[cluster]?.kubeconfig === undefined);
    const manifests = await checkManifests(testbed);
    const ours = made.filter((cluster) => podNetworkOf(cluster, this.context) === 'vxlan');
    const overlays = new Set([...ours, ...manifests.overlays]);
    const holds = (name: string, port: number) => this.facts.get(name)?.listeningUdp.some((one) => one.port === port) === true;
    const listens = (name: string, port: number) => this.facts.get(name)?.listening.some((one) => one.port === port) === true;
    const outside = Promise.all([...this.facts].map(([name, facts]) => checkOutside(this.host(name), facts, testbed, execute)));
    const [tried, others] = await Promise.all([
      tryWays({ testbed, hosts, addressOf, execute, overlays, holds, listens }),
      outside,
    ]);
    this.reachability = { ways: tried.ways };
    return [...manifests.checks, ...checkReachability(testbed, tried, addressOf, changed), ...others.flat()];
  }

  checks(): Check[] {
    return checkHosts(this.testbed, this.facts);
  }

  /** Somebody who carries out steps of a phase on a host. */
  runner(host: Host, phase: Phase, onStep: StepRunner['onStep']): StepRunner {
    return {
      host,
      lease: this.leases?.token ?? null,
      execute: (script, options) => this.execute(host, script, options),
      transfer: (file) => this.#awaited(() => this.#send(host, phase.id, file)),
      sentAhead: (of, step) => this.#awaited(async () => (await this.#ahead.get(host.name)?.of(of.id, step.id)) ?? new Map()),
      hide: (file) => this.redactor.addFile(file),
      onStep,
      onLog: (step, stream, text) => this.#listener.log(phase.id, host.name, stream, text, step?.id),
    };
  }

  /** Begins to send what a host will need, see SendAhead. */
  sendAhead(host: Host, observed: readonly ObservedPhase[]): void {
    const send = (file: Transfer) => this.#send(host, factsPhase.id, file);
    this.#ahead.set(host.name, new SendAhead(observed, send, (file) => this.redactor.addFile(file)));
  }

  /** What a step waits for the bytes of its files counts as the time of the command that receives them on the host. */
  async #awaited<T>(work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      const meter = this.#meter.getStore();
      if (meter) meter.hostMs += performance.now() - startedAt;
    }
  }

  async #send(host: Host, phase: string, file: Transfer): Promise<void> {
    const sent = await this.pool.transfer(host, file, { signal: this.#signal });
    // What was sent ahead may arrive after the run has ended without it.
    if (sent > 0 && !this.#isClosed) this.#listener.log(phase, host.name, 'engine', `sent ${file.path} (${sent} bytes)\n`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const forwarding of this.#forwardings) forwarding.close();
    await this.pool.close();
  }
}

/** The failure of a host's preflight: its errors in one sentence, the first one's remedy. null when there is none. */
export function preflightFailure(host: Host, checks: readonly Check[]): Failure | null {
  const errors = checks.filter((check) => check.host === host.name && check.severity === 'error');
  const [first] = errors;
  if (first === undefined) return null;
  const value: Omit<FailureValue, 'message'> = {
    code: 'preflight',
    host: host.name,
    phase: preflightPhase.id,
    step: first.id,
    cause: errors.map((check) => check.evidence).join('; '),
    remedy: errors.flatMap((check) => check.remedy ?? []).join('. '),
  };
  return new Failure({ ...value, message: `${host.name}, ${preflightPhase.id}: ${value.cause}. ${value.remedy}` });
}
