import type { Host, Testbed } from '../../testbed/schema.ts';
import { overlayPort } from '../network/bridge.ts';

/** A connection that the testbed will need from one host to another. */
export interface Way {
  from: string;
  to: string;
  /** IPv4 address or name by which `from` will reach `to`. */
  address: string;
  port: number;
  protocol: 'tcp' | 'udp';
  purpose: string;
  /** Ways with the same one stand in for each other: one of them is enough. */
  either?: string;
}

/** Who must reach whom, and where. `overlays` are the clusters whose pods reach each other by VXLAN. Two hosts that are one machine (same address) reach each other. */
export function waysOf(testbed: Testbed, addressOf: (host: Host) => string, overlays: ReadonlySet<string> = new Set()): Way[] {
  const management = testbed.hosts.find((host) => host.role === 'management');
  const ways: Way[] = [];
  const add = (from: Host, to: Host, port: number, purpose: string, more: Partial<Way> = {}) => {
    const address = addressOf(to);
    if (from !== to && address !== addressOf(from))
      ways.push({ from: from.name, to: to.name, address, port, protocol: 'tcp', purpose, ...more });
  };
  for (const cluster of new Set(testbed.hosts.map((host) => host.cluster))) {
    const hosts = testbed.hosts.filter((host) => host.cluster === cluster);
    if (overlays.has(cluster))
      for (const from of hosts) for (const to of hosts) add(from, to, overlayPort, 'the pod network', { protocol: 'udp' });
    // The nodes of a cluster that is adopted reach each other already.
    const made = testbed.clusters[cluster]?.kubeconfig === undefined;
    const workers = hosts.filter((host) => host.role === 'worker');
    for (const controlPlane of hosts.filter((host) => host.role !== 'worker')) {
      for (const worker of workers) {
        if (made) add(worker, controlPlane, 6443, 'the Kubernetes API');
        add(worker, controlPlane, 4222, 'the message bus');
        if (made) add(controlPlane, worker, 10250, 'kubelet, for logs and commands in pods');
      }
      if (management === undefined || controlPlane === management) continue;
      add(controlPlane, management, 7422, "the message bus' hub");
      // Karmada reaches a member, or the member reaches Karmada. Where the API of an adopted cluster is, its kubeconfig says.
      const either = `join-${cluster}`;
      if (made) add(management, controlPlane, 6443, "the member's Kubernetes API, for Karmada", { either });
      add(controlPlane, management, 32443, 'the Karmada API', { either });
    }
  }
  return ways;
}
