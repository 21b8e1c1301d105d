import { describe, expect, it } from 'vitest';
import { useHosts } from '../../../test/hosts/fixture.ts';
import { testbedOf } from '../../../test/hosts/provision.ts';
import { KnownHosts } from '../../ssh/known-hosts.ts';
import { SshPool } from '../../ssh/pool.ts';
import type { Host } from '../../testbed/schema.ts';
import { checkReachability, tryWays } from './reachability.ts';

// biome-ignore lint/correctness/useHookAtTopLevel: a fixture of tests, not a hook of React
const fixture = useHosts(['management', 'master-1', 'worker-1', 'worker-2']);

const addressOf = (host: Host): string => host.address;

async function matrix(overlays: readonly string[] = []) {
  const testbed = testbedOf(fixture, fixture.folder);
  const pool = new SshPool({ knownHosts: new KnownHosts(fixture.knownHostsFile), agent: null });
  try {
    await Promise.all(testbed.hosts.map((host) => pool.connect(host)));
    const startedAt = performance.now();
    const tried = await tryWays({
      testbed,
      hosts: new Set(testbed.hosts.map(({ name }) => name)),
      addressOf,
      overlays: new Set(overlays),
      execute: (host, script, how) => pool.execute(host, script, how),
    });
    const ms = Math.round(performance.now() - startedAt);
    const checks = checkReachability(testbed, tried, addressOf);
    return { tried, ms, checks, problems: checks.filter(({ severity }) => severity !== 'ok') };
  } finally {
    await pool.close();
  }
}

const listening = () =>
  fixture.hosts.map(({ name }) => fixture.ssh(name, 'ss -Hltun | grep -E ":(6443|4222|7422|10250|32443) "; pgrep -x perl; true'));

describe('the ways between four hosts', () => {
  it('are tried on ports where nothing listens yet, and nothing is left that does', async () => {
    const { tried, ms, checks } = await matrix();
    process.stdout.write(`${tried.ways.length} ways between four hosts: ${ms} ms\n`);
    expect(tried.ways.map(({ from, to, port, answer }) => `${from} > ${to}:${port} ${answer}`).sort()).toEqual([
      'management > master-1:6443 open',
      'master-1 > management:32443 open',
      'master-1 > management:7422 open',
      'master-1 > worker-1:10250 open',
      'master-1 > worker-2:10250 open',
      'worker-1 > master-1:4222 open',
      'worker-1 > master-1:6443 open',
      'worker-2 > master-1:4222 open',
      'worker-2 > master-1:6443 open',
    ]);
    expect(checks.map(({ host, severity }) => `${host} ${severity}`)).toEqual([
      'management ok',
      'master-1 ok',
      'worker-1 ok',
      'worker-2 ok',
    ]);
    expect(listening()).toEqual(['', '', '', '']);
  });

  it('that a firewall closes are errors of its host, which name the rule and the command that opens them', async () => {
    const rules = (name: string, ...lines: string[]) =>
      fixture.ssh(name, `sudo sh -c '${['nft add table inet site', ...lines.map((line) => `nft "${line}"`)].join(' && ')}'`);
    const input = 'add chain inet site input { type filter hook input priority 0; policy accept; }';
    rules('master-1', input, 'add rule inet site input tcp dport 6443 drop');
    rules('worker-1', input, 'add rule inet site input tcp dport 10000-11000 reject');
    rules(
      'worker-2',
      'add chain inet site output { type filter hook output priority 0; policy accept; }',
      'add rule inet site output tcp dport 4222 drop',
    );
    const { problems } = await matrix();
    const { address } = fixture.host('master-1');
    expect(problems).toEqual([
      {
        id: 'reach-6443',
        host: 'master-1',
        severity: 'error',
        evidence: `port 6443 (the Kubernetes API) cannot be reached from worker-1, worker-2 and management at ${address} (no answer): nftables has "tcp dport 6443 drop" in inet site input`,
        remedy: expect.stringContaining(
          `On master-1: nft insert rule inet site input ip saddr ${fixture.host('worker-1').address} tcp dport 6443 accept; nft insert rule`,
        ),
      },
      {
        id: 'reach-10250',
        host: 'worker-1',
        severity: 'error',
        evidence: expect.stringContaining('(refused): nftables has "tcp dport 10000-11000 reject'),
        remedy: expect.stringContaining(`nft insert rule inet site input ip saddr ${address} tcp dport 10250 accept`),
      },
      {
        id: 'reach-4222',
        host: 'worker-2',
        severity: 'error',
        evidence: expect.stringContaining('it cannot reach port 4222 (the message bus) of master-1 (no answer)'),
        remedy: expect.stringContaining('inet site output'),
      },
    ]);
    expect(listening()).toEqual(['', '', '', '']);
    // What the remedy says opens the way.
    for (const { host, remedy = '' } of problems.slice(0, 2)) fixture.ssh(host, `sudo sh -c '${remedy.replace(/^On \S+ /, '')}'`);
    fixture.ssh('worker-2', 'sudo nft flush ruleset');
    expect((await matrix()).problems).toEqual([]);
  });

  it('are tried with datagrams where pods reach each other by VXLAN', async () => {
    const open = await matrix(['cluster1']);
    expect(open.problems).toEqual([]);
    expect(open.tried.ways.filter(({ protocol }) => protocol === 'udp').map(({ answer }) => answer)).toEqual(
      Array(6).fill('open'),
    );
    fixture.ssh(
      'worker-2',
      'sudo sh -c \'nft add table inet site; nft add chain inet site input "{ type filter hook input priority 0; policy accept; }"; nft add rule inet site input udp dport 8472 drop\'',
    );
    const { problems } = await matrix(['cluster1']);
    expect(problems).toEqual([
      {
        id: 'reach-8472',
        host: 'worker-2',
        severity: 'error',
        evidence: `UDP port 8472 (the pod network) cannot be reached from master-1 and worker-1 at ${fixture.host('worker-2').address} (no answer): nftables has "udp dport 8472 drop" in inet site input`,
        remedy: expect.stringMatching(/^On worker-2: nft insert rule inet site input ip saddr \S+ udp dport 8472 accept; /),
      },
    ]);
  });
});
