import { CoreV1Api } from '@kubernetes/client-node';
import { controlPlaneOf } from '../../provisioning/phases/support/hosts.ts';
import type { SshPool } from '../../provisioning/ssh/pool.ts';
import type { Testbed } from '../../provisioning/testbed/schema.ts';
import { ContractError, type EventOf } from '../contract/contract.ts';
import type { ForwardTarget, Listener } from '../contract/forwards.ts';
import { configFor } from './cluster-state.ts';
import { HostsReach } from './link/reach.ts';
import { addressOf, listenersScript, parseListeners, servicesOf } from './listeners-of.ts';
import type { SshPools } from './ssh.ts';
import type { TestbedEntry, Testbeds } from './testbeds.ts';

interface Services {
  testbeds: Testbeds;
  ssh: SshPools;
}

/** What listens on hosts and in clusters. A host or cluster that does not answer is told as a problem, and the others still are listed. */
export async function listListeners(
  entry: TestbedEntry,
  { ssh }: Services,
): Promise<{ listeners: Listener[]; problems: string[] }> {
  const { testbed } = withHosts(entry);
  const { pool, release } = ssh.acquire(entry);
  const reach = reachOf(entry, pool);
  try {
    const problems: string[] = [];
    const attempt = async (what: string, ask: () => Promise<Listener[]>): Promise<Listener[]> => {
      try {
        return await ask();
      } catch (error) {
        problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
        return [];
      }
    };
    const listeners = await Promise.all([
      ...testbed.hosts.map((host) =>
        attempt(host.name, async () => {
          const { code, stdout, stderr } = await pool.execute(host, listenersScript);
          if (code !== 0) throw new Error(stderr.trim() || `ss ended with ${code}`);
          return parseListeners(host.name, stdout);
        }),
      ),
      // Before a testbed is set up, its hosts have no clusters.
      ...(entry.remembered.state === 'up' ? Object.keys(testbed.clusters) : []).map((cluster) =>
        attempt(cluster, async () => servicesOf(cluster, await (await apiOf(reach, cluster)).listServiceForAllNamespaces())),
      ),
    ]);
    return { listeners: listeners.flat(), problems };
  } finally {
    reach.close();
    release();
  }
}

/** Holds a port on this computer's loopback open until `signal` aborts. @throws ContractError no-such-service; Failure when the host can't be reached */
export async function holdForward(
  entry: TestbedEntry,
  target: ForwardTarget,
  emit: (event: EventOf<'forwards.open'>) => Promise<void>,
  signal: AbortSignal,
  { testbeds, ssh }: Services,
): Promise<void> {
  const { testbed } = withHosts(entry);
  const host = target.kind === 'host' ? testbeds.host(testbed.name, target.host) : controlPlaneOf(testbed, target.cluster);
  const { pool, release } = ssh.acquire(entry);
  try {
    const to = target.kind === 'host' ? { address: '127.0.0.1', port: target.port } : await addressOfService(entry, pool, target);
    const forwarding = await pool.forward(host, to.address, to.port);
    try {
      await emit({ port: forwarding.port });
      if (!signal.aborted)
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    } finally {
      forwarding.close();
    }
  } finally {
    release();
  }
}

async function addressOfService(
  entry: TestbedEntry,
  pool: SshPool,
  { cluster, namespace, service, port }: Extract<ForwardTarget, { kind: 'service' }>,
): Promise<{ address: string; port: number }> {
  const reach = reachOf(entry, pool);
  try {
    const found = await (await apiOf(reach, cluster)).readNamespacedService({ namespace, name: service });
    const address = addressOf(found, port);
    if (address) return address;
    throw new ContractError('no-such-service', `${namespace}/${service} in ${cluster} has no address that a node could reach.`);
  } finally {
    reach.close();
  }
}

const reachOf = ({ testbed, folder }: TestbedEntry, pool: SshPool): HostsReach =>
  new HostsReach({ pool, testbed, stateFolder: folder.secrets });

const apiOf = async (reach: HostsReach, cluster: string): Promise<CoreV1Api> =>
  configFor(await reach.reach(cluster)).makeApiClient(CoreV1Api);

function withHosts(entry: TestbedEntry): { testbed: Testbed } {
  if (entry.testbed.kind !== 'twin') return entry;
  throw new ContractError('no-hosts', `${entry.testbed.name} is simulated: nothing listens on its nodes.`);
}
