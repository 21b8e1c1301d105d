import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeAuthority, makeCertificate } from '../../provisioning/phases/bus/certificates.ts';
import { outsideStep } from '../../provisioning/phases/outside/step.ts';
import { pythonStep } from '../../provisioning/phases/support/python.ts';
import { makeRecipe } from '../../provisioning/recipe.ts';
import type { RunEvent } from '../../provisioning/run/events.ts';
import type { Phase } from '../../provisioning/run/phase.ts';
import { startRun } from '../../provisioning/run/run.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import { type Testbed, testbedSchema } from '../../provisioning/testbed/schema.ts';
import { root, useHosts } from '../hosts/fixture.ts';

// biome-ignore lint/correctness/useHookAtTopLevel: a fixture of tests, not a hook of React
const fixture = useHosts(['management', 'master-1', 'worker-1', 'worker-2', 'worker-3', 'worker-4']);

/** The hosts that are named, all of cluster1 but the first. */
const testbed = (names: string[]): Testbed =>
  testbedSchema.parse({
    name: 'lab',
    kind: 'hosts',
    hosts: names.map((name) => ({
      name,
      address: fixture.host(name).address,
      user: fixture.host(name).user,
      identityFile: fixture.identityFile,
      role: name === 'management' ? 'management' : name === 'master-1' ? 'master' : 'worker',
      cluster: name === 'management' ? 'management' : 'cluster1',
    })),
    clusters: {
      management: { podCidr: '10.210.0.0/16', serviceCidr: '10.211.0.0/16' },
      ...(names.length > 1 ? { cluster1: { podCidr: '10.212.0.0/16', serviceCidr: '10.213.0.0/16' } } : {}),
    },
    artefacts: { bundle: fixture.folder },
  });

const marker = '/var/tmp/odd-hosts';
const phases = (change = `touch ${marker}`): Phase[] => [
  {
    id: 'only',
    title: 'Only',
    steps: () => [{ id: 'marker', title: 'Make a file', observe: `[ -e ${marker} ]`, change, undo: `rm -f ${marker}` }],
  },
];

async function run(of: Testbed, options: { verb?: 'up' | 'down'; phases?: Phase[] } = {}) {
  const events: RunEvent[] = [];
  const finished = await startRun({
    testbed: of,
    phases: options.phases ?? phases(),
    verb: options.verb ?? 'up',
    ssh: {
      knownHosts: new KnownHosts(fixture.knownHostsFile),
      agent: null,
      ask: ({ attempt }) => Promise.resolve(attempt === 1 ? 'wrong' : null),
    },
    stateFolder: join(fixture.folder, 'state'),
    onEvent: (event) => events.push(event),
  });
  const failures = new Map(
    events.flatMap((event) => (event.type === 'failure' ? [[event.failure.host ?? '', event.failure] as const] : [])),
  );
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [`${event.host}: ${event.text}. ${event.remedy}`] : []));
  return {
    finished,
    failures,
    warnings,
    messages: Object.fromEntries([...failures].map(([host, { message }]) => [host, message])),
  };
}

/** Sets what one host of this fixture may use of this computer's memory; its group is made by provisioning/local-hosts. */
function limitMemory(name: string, bytes: number): void {
  const [, , network, number] = fixture.host(name).address.split('.').map(Number) as [number, number, number, number];
  const group = `mlsysops-mlh${network}h${number - 10}`;
  const files = [
    `/sys/fs/cgroup/memory/${group}/memory.limit_in_bytes`,
    `/sys/fs/cgroup/system.slice/${group}.scope/payload/memory.max`,
    `/sys/fs/cgroup/${group}/payload/memory.max`,
  ];
  const file = files.find((one) => existsSync(one));
  if (file === undefined) throw new Error(`no memory controller for ${group}`);
  writeFileSync(file, String(bytes));
}

/** As fixture.ssh, while servers of this process go on answering. */
const onHost = async (name: string, command: string): Promise<string> =>
  (await promisify(execFile)('ssh', fixture.sshArguments(name, fixture.host(name).user, command))).stdout;

/** On all addresses of this computer, for its hosts to reach. @returns the port */
const listen = (server: Pick<Server, 'listen' | 'address'>): Promise<number> =>
  new Promise((resolve) => server.listen(0, () => resolve((server.address() as AddressInfo).port)));

