import { request } from 'node:http';
import { connect } from 'node:net';
import type { Container } from './types.ts';

/** Whether a container without a readiness probe counts as ready: it has lived this long. */
const aliveMs = 1000;

/** Readiness of one running container: by its httpGet or tcpSocket probe, else by being alive for a second. */
export class Readiness {
  readonly #container: Container;
  readonly #hostIp: string;
  readonly #onChange: () => void;
  ready = false;
  #pid = 0;
  #startedAt = 0;
  #nextAt = 0;
  #successes = 0;
  #failures = 0;
  #asking = false;

  constructor(container: Container, hostIp: string, onChange: () => void) {
    this.#container = container;
    this.#hostIp = hostIp;
    this.#onChange = onChange;
  }

  /** `running` is undefined while there is no process. */
  tick(running: { pid: number; startedAt: number } | undefined, now: number): void {
    if (!running || running.pid !== this.#pid) {
      this.#pid = running?.pid ?? 0;
      this.#startedAt = running?.startedAt ?? 0;
      this.#nextAt = this.#startedAt + (this.#container.readinessProbe?.initialDelaySeconds ?? 0) * 1000;
      this.#successes = 0;
      this.#failures = 0;
      this.ready = false;
    }
    if (!running) return;
    const probe = this.#container.readinessProbe;
    if (!probe?.httpGet && !probe?.tcpSocket) {
      if (this.ready) return;
      const leftMs = this.#startedAt + aliveMs - now;
      if (leftMs <= 0) this.ready = true;
      else setTimeout(this.#onChange, leftMs).unref();
      return;
    }
    if (this.#asking || now < this.#nextAt) return;
    this.#asking = true;
    this.#nextAt = now + (probe.periodSeconds ?? 10) * 1000;
    // A container that just starts is asked more often, so that it is not slow to be found ready.
    if (!this.ready) this.#nextAt = Math.min(this.#nextAt, now + 1000);
    void this.#ask((probe.timeoutSeconds ?? 1) * 1000).then((well) => {
      this.#asking = false;
      this.#successes = well ? this.#successes + 1 : 0;
      this.#failures = well ? 0 : this.#failures + 1;
      const before = this.ready;
      if (this.#successes >= (probe.successThreshold ?? 1)) this.ready = true;
      if (this.#failures >= (probe.failureThreshold ?? 3)) this.ready = false;
      if (before !== this.ready) this.#onChange();
    });
  }

  #ask(timeoutMs: number): Promise<boolean> {
    const { httpGet, tcpSocket } = this.#container.readinessProbe ?? {};
    const host = httpGet?.host ?? tcpSocket?.host ?? this.#hostIp;
    const port = this.#portOf(httpGet?.port ?? tcpSocket?.port ?? 0);
    return new Promise((resolve) => {
      if (!httpGet) {
        const socket = connect({ host, port, timeout: timeoutMs });
        const end = (well: boolean) => {
          socket.destroy();
          resolve(well);
        };
        socket
          .on('connect', () => end(true))
          .on('timeout', () => end(false))
          .on('error', () => end(false));
        return;
      }
      const asked = request({ host, port, path: httpGet.path ?? '/', timeout: timeoutMs, agent: false }, (answer) => {
        answer.resume();
        resolve((answer.statusCode ?? 500) < 400);
      });
      asked.on('timeout', () => asked.destroy(new Error('timeout')));
      asked.on('error', () => resolve(false));
      asked.end();
    });
  }

  #portOf(port: unknown): number {
    if (typeof port === 'number') return port;
    return this.#container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
  }
}
