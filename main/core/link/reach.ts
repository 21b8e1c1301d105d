import { readFile } from 'node:fs/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { controlPlaneOf, managementCluster } from '../../../provisioning/phases/support/hosts.ts';
import { kubeconfigFile } from '../../../provisioning/phases/support/state.ts';
import type { SshConnection } from '../../../provisioning/ssh/connection.ts';
import type { Forwarding } from '../../../provisioning/ssh/forward.ts';
import type { SshPool } from '../../../provisioning/ssh/pool.ts';
import type { Testbed } from '../../../provisioning/testbed/schema.ts';
import type { Reach } from '../cluster-state.ts';

/** How the APIs of a testbed of hosts are reached: through SSH to the cluster's control plane, which alone must be reachable from here. */
export class HostsReach {
  readonly #pool: SshPool;
  readonly #testbed: Testbed;
  readonly #stateFolder: string;
  readonly #open = new Map<string, { connection: SshConnection; forwarding: Forwarding }>();

  constructor(options: { pool: SshPool; testbed: Testbed; stateFolder: string }) {
    this.#pool = options.pool;
    this.#testbed = options.testbed;
    this.#stateFolder = options.stateFolder;
  }

  /** @throws Failure when the host can't be reached; Error when there is no kubeconfig yet */
  async reach(cluster: string): Promise<Reach> {
    const kubeconfig = await readFile(kubeconfigFile(this.#stateFolder, cluster), 'utf8');
    const host = controlPlaneOf(this.#testbed, cluster === 'karmada' ? managementCluster : cluster);
    const connection = await this.#pool.connect(host);
    let open = this.#open.get(cluster);
    if (open?.connection !== connection) {
      open?.forwarding.close();
      const { hostname, port } = serverOf(kubeconfig);
      open = { connection, forwarding: await this.#pool.forward(host, hostname, port) };
      this.#open.set(cluster, open);
    }
    return { kubeconfig, through: { port: open.forwarding.port } };
  }

  close(): void {
    for (const { forwarding } of this.#open.values()) forwarding.close();
    this.#open.clear();
  }
}

function serverOf(kubeconfig: string): { hostname: string; port: number } {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  const server = config.getCurrentCluster()?.server;
  if (!server) throw new Error('the kubeconfig names no server');
  const { hostname, port } = new URL(server);
  return { hostname, port: Number(port || 443) };
}