describe('odd hosts', () => {
  afterEach(() => void vi.restoreAllMocks());

  /** What others have on a host: a k3s, another cluster's kubelet, a container and a containerd of their own. */
  const planted =
    '/usr/local/bin/k3s /etc/rancher/k3s/config.yaml /etc/kubernetes/kubelet.conf /var/lib/etcd/member /etc/cni/net.d/05-theirs.conflist /etc/containerd/config.toml';
  const look = `sudo sh -c 'sha256sum ${planted}; systemctl is-active k3s containerd nats-server; ctr -n theirs tasks ls | grep -c RUNNING; cat /proc/sys/net/ipv4/ip_forward'`;

  beforeAll(() => {
    fixture.ssh(
      'management',
      `printf 'mkdir ~/.awake 2>/dev/null && sleep 1.7\\n' | cat - ~/.bashrc >~/.slow; mv ~/.slow ~/.bashrc`,
    );
    fixture.ssh(
      'master-1',
      `sudo sh -e -c '
mkdir -p /etc/rancher/k3s /etc/kubernetes /var/lib/etcd /etc/cni/net.d
for file in /etc/rancher/k3s/config.yaml /etc/kubernetes/kubelet.conf /var/lib/etcd/member /etc/cni/net.d/05-theirs.conflist; do echo theirs >$file; done
cp /bin/sleep /usr/local/bin/k3s
systemd-run -q --unit=k3s /usr/local/bin/k3s infinity
cp /usr/bin/perl /usr/local/sbin/nats-server
systemd-run -q --unit=nats-server /usr/local/sbin/nats-server -MIO::Socket::INET -e "for(IO::Socket::INET->new(Listen=>1,LocalPort=>4222)){sleep 3600}"
printf "%s\\n" "version = 2" "[plugins.\\"io.containerd.grpc.v1.cri\\"]" "  restrict_oom_score_adj = true" >/etc/containerd/config.toml
systemctl restart containerd
mkdir /srv/root; mount --bind / /srv/root
ctr -n theirs run -d --rootfs /srv/root theirs /bin/sleep 3600
'`,
    );
    fixture.ssh('worker-1', 'sudo mount -t tmpfs -o size=8m none /var/lib/containerd');
    fixture.ssh(
      'worker-2',
      'sudo sh -c "mount -t tmpfs -o size=4m none /tmp; head -c 8m /dev/zero >/tmp/full 2>/dev/null; true"',
    );
    limitMemory('worker-3', 200 * 1024 * 1024);
    fixture.ssh('worker-4', `echo 'researcher:${'right'}' | sudo chpasswd && sudo sh -c 'sed -i s/NOPASSWD:// /etc/sudoers.d/*'`);
  });

  it('are each refused in a sentence with what was found and what helps, and nothing is changed there', async () => {
    const before = fixture.ssh('master-1', look);
    const all = fixture.hosts.map(({ name }) => name);
    const { finished, failures, messages, warnings } = await run(testbed(all));
    expect(finished.state).toBe('failed');
    expect([...failures].map(([host, { code, phase }]) => `${host} ${phase} ${code}`).sort()).toEqual([
      'master-1 preflight preflight',
      'worker-1 preflight preflight',
      'worker-2 preflight preflight',
      'worker-3 preflight preflight',
      'worker-4 facts sudo',
    ]);
    expect(messages).toEqual({
      'master-1': expect.stringMatching(
        /^master-1, preflight: port 4222, which the message bus needs, is held by nats-server \(pid \d+\); it has k3s \(k3s runs, pid \d+\) and a Kubernetes node \(\/etc\/kubernetes\/kubelet.conf is there\) already, .*; \/etc\/cni\/net.d\/05-theirs.conflist would be used .*\. Stop nats-server on master-1 .* Take another host, /,
      ),
      'worker-1':
        'worker-1, preflight: no space: /var/lib/containerd has 8 MiB free, and images and containers need 0.5 GiB at least. Free 4.0 GiB there (du -xh /var/lib/containerd | sort -h | tail shows what uses it)',
      'worker-2':
        'worker-2, preflight: no space: /tmp has 0 MiB free, and temporary files of installers need 20 MiB at least. Free 102 MiB there (du -xh /tmp | sort -h | tail shows what uses it)',
      'worker-3':
        'worker-3, preflight: its control group allows it 200 MiB of memory, and a worker host needs 0.3 GiB at least. A worker host wants 0.7 GiB: give it more (the limit is set from outside, by what runs this container or VM), or take another host for the role worker',
      'worker-4': expect.stringMatching(
        /^worker-4, facts: sudo asks researcher for a password, .*\. Give the sudo password, or /,
      ),
    });
    expect(warnings).toEqual([
      expect.stringMatching(
        /^management: a shell takes [\d.]+ s to start, and with it every command\. See what ~\/.bashrc of researcher does/,
      ),
    ]);
    // The one that is fine, though slow, goes on.
    expect(fixture.ssh('management', `ls ${marker}`)).toBe(`${marker}\n`);
    expect(fixture.ssh('master-1', look)).toBe(before);
    for (const name of all.slice(1)) expect(fixture.ssh(name, `ls ${marker} 2>/dev/null || true`)).toBe('');
  });

  it('keep what others have on them when the testbed is reset', async () => {
    fixture.ssh('management', 'sed -i 1d ~/.bashrc');
    const before = fixture.ssh('master-1', look);
    expect(before).toContain('active');
    const recipe = makeRecipe({ distFolder: join(root, 'dist'), assetsFolder: join(root, 'assets') });
    const { finished, messages } = await run(testbed(['management', 'master-1']), { verb: 'down', phases: recipe });
    expect({ state: finished.state, messages }).toEqual({ state: 'done', messages: {} });
    expect(fixture.ssh('master-1', look)).toBe(before);
  });

  it('whose clock is two hours off are refused', async () => {
    // The hosts share this computer's clock, which nothing may set: it is the run's own that is moved.
    const { now } = Date;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 2 * 3_600_000);
    const { messages } = await run(testbed(['management']));
    expect(messages).toEqual({
      management:
        "management, preflight: its clock is 2.0 hours behind this computer's, and nothing but what systemd-nspawn runs on sets it: certificates would not be valid. Turn time synchronisation on: timedatectl set-ntp true (or install systemd-timesyncd or chrony)",
    });
  });

  it('behind a proxy and a private authority go out by the one and trust the other, and no longer after a reset', async () => {
    const { address } = fixture.host('management');
    const outer = address.replace(/\.\d+$/, '.1');
    const authority = await makeAuthority('a lab of ours', Date.now());
    const server = await makeCertificate(authority, 'server', ['server.lab'], Date.now());
    const file = join(fixture.folder, 'authority.pem');
    writeFileSync(file, authority.certificate);
    const asked: string[] = [];
    const proxy = createHttpServer((request, response) => {
      asked.push(request.url ?? '');
      response.end('by the proxy');
    });
    const secure = createHttpsServer({ key: server.key, cert: server.certificate }, (_, response) => response.end('trusted'));
    const ports = await Promise.all([proxy, secure].map((one) => listen(one)));
    const fetch = `curl -s --resolve server.lab:${ports[1]}:${outer} https://server.lab:${ports[1]}/ || echo "refused ($?)"`;
    try {
      const before = await onHost('management', 'sha256sum </etc/ssl/certs/ca-certificates.crt');
      expect(await onHost('management', fetch)).toBe('refused (60)\n');
      const of = {
        ...testbed(['management']),
        proxy: { http: `http://${outer}:${ports[0]}`, noProxy: [] },
        certificateAuthorities: [file],
      };
      const outside: Phase[] = [
        { id: 'outside', title: 'Outside', steps: async (_, context) => [await outsideStep(context, Date.now())] },
      ];
      for (const changed of [1, 0]) {
        const { finished, messages } = await run(of, { phases: outside });
        expect({ state: finished.state, changed: finished.changed, messages }).toEqual({ state: 'done', changed, messages: {} });
      }
      expect(await onHost('management', fetch)).toBe('trusted');
      // The proxy looks the name up, not the host.
      const download =
        'sudo /usr/lib/apt/apt-helper download-file http://packages.lab/file /var/tmp/by-proxy >/dev/null; cat /var/tmp/by-proxy';
      expect(await onHost('management', download)).toBe('by the proxy');
      expect(asked).toContain('http://packages.lab/file');
      expect(await onHost('management', 'systemctl show -P Environment containerd')).toContain(
        `HTTPS_PROXY=http://${outer}:${ports[0]}`,
      );
      const { finished } = await run(of, { phases: outside, verb: 'down' });
      expect(finished.state).toBe('done');
      expect(await onHost('management', fetch)).toBe('refused (60)\n');
      expect(await onHost('management', 'sha256sum </etc/ssl/certs/ca-certificates.crt')).toBe(before);
      expect(
        fixture.ssh(
          'management',
          'ls /etc/apt/apt.conf.d /usr/local/share/ca-certificates /etc/systemd/system | grep -E "mlsysops|containerd.service.d" || true',
        ),
      ).toBe('');
    } finally {
      proxy.close();
      secure.close();
    }
  });

  it('get pandas for policies in Python by packages, and lose it again with a reset', async () => {
    // Packages of ours in the place of the distribution's, which are large: what is tried is how they are asked for, and taken away.
    fixture.ssh(
      'management',
      `sudo sh -e -c '
mkdir /srv/repository && cd /srv/repository
make() {
  mkdir -p "$1/DEBIAN"; chmod 0755 "$1" "$1/DEBIAN"
  printf "Package: %s\\nVersion: 9.9\\nArchitecture: all\\nMaintainer: a test\\nDepends: %s\\nDescription: double of %s\\n" "$1" "$2" "$1" >"$1/DEBIAN/control"
  dpkg-deb --build "$1" >/dev/null
  { cat "$1/DEBIAN/control"; echo "Filename: ./$1.deb"; echo "Size: $(stat -c %s "$1.deb")"; echo "SHA256: $(sha256sum "$1.deb" | cut -d" " -f1)"; echo; } >>Packages
}
mkdir -p python3/usr/bin python3-pandas/usr/share/double
printf "#!/bin/sh\\n[ -e /usr/share/double/pandas ]\\n" >python3/usr/bin/python3; chmod 0755 python3/usr/bin/python3
: >python3-pandas/usr/share/double/pandas
make python3 base-files
make python3-pandas python3
mkdir /srv/sources; mv /etc/apt/sources.list /etc/apt/sources.list.d/* /srv/sources 2>/dev/null || :
echo "deb [trusted=yes] file:/srv/repository ./" >/etc/apt/sources.list'`,
    );
    const packages = () => fixture.ssh('management', `dpkg-query -W -f '\${Package} \${Status}\\n'`);
    const before = packages();
    expect(before).not.toContain('python3 ');
    const python: Phase[] = [{ id: 'python', title: 'Python', steps: () => [pythonStep] }];
    const wanted = { ...testbed(['management']), preflight: { ignore: [], python: true } };
    for (const changed of [1, 0]) {
      const { finished, messages } = await run(wanted, { phases: python });
      expect({ state: finished.state, changed: finished.changed, messages }).toEqual({ state: 'done', changed, messages: {} });
      expect(packages()).toContain('python3-pandas install ok installed');
    }
    expect((await run(wanted, { phases: python, verb: 'down' })).finished.state).toBe('done');
    expect(packages()).toBe(before);
  });

  it('that reboot in the middle of a phase are named, and the next run goes on from there', async () => {
    const reboot = `if [ ! -e ${marker}-rebooted ]; then touch ${marker}-rebooted; systemctl reboot; sleep 60; fi; touch ${marker}-done`;
    const [only] = phases(reboot);
    const going: Phase[] = [
      { ...only!, steps: () => [{ id: 'reboot', title: 'Reboot', observe: `[ -e ${marker}-done ]`, change: reboot }] },
    ];
    const { finished, messages } = await run(testbed(['management']), { phases: going });
    // Waiting for it and going on would do as well as saying so.
    const lost =
      'management, only: reboot: the connection was lost while a command was running. When the host can be reached again, run again: it goes on from there';
    expect([
      { state: 'done', said: [] },
      { state: 'failed', said: [lost] },
    ]).toContainEqual({
      state: finished.state,
      said: Object.values(messages),
    });
    await fixture.controls.start(fixture.testbed, 'management');
    const next = await run(testbed(['management']), { phases: going });
    expect({ state: next.finished.state, messages: next.messages }).toEqual({ state: 'done', messages: {} });
  });
});
