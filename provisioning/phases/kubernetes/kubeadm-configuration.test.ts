import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { makeAuthority } from '../bus/certificates.ts';
import { exampleFacts, exampleTestbed } from '../support/context-double.ts';
import { initConfiguration, joinConfiguration } from './kubeadm-configuration.ts';
import { caCertHash } from './token.ts';

const read = (text: string): Record<string, unknown>[] => parseAllDocuments(text).map((document) => document.toJS());
const testbed = (kubernetes: object = {}) => exampleTestbed({}, kubernetes);
const master = testbed().hosts[1]!;
const control = (facts: Parameters<typeof exampleFacts>[1] = {}) => ({
  host: master,
  address: master.address,
  facts: exampleFacts(master, facts),
  podCidr: '10.12.0.0/16',
  serviceCidr: '10.13.0.0/16',
  token: 'abcdef.0123456789abcdef',
  tainted: true,
});

describe('kubeadm.yaml', () => {
  it('of a control plane on cgroup v2 is what kubeadm v1beta4 takes', () => {
    const [init, cluster, kubelet, proxy] = read(initConfiguration(testbed(), control()));
    expect(init).toMatchObject({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'InitConfiguration',
      bootstrapTokens: [{ token: 'abcdef.0123456789abcdef' }],
      localAPIEndpoint: { advertiseAddress: '10.77.0.11', bindPort: 6443 },
      nodeRegistration: { name: 'master-1', kubeletExtraArgs: [{ name: 'node-ip', value: '10.77.0.11' }] },
    });
    expect(init!.nodeRegistration).not.toHaveProperty('taints');
    expect(init!.nodeRegistration).not.toHaveProperty('ignorePreflightErrors');
    expect(cluster).toMatchObject({
      kind: 'ClusterConfiguration',
      kubernetesVersion: 'v1.36.2',
      networking: { podSubnet: '10.12.0.0/16' },
    });
    expect(kubelet).toEqual({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      cgroupDriver: 'systemd',
    });
    expect(proxy).toMatchObject({ kind: 'KubeProxyConfiguration', mode: 'nftables' });
  });

  it('goes easy on cgroup v1, containers and control planes that take pods', () => {
    const [init, , kubelet, proxy] = read(
      initConfiguration(testbed(), { ...control({ cgroup: 'v1', container: 'systemd-nspawn' }), tainted: false }),
    );
    expect(init!.nodeRegistration).toMatchObject({ taints: [], ignorePreflightErrors: ['SystemVerification', 'Swap'] });
    expect(kubelet).toMatchObject({ cgroupDriver: 'cgroupfs', failCgroupV1: false, failSwapOn: false });
    expect(proxy).toMatchObject({ conntrack: { maxPerCore: 0 } });
  });

  it('takes the overrides of the testbed file, deep, and by kind', () => {
    const overridden = testbed({
      kubeadmOverrides: {
        etcd: { external: { endpoints: ['http://127.0.0.1:2379'] } },
        networking: { dnsDomain: 'lab.local' },
        InitConfiguration: { nodeRegistration: { imagePullPolicy: 'Never' } },
      },
      kubeletOverrides: { maxPods: 20 },
      ignorePreflightErrors: ['NumCPU'],
    });
    const [init, cluster, kubelet] = read(initConfiguration(overridden, control()));
    expect(init!.nodeRegistration).toMatchObject({
      name: 'master-1',
      imagePullPolicy: 'Never',
      ignorePreflightErrors: ['NumCPU'],
    });
    expect(cluster).toMatchObject({
      etcd: { external: { endpoints: ['http://127.0.0.1:2379'] } },
      networking: { podSubnet: '10.12.0.0/16', dnsDomain: 'lab.local' },
    });
    expect(cluster).not.toHaveProperty('InitConfiguration');
    expect(kubelet).toMatchObject({ maxPods: 20, cgroupDriver: 'systemd' });
  });

  it('of a worker pins the CA of its control plane as openssl computes it', async () => {
    const { certificate } = await makeAuthority('kubernetes', Date.now());
    const der = execFileSync(
      'sh',
      ['-c', 'openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -r'],
      { input: certificate, encoding: 'utf8' },
    );
    const hash = caCertHash(certificate);
    expect(hash).toBe(`sha256:${der.split(' ')[0]}`);
    const worker = testbed().hosts[2]!;
    const text = joinConfiguration(testbed(), {
      host: worker,
      address: worker.address,
      facts: exampleFacts(worker),
      controlPlane: master.address,
      token: 'abcdef.0123456789abcdef',
      caCertHash: hash,
    });
    expect(read(text)).toEqual([
      {
        apiVersion: 'kubeadm.k8s.io/v1beta4',
        kind: 'JoinConfiguration',
        discovery: {
          bootstrapToken: { apiServerEndpoint: '10.77.0.11:6443', token: 'abcdef.0123456789abcdef', caCertHashes: [hash] },
        },
        nodeRegistration: {
          name: 'worker-1',
          criSocket: 'unix:///run/containerd/containerd.sock',
          kubeletExtraArgs: [{ name: 'node-ip', value: '10.77.0.12' }],
        },
      },
    ]);
  });
});
