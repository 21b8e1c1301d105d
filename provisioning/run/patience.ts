import type { SshPool } from '../ssh/pool.ts';
import type { Host } from '../testbed/schema.ts';
import { Failure } from './failure.ts';

/** A laptop that slept, a network that was cut, a host that restarts: how long is waited for it, ms. */
export const defaultPatienceMs = 600_000;
/** Waits in one piece of work: a step that cuts the connection each time it is done must not be done for ever. */
const mostPauses = 8;

export interface PatienceOptions {
  pool: SshPool;
  hosts: readonly Host[];
  /** The connection that was last used to each host, by its name. */
  connected: Connections;
  signal: AbortSignal;
  patienceMs?: number;
  /** Told when a host is waited for, and why. */
  onAway(host: Host, failure: Failure, patienceMs: number): void;
  /** Looks for one that does not answer at another address. @returns whether it was found there */
  lookElsewhere(host: Host): Promise<boolean>;
  /** Called once when it is back, before anything else is done on it. @throws Failure when it is not ours any more */
  onBack(host: Host, awayMs: number): Promise<void>;
}

/** These say that the host cannot be spoken to just now; while it restarts it may also refuse to let anybody in. */
const passing: ReadonlySet<string> = new Set(['unreachable', 'authentication', 'sudo', 'host-key-changed', 'host-key-unknown']);

/** Makes a pause of what else would be an error: work during which a host went away is done again when it is back. */
export class Patience {
  readonly #options: PatienceOptions;
  readonly #waiting = new Map<string, Promise<void>>();
  /** Time that was spent waiting, ms. */
  waitedMs = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Does `work`, again when a host went away meanwhile; it has to find out for itself what of it was done. @throws what `work` throws otherwise */
  async persist<T>(hosts: readonly Host[], work: (again: boolean) => Promise<T>): Promise<T> {
    for (let pauses = 0; ; pauses++) {
      const before = new Map(this.#options.connected);
      try {
        return await work(pauses > 0);
      } catch (error) {
        if (this.#options.signal.aborted || pauses >= mostPauses || isFinal(error)) throw error;
        const away = await this.#away(error, hosts, before);
        if (away.length === 0) throw error;
        await Promise.all(away.map(([host, failure]) => this.#wait(host, failure)));
      }
    }
  }

  /** Hosts whose connection is not the one that it was, or that are about to go. */
  async #away(error: unknown, hosts: readonly Host[], before: Connections): Promise<[Host, Failure][]> {
    const value = error instanceof Failure ? error.value : null;
    const named = this.#options.hosts.find(({ name }) => name === value?.host);
    if (error instanceof Failure && (value?.code === 'unreachable' || value?.code === 'lease') && named) return [[named, error]];
    const looked = await Promise.all(
      this.#options.hosts.map(async (host): Promise<[Host, Failure] | null> => {
        const known = before.get(host.name);
        if (known === undefined) return null;
        if (known.closed) return [host, lost(host)];
        if (!hosts.includes(host) && host !== named) return null;
        return this.#probe(host).then(
          (leaving) => (leaving || known.closed ? [host, lost(host)] : null),
          // SSH itself says in words of its own that there is no connection any more.
          (failure: unknown) => [host, failure instanceof Failure ? failure : lost(host)],
        );
      }),
    );
    return looked.filter((one) => one !== null);
  }

  /** @returns whether the host is shutting down @throws Failure when it does not answer */
  async #probe(host: Host): Promise<boolean> {
    const { pool, signal } = this.#options;
    const script = '[ "$(systemctl is-system-running 2>/dev/null)" != stopping ]';
    const { code } = await pool.execute(host, script, { signal, timeoutMs: 15_000 });
    return code !== 0;
  }

  #wait(host: Host, failure: Failure): Promise<void> {
    const known = this.#waiting.get(host.name);
    if (known) return known;
    const waiting = this.#until(host, failure).finally(() => this.#waiting.delete(host.name));
    this.#waiting.set(host.name, waiting);
    return waiting;
  }

  async #until(host: Host, failure: Failure): Promise<void> {
    const { signal, patienceMs = defaultPatienceMs } = this.#options;
    this.#options.onAway(host, failure, patienceMs);
    const startedAt = performance.now();
    let awakeMs = 0;
    for (let delayMs = 250; ; delayMs = Math.min(delayMs * 1.6, 8000)) {
      const roundAt = performance.now();
      await pause(delayMs, signal);
      try {
        if (signal.aborted) throw new Failure({ code: 'cancelled', host: host.name, cause: 'stopped while waiting for it' });
        if (await this.#probe(host)) throw lost(host);
        await this.#options.onBack(host, Math.round(performance.now() - startedAt));
        this.waitedMs += performance.now() - startedAt;
        return;
      } catch (error) {
        const failure = error instanceof Failure ? error : lost(host);
        // Where this computer itself slept, only one round of that sleep counts.
        awakeMs += Math.min(performance.now() - roundAt, delayMs + 60_000);
        if (!passing.has(failure.value.code) || signal.aborted) throw error;
        if (awakeMs > patienceMs) throw gaveUp(host, failure, patienceMs);
        // Most hosts that are away restart, and come back where they were.
        if (failure.value.code === 'unreachable' && delayMs > 1000 && (await this.#options.lookElsewhere(host)))
          delayMs = 250 / 1.6;
      }
    }
  }
}

type Connections = ReadonlyMap<string, { closed: boolean }>;

const isFinal = (error: unknown): boolean =>
  error instanceof Failure && ['cancelled', 'refused', 'drift', 'preflight', 'artefact'].includes(error.value.code);

const lost = (host: Host): Failure =>
  new Failure({ code: 'unreachable', host: host.name, cause: 'the connection was lost', remedy: 'It is waited for' });

function gaveUp(host: Host, failure: Failure, patienceMs: number): Failure {
  const { message: _message, ...value } = failure.value;
  const cause = `${value.cause}; it was waited for ${Math.round(patienceMs / 1000)} s`;
  return new Failure({ ...value, host: host.name, cause }, { cause: failure });
}

/** Ends early when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
