import { spawn } from 'node:child_process';
import type { Log, Pod, Service } from './types.ts';

/** The part of kube-proxy that the double plays: connections to a ClusterIP go to a ready pod behind it. */
export class ServiceProxy {
  readonly #table: string;
  readonly #log: Log;
  #applied = '';
  #wanted = '';
  #working = false;

  constructor(log: Log, table = 'kube-proxy-double') {
    this.#log = log;
    this.#table = table;
  }

  update(services: Service[], pods: Pod[]): void {
    this.#wanted = ruleset(this.#table, services, pods);
    void this.#apply();
  }

  /** Takes the rules away; only a test does: kube-proxy leaves them when it ends. */
  async remove(): Promise<void> {
    this.#wanted = `table ip ${this.#table}\ndelete table ip ${this.#table}\n`;
    await this.#apply();
  }

  async #apply(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      while (this.#applied !== this.#wanted) {
        const wanted = this.#wanted;
        await nft(wanted);
        this.#applied = wanted;
      }
    } catch (error) {
      this.#log(`nft: ${error instanceof Error ? error.message : error}`);
      this.#applied = '';
    } finally {
      this.#working = false;
    }
  }
}

/**
 * Rules for all Services with a ClusterIP: each port goes to one of the ready pods behind it, at random; without any, connections are
 * refused. One transaction replaces the table, so that no connection falls between.
 */
export function ruleset(table: string, services: Service[], pods: Pod[]): string {
  const translate: string[] = [];
  const refuse: string[] = [];
  const sorted = services.toSorted((a, b) => (a.metadata?.uid ?? '').localeCompare(b.metadata?.uid ?? ''));
  for (const service of sorted) {
    const ip = service.spec?.clusterIP;
    if (!ip || ip === 'None' || !service.spec?.selector) continue;
    const behind = pods
      .filter((pod) => isBehind(pod, service))
      .toSorted((a, b) => (a.metadata?.uid ?? '').localeCompare(b.metadata?.uid ?? ''));
    for (const port of service.spec.ports ?? []) {
      const match = `ip daddr ${ip} ${(port.protocol ?? 'TCP').toLowerCase()} dport ${port.port}`;
      const targets = behind.flatMap((pod) => {
        const targetPort = targetPortOf(pod, port.targetPort ?? port.port);
        return pod.status?.podIP && targetPort ? [`${pod.status.podIP}:${targetPort}`] : [];
      });
      for (const [index, target] of targets.entries()) {
        const left = targets.length - index;
        translate.push(`${match} ${left > 1 ? `numgen random mod ${left} == 0 ` : ''}dnat to ${target}`);
      }
      if (targets.length === 0) refuse.push(`${match} reject`);
    }
  }
  const chain = (name: string, type: string, hook: string, priority: number, rules: string[]): string =>
    `  chain ${name} {\n    type ${type} hook ${hook} priority ${priority};\n${rules.map((rule) => `    ${rule}\n`).join('')}  }\n`;
  return [
    `table ip ${table}\ndelete table ip ${table}\ntable ip ${table} {\n`,
    chain('output', 'nat', 'output', -100, translate),
    chain('prerouting', 'nat', 'prerouting', -100, translate),
    chain('refuse-output', 'filter', 'output', 0, refuse),
    chain('refuse-forward', 'filter', 'forward', 0, refuse),
    '}\n',
  ].join('');
}

function isBehind(pod: Pod, service: Service): boolean {
  if (pod.metadata?.namespace !== service.metadata?.namespace || pod.metadata?.deletionTimestamp) return false;
  if (!pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return false;
  return Object.entries(service.spec?.selector ?? {}).every(([key, value]) => pod.metadata?.labels?.[key] === value);
}

function targetPortOf(pod: Pod, port: unknown): number | undefined {
  if (typeof port === 'number') return port;
  const named = pod.spec?.containers.flatMap(({ ports }) => ports ?? []).find(({ name }) => name === port);
  return named?.containerPort ?? (Number(port) || undefined);
}

/** @throws Error with what nft said. */
export function nft(rules: string, args = ['-f', '-']): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('nft', args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (part) => {
      said += part;
    });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(said.trim() || `exit ${code}`))));
    child.stdin.end(rules);
  });
}
