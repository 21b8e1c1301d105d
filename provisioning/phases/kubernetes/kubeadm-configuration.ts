import { stringify } from 'yaml';
import type { HostFacts } from '../../run/phase.ts';
import type { Host, Testbed } from '../../testbed/schema.ts';
import { containerdSocket } from '../runtime.ts';
import { mergeDeep, overridesFor } from './settings.ts';

export const apiPort = 6443;
/** Long enough for a run with slow image pulls; a later run makes the token again. */
const tokenTtl = '24h0m0s';

export interface NodePart {
  host: Host;
  /** IPv4 address that the other hosts reach it by. */
  address: string;
  facts: Pick<HostFacts, 'cgroup' | 'container'>;
}

const documents = (...values: unknown[]): string => values.map((value) => stringify(value, { lineWidth: 0 })).join('---\n');

/** Checks of kubeadm whose errors are warnings here. */
export function ignoredPreflightErrors(testbed: Testbed, facts: NodePart['facts']): string[] {
  const ignored = new Set(testbed.kubernetes.ignorePreflightErrors);
  // kubeadm's check of the kernel refuses cgroup v1 before kubelet's failCgroupV1 is ever asked.
  if (facts.cgroup === 'v1') ignored.add('SystemVerification');
  // In a container swap is the outer machine's.
  if (facts.container !== null) ignored.add('Swap');
  return [...ignored];
}

function nodeRegistration(testbed: Testbed, part: NodePart) {
  const ignored = ignoredPreflightErrors(testbed, part.facts);
  return {
    name: part.host.name,
    criSocket: containerdSocket,
    kubeletExtraArgs: [{ name: 'node-ip', value: part.address }],
    ...(ignored.length === 0 ? {} : { ignorePreflightErrors: ignored }),
  };
}

/** /etc/mlsysops/kubeadm.yaml of a control plane (kubeadm.k8s.io/v1beta4), with its bootstrap token: a secret. */
export function initConfiguration(
  testbed: Testbed,
  control: NodePart & {
    podCidr: string;
    serviceCidr: string;
    token: string;
    /** False when ordinary pods may run on the control plane too. */
    tainted: boolean;
  },
): string {
  const { host, address, facts } = control;
  const { kubeadmOverrides, kubeletOverrides } = testbed.kubernetes;
  const init = {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'InitConfiguration',
    bootstrapTokens: [
      {
        token: control.token,
        ttl: tokenTtl,
        usages: ['signing', 'authentication'],
        groups: ['system:bootstrappers:kubeadm:default-node-token'],
      },
    ],
    localAPIEndpoint: { advertiseAddress: address, bindPort: apiPort },
    nodeRegistration: { ...nodeRegistration(testbed, control), ...(control.tainted ? {} : { taints: [] }) },
  };
  const cluster = {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'ClusterConfiguration',
    clusterName: host.cluster,
    kubernetesVersion: `v${testbed.kubernetes.version}`,
    controlPlaneEndpoint: `${address}:${apiPort}`,
    networking: { podSubnet: control.podCidr, serviceSubnet: control.serviceCidr, dnsDomain: 'cluster.local' },
    apiServer: { certSANs: [...new Set([address, host.address, host.name, '127.0.0.1', 'localhost'])] },
  };
  const kubelet = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    cgroupDriver: facts.cgroup === 'v2' ? 'systemd' : 'cgroupfs',
    ...(facts.cgroup === 'v1' ? { failCgroupV1: false } : {}),
    ...(facts.container === null ? {} : { failSwapOn: false }),
  };
  const proxy = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    // The size of the connection table belongs to the outer machine.
    ...(facts.container === null ? {} : { conntrack: { maxPerCore: 0 } }),
  };
  return documents(
    mergeDeep(init, overridesFor('InitConfiguration', kubeadmOverrides)),
    mergeDeep(cluster, overridesFor('ClusterConfiguration', kubeadmOverrides)),
    mergeDeep(kubelet, kubeletOverrides),
    mergeDeep(proxy, overridesFor('KubeProxyConfiguration', kubeadmOverrides)),
  );
}

/** /etc/mlsysops/kubeadm.yaml of a worker: a secret until it has joined. `caCertHash` is "sha256:" and the hex digest of the CA's public key. */
export function joinConfiguration(
  testbed: Testbed,
  worker: NodePart & { controlPlane: string; token: string; caCertHash: string },
): string {
  const join = {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'JoinConfiguration',
    discovery: {
      bootstrapToken: {
        apiServerEndpoint: `${worker.controlPlane}:${apiPort}`,
        token: worker.token,
        caCertHashes: [worker.caCertHash],
      },
    },
    nodeRegistration: nodeRegistration(testbed, worker),
  };
  return documents(mergeDeep(join, overridesFor('JoinConfiguration', testbed.kubernetes.kubeadmOverrides)));
}
