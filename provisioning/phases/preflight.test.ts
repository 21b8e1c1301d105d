import { describe, expect, it } from 'vitest';
import type { Testbed } from '../testbed/schema.ts';
import type { FoundSoftware, HostFacts } from './facts/host-facts.ts';
import { checkHosts } from './preflight.ts';
import { exampleFacts, exampleTestbed } from './support/context-double.ts';
import { pythonFor } from './support/python.ts';

const testbed = exampleTestbed();
const master = testbed.hosts[1]!;

const part = { installed: '1.6.20', offered: null };
const runtime: HostFacts['runtime'] = { apt: true, containerd: part, runc: part, 'cni-plugins': part };
const workerId = exampleFacts(testbed.hosts[2]!).identity.machineId;

describe('preflight', () => {
  const findings = (over: Partial<HostFacts>) => {
    const facts = new Map(testbed.hosts.map((host) => [host.name, exampleFacts(host, host === master ? over : {})]));
    return checkHosts(testbed, facts).flatMap(({ host, id, severity }) =>
      severity === 'ok' ? [] : [`${host} ${id} ${severity}`],
    );
  };

  it('is content with hosts as they should be', () => {
    expect(findings({})).toEqual([]);
    expect(findings({ listening: [{ port: 6443, process: 'kube-apiserver', pid: 1, ours: true }] })).toEqual([]);
    // Swap in a container is the outer machine's.
    expect(findings({ swap: true, container: 'systemd-nspawn' })).toEqual([]);
  });

  it('finds what would make a run fail, and what only may', () => {
    const mount = (path: string, over: object = {}) => ({
      path,
      mount: path,
      device: '/dev/sdb1',
      sizeBytes: 1e11,
      freeBytes: 5e10,
      freeInodes: 0.5,
      readOnly: false,
      ...over,
    });
    const found = (kind: FoundSoftware['kind'], running = true, evidence = 'seen') => ({ found: [{ kind, running, evidence }] });
    const apart = [{ destination: '0.0.0.0/0', device: 'eth0', via: '10.77.0.1' }];
    const cases: [Partial<HostFacts>, string[]][] = [
      [{ listening: [{ port: 6443, process: 'nginx', pid: 7, ours: false }] }, ['master-1 port-6443 error']],
      [{ listening: [{ port: 8000, process: 'python3', ours: false }] }, []],
      [{ clockOffsetS: -3600 }, ['master-1 clock error']],
      [{ clockOffsetS: 5 }, ['master-1 clock warning']],
      [{ systemd: false }, ['master-1 systemd error']],
      [{ os: { id: 'fedora', version: '40', pretty: 'Fedora 40' } }, ['master-1 os warning']],
      [{ memoryBytes: 1e9, cores: 1 }, ['master-1 cores warning', 'master-1 memory warning']],
      [{ memoryBytes: 1e8 }, ['master-1 memory error']],
      [{ memoryLimitBytes: 2e8 }, ['master-1 memory error']],
      [{ memoryAvailableBytes: 1e8 }, ['master-1 memory warning']],
      // On one file system the needs of all that is written to it add up.
      [
        { mounts: ['/', '/var/lib/containerd'].map((path) => mount(path, { mount: '/', freeBytes: 9e8 })) },
        ['master-1 disk-/ error'],
      ],
      [{ mounts: [mount('/'), mount('/tmp', { freeBytes: 0 })] }, ['master-1 disk-/tmp error']],
      [{ mounts: [mount('/var/lib/containerd', { freeBytes: 1e9 })] }, ['master-1 disk-/var/lib/containerd warning']],
      [{ mounts: [mount('/var/lib/containerd', { freeBytes: 1e10 })] }, ['master-1 disk-/var/lib/containerd warning']],
      [{ mounts: [mount('/', { readOnly: true })] }, ['master-1 disk-/ error']],
      [{ mounts: [mount('/', { freeInodes: 0 })] }, ['master-1 disk-/ error']],
      // Only a control plane has a database.
      [{ mounts: [mount('/var/lib/etcd', { freeBytes: 1e8 })] }, ['master-1 disk-/var/lib/etcd error']],
      [{ controllers: ['cpu', 'cpuset', 'pids'] }, ['master-1 cgroup error']],
      [{ features: { overlay: 'missing' } }, ['master-1 kernel-overlay error']],
      [{ features: { br_netfilter: 'missing' } }, ['master-1 kernel-br_netfilter warning']],
      [{ forwarding: 'fixed' }, ['master-1 forwarding error']],
      [{ addresses: ['10.77.0.11', '10.13.0.9'] }, ['master-1 cidr error']],
      [{ nameServers: ['10.11.0.2'] }, ['master-1 cidr error']],
      [{ routes: [{ destination: '10.12.5.0/24', device: 'tun0', via: null }] }, ['master-1 cidr error']],
      [{ routes: [{ destination: '10.0.0.0/8', device: 'tun0', via: null }] }, ['master-1 cidr warning']],
      // Those to the pods of a neighbour are our own.
      [{ routes: [{ destination: '10.12.5.0/24', device: 'eth0', via: '10.77.0.12' }] }, []],
      // Pods reach each other by VXLAN then, which the kernel must have.
      [{ routes: apart }, []],
      [{ routes: apart, features: { vxlan: 'missing' } }, ['master-1 kernel-vxlan error']],
      [{ nameServers: [] }, ['master-1 name-servers warning']],
      [{ hostname: 'worker-1' }, ['master-1 hostname error', 'worker-1 hostname error']],
      [{ identity: { machineId: workerId, productUuid: null } }, ['master-1 machine-id error', 'worker-1 machine-id error']],
      [{ shellStartMs: 9000 }, ['master-1 shell warning']],
      [found('docker'), ['master-1 existing-docker warning']],
      [found('docker', false), []],
      [found('k3s'), ['master-1 existing-kubernetes error']],
      [found('microk8s', false), ['master-1 existing-kubernetes warning']],
      [found('kubernetes'), ['master-1 existing-kubernetes error']],
      [found('containers'), ['master-1 existing-containers warning']],
      [found('containerd-configuration'), ['master-1 existing-containerd warning']],
      [found('cni-configuration', false, '/etc/cni/net.d/10-containerd-net.conflist'), ['master-1 existing-cni error']],
      [found('cni-configuration', false, '/etc/cni/net.d/87-podman.conflist'), []],
      [found('forward-drop', true, 'chain "inet a b"'), ['master-1 existing-forward-drop error']],
    ];
    for (const [over, expected] of cases) expect(findings(over), JSON.stringify(over)).toEqual(expected);
  });

  it('tells a slow shell whose cause is known from others', () => {
    const told = (over: Partial<HostFacts>) => {
      const facts = new Map([[master.name, exampleFacts(master, over)]]);
      const shell = checkHosts(testbed, facts).find(({ id }) => id === 'shell');
      return `${shell?.evidence}. ${shell?.remedy}`;
    };
    expect(told({ shellStartMs: 9000 })).toMatch(/^a shell takes 9.0 s to start, and with it every command. See what ~/);
    expect(told({ shellStartMs: 9000, knowsOwnName: false, hostname: 'lab-7' })).toContain(
      "its own name lab-7, which sudo asks a name server for each time. On master-1: echo '127.0.1.1 lab-7' | sudo tee -a /etc/hosts",
    );
    expect(told({ shellStartMs: 9, knowsOwnName: false })).toContain('9 ms');
  });

  it('has a remedy for everything that it finds, and tells a Raspberry Pi which line to change', () => {
    const facts = exampleFacts(master, {
      controllers: ['cpuset', 'cpu', 'io', 'pids'],
      boot: { parameters: ['cgroup_enable=cpuset'], file: '/boot/firmware/cmdline.txt', board: 'Raspberry Pi 4 Model B' },
    });
    const [check] = checkHosts(testbed, new Map([[master.name, facts]])).filter(({ severity }) => severity === 'error');
    expect(check).toEqual({
      id: 'cgroup',
      host: 'master-1',
      severity: 'error',
      evidence: 'the control group controller memory is switched off on this Raspberry Pi 4 Model B',
      remedy: 'Add "cgroup_enable=memory cgroup_memory=1" to the one line of /boot/firmware/cmdline.txt and reboot',
    });
  });

  it('asks for Python only where policies in Python will run, and goes on past what it is told to ignore', () => {
    const facts = new Map([[master.name, exampleFacts(master, { clockOffsetS: 3600, runtime })]]);
    const severities = (preflight: Testbed['preflight']) =>
      checkHosts({ ...testbed, preflight }, facts).flatMap(({ id, severity }) =>
        severity === 'ok' ? [] : [`${id} ${severity}`],
      );
    // Of a distribution that has what is lacking it is installed.
    expect(severities({ ignore: [], python: true })).toEqual(['clock error']);
    expect(severities({ ignore: ['clock'], python: false })).toEqual(['clock warning']);
  });

  it('knows where Python 3.10 with pandas can be had', () => {
    const apt = { runtime };
    const bookworm = { id: 'debian', version: '12', pretty: '' };
    const python = (version: string, pandas: string | null = null, path = '/usr/bin/python3') => ({ version, pandas, path });
    const cases: [Partial<HostFacts>, ReturnType<typeof pythonFor>][] = [
      [{ ...apt, os: bookworm, python: null }, 'comes'],
      [{ ...apt, os: bookworm, python: python('3.11') }, 'comes'],
      [{ ...apt, os: { ...bookworm, version: '11' }, python: python('3.9') }, 'not to be had'],
      [{ ...apt, os: { ...bookworm, version: '11' }, python: python('3.9', '1.1.5') }, 'not to be had'],
      [{ ...apt, os: { id: 'ubuntu', version: '22.04', pretty: '' }, python: python('3.10.12') }, 'comes'],
      [{ ...apt, os: { id: 'ubuntu', version: '20.04', pretty: '' }, python: python('3.8.10') }, 'not to be had'],
      // Somebody's own stands before the distribution's, which pandas would be for.
      [{ ...apt, os: bookworm, python: python('3.12.4', null, '/usr/local/bin/python3') }, 'not to be had'],
      [{ os: { id: 'fedora', version: '42', pretty: '' }, python: python('3.13.1', '2.2.3') }, 'there'],
      [{ os: { id: 'fedora', version: '42', pretty: '' }, python: python('3.13.1') }, 'not to be had'],
    ];
    for (const [over, expected] of cases) {
      const facts = exampleFacts(master, over);
      expect(pythonFor(facts), JSON.stringify(over)).toBe(expected);
      const [check] = checkHosts({ ...testbed, preflight: { ignore: [], python: true } }, new Map([[master.name, facts]])).filter(
        ({ id }) => id === 'python',
      );
      expect(check?.severity).toBe(expected === 'not to be had' ? 'error' : 'ok');
    }
  });

  it('leaves a cluster that is adopted as it is, and asks for one network where plain routes are told', () => {
    const of = (cluster: object, over: Partial<HostFacts>) => {
      const clusters = { ...testbed.clusters, cluster1: { ...testbed.clusters.cluster1!, ...cluster } };
      const facts = new Map([
        [master.name, exampleFacts(master, over)],
        ['worker-1', exampleFacts(testbed.hosts[2]!)],
      ]);
      return checkHosts({ ...testbed, clusters }, facts).flatMap(({ id, severity }) =>
        severity === 'ok' ? [] : [`${id} ${severity}`],
      );
    };
    const theirs: Partial<HostFacts> = {
      found: [{ kind: 'kubernetes', running: true, evidence: 'seen' }],
      listening: [{ port: 6443, process: 'kube-apiserver', ours: false }],
      routes: [{ destination: '10.12.3.0/24', device: 'cilium_host', via: null }],
    };
    expect(of({}, theirs)).toEqual(['port-6443 error', 'cidr error', 'existing-kubernetes error']);
    expect(of({ kubeconfig: '/lab.kubeconfig' }, theirs)).toEqual([]);
    const apart = { routes: [{ destination: '0.0.0.0/0', device: 'eth0', via: '10.77.0.1' }] };
    expect(of({ network: 'routes' }, apart)).toEqual(['pod-routes error']);
  });

  it('lets an etcd be that the testbed file names', () => {
    const facts = new Map([[master.name, exampleFacts(master, { listening: [{ port: 2379, process: 'etcd', ours: false }] })]]);
    const errors = (of: Testbed) => checkHosts(of, facts).flatMap(({ id, severity }) => (severity === 'error' ? [id] : []));
    expect(errors(testbed)).toEqual(['port-2379']);
    const etcd = { external: { endpoints: ['http://127.0.0.1:2379'] } };
    const overrides: Testbed['kubernetes']['kubeadmOverrides'][] = [{ etcd }, { ClusterConfiguration: { etcd } }];
    for (const kubeadmOverrides of overrides)
      expect(errors({ ...testbed, kubernetes: { ...testbed.kubernetes, kubeadmOverrides } })).toEqual([]);
  });
});
