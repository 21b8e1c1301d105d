import { z } from 'zod';
import type { Host, Testbed } from '../../testbed/schema.ts';
import { isAdopted } from '../support/hosts.ts';
import { type CheckFamily, error, ok, warning } from './check.ts';

interface Port {
  port: number;
  protocol: 'tcp' | 'udp';
  purpose: string;
  /** Without it something is missing, but all else works. */
  optional?: true;
  /** Of Kubernetes itself, which a cluster that is adopted has already. */
  kubernetes?: true;
}
const tcp = (port: number, purpose: string): Port => ({ port, protocol: 'tcp', purpose });
const ofKubernetes = (port: number, purpose: string): Port => ({ ...tcp(port, purpose), kubernetes: true });

const ofTelemetry = (port: number, protocol: 'tcp' | 'udp', purpose: string): Port => ({
  port,
  protocol,
  purpose,
  optional: true,
});

const ofEvery = [
  ofKubernetes(10250, 'kubelet'),
  ofKubernetes(10256, "kube-proxy's health"),
  ofTelemetry(9999, 'tcp', "the node's metrics"),
  ofTelemetry(43180, 'tcp', "the applications' pushed metrics"),
  ofTelemetry(43181, 'tcp', 'the probes of links'),
  ofTelemetry(43181, 'udp', 'the probes of links'),
];
const ofControlPlane = [
  ofKubernetes(6443, 'the Kubernetes API'),
  ofKubernetes(2379, 'etcd'),
  ofKubernetes(2380, "etcd's peers"),
  ofKubernetes(10257, 'the controller manager'),
  ofKubernetes(10259, 'the scheduler'),
  tcp(4222, 'the message bus'),
  tcp(8222, "the message bus' health"),
];

/** What has to be free, by role, and who will listen there. */
export const portsOf: Record<Host['role'], Port[]> = {
  management: [
    ...ofControlPlane,
    ...ofEvery,
    tcp(32443, 'the Karmada API'),
    tcp(7422, "the message bus' leaves"),
    tcp(8000, 'the northbound API'),
  ],
  master: [...ofControlPlane, ...ofEvery],
  worker: ofEvery,
};

/** Whether what will listen on the host finds its port free. */
export const portChecks: CheckFamily = ({ host, facts, testbed }) => {
  const wanted = portsOf[host.role].filter(
    ({ port, kubernetes }) =>
      !(kubernetes && isAdopted(host, testbed)) && !((port === 2379 || port === 2380) && hasOwnEtcd(testbed)),
  );
  return wanted.map(({ port, protocol, purpose, optional }) => {
    const id = protocol === 'udp' ? `port-${port}-udp` : `port-${port}`;
    const holder = (protocol === 'udp' ? facts.listeningUdp : facts.listening).find((one) => one.port === port);
    if (holder === undefined) return ok(id, 'free');
    if (holder.ours === true) return ok(id, `held by our own ${holder.process}`);
    const who = holder.pid === undefined ? holder.process : `${holder.process} (pid ${holder.pid})`;
    return (optional ? warning : error)(
      id,
      `port ${port}, which ${purpose} needs, is held by ${who}`,
      `Stop ${holder.process} on ${host.name} (ss -ltnp sport = :${port} shows it), then run again`,
    );
  });
};

/** Whether the testbed file names an etcd of its own, which may well run on one of the hosts. */
function hasOwnEtcd({ kubernetes: { kubeadmOverrides } }: Testbed): boolean {
  const told = z.object({ etcd: z.object({ external: z.unknown() }) });
  return told.safeParse(kubeadmOverrides).success || told.safeParse(kubeadmOverrides.ClusterConfiguration).success;
}
