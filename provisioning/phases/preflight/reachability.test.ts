import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Host } from '../../testbed/schema.ts';
import { exampleTestbed } from '../support/context-double.ts';
import { openWay, parseFirewall, ruleInWay } from './firewall.ts';
import { parseAnswers } from './reach-scripts.ts';
import { checkReachability, type ExecuteOn, tryWays } from './reachability.ts';
import { reachabilitySchema, type WayAnswer } from './reachability-value.ts';
import { waysOf } from './ways.ts';

const testbed = exampleTestbed();
const addressOf = (host: Host): string => host.address;
const ways = waysOf(testbed, addressOf);

/** All ways as `answerOf` says; open by default. */
const tried = (answerOf: (way: (typeof ways)[number]) => WayAnswer['answer'] | undefined, rules = new Map()) => ({
  ways: ways.map((way) => ({ ...way, answer: answerOf(way) ?? ('open' as const) })),
  firewalls: rules,
});
const problems = (of: ReturnType<typeof tried>) =>
  checkReachability(testbed, of, addressOf).flatMap(({ host, id, severity }) =>
    severity === 'ok' ? [] : [`${host} ${id} ${severity}`],
  );

describe('blocked ways', () => {
  it('are put down to the host that is cut off, not to all that miss it', () => {
    expect(problems(tried(() => undefined))).toEqual([]);
    expect(problems(tried(({ from, to }) => (from === 'worker-1' || to === 'worker-1' ? 'silent' : undefined)))).toEqual([
      'worker-1 reach-6443 error',
      'worker-1 reach-4222 error',
      'worker-1 reach-10250 error',
    ]);
    expect(problems(tried(({ to }) => (to === 'master-1' ? 'silent' : undefined)))).toEqual([
      'master-1 reach-6443 error',
      'master-1 reach-4222 error',
    ]);
  });

  it('are errors where the plan needs them, and warnings where another way does', () => {
    const blocked = (...ports: number[]) =>
      tried(({ from, to, port }) =>
        from !== 'worker-1' && to !== 'worker-1' && from !== 'worker-2' && to !== 'worker-2' && ports.includes(port)
          ? 'silent'
          : undefined,
      );
    // Karmada reaches its member, or the member reaches Karmada.
    expect(problems(blocked(6443))).toEqual(['master-1 reach-6443 warning']);
    expect(problems(blocked(32443))).toEqual(['management reach-32443 warning']);
    expect(problems(blocked(6443, 32443))).toEqual(['master-1 reach-6443 error', 'master-1 reach-32443 error']);
  });

  it('of a host that the run does not change stop the one that it does, and name where to mend them', () => {
    const rule = { tool: 'ufw', direction: 'input', chain: 'ip filter INPUT', text: 'policy drop' } as const;
    const of = tried(
      ({ from, to }) => (from === 'worker-2' && to === 'master-1' ? 'silent' : undefined),
      new Map([['master-1', [rule]]]),
    );
    const [check, ...more] = checkReachability(testbed, of, addressOf, new Set(['worker-2'])).filter(
      ({ severity }) => severity !== 'ok',
    );
    expect(check).toEqual({
      id: 'reach-6443',
      host: 'worker-2',
      severity: 'error',
      evidence: `it cannot reach port 6443 (the Kubernetes API) of master-1 (no answer): master-1's ufw has "policy drop" in ip filter INPUT`,
      remedy: 'On master-1: ufw allow from 10.77.0.13 to any port 6443 proto tcp',
    });
    expect(more.map(({ host, id }) => `${host} ${id}`)).toEqual(['worker-2 reach-4222']);
  });

  it('that could not be tried are told as that', () => {
    expect(problems(tried(({ from }) => (from === 'worker-2' ? 'untried' : undefined)))).toEqual(['worker-2 reach warning']);
    expect(reachabilitySchema.safeParse(tried(() => 'unreachable')).success).toBe(true);
  });
});

describe('ways to ports that somebody holds', () => {
  /** Hosts that are not there: a connection to what is in `refused` is refused as long as nobody has been told to listen on its host. */
  async function attempt(held: (host: string, port: number) => boolean, refused: readonly string[] = []) {
    const listened: string[] = [];
    const execute: ExecuteOn = async (host, script, options) => {
      const result = { code: 0, signal: null, stderr: '', truncated: false, pid: 1, hostMs: 0, startMs: 0, beganAt: 0 };
      if (typeof script === 'function') {
        listened.push(host.name);
        options?.onOutput?.('stdout', 'ready 7\n');
        return { ...result, stdout: 'ready 7\n' };
      }
      const targets = [...script.matchAll(/'?tcp\/([\d.]+)\/(\d+)/g)].map(([, address, port]) => `${address}:${port}`);
      const answers = targets.map((target, index) => {
        const name = testbed.hosts.find(({ address }) => target.startsWith(`${address}:`))?.name ?? '';
        return `reach ${index} ${refused.includes(target) && !listened.includes(name) ? 'refused' : 'open'} \n`;
      });
      return { ...result, stdout: answers.join('') };
    };
    const hosts = new Set(testbed.hosts.map(({ name }) => name));
    const { ways: told } = await tryWays({ testbed, hosts, addressOf, execute, listens: held });
    return { listened: listened.sort(), answers: told.map(({ answer, ...way }) => ({ way, answer })) };
  }
  const all = ways.map((way) => ({ way, answer: 'open' }));

  it('are tried without anybody who listens', async () => {
    expect(await attempt(() => true)).toEqual({ listened: [], answers: all });
    expect(await attempt((host) => host !== 'worker-1')).toEqual({ listened: ['worker-1'], answers: all });
  });

  it('are tried again with somebody who does where they have come to be free', async () => {
    expect(await attempt(() => true, ['10.77.0.11:4222'])).toEqual({ listened: ['master-1'], answers: all });
  });
});

/** What a host with ufw 0.36 (deny by default) and Docker 20.10 of Debian 12 said, without chains that hold nothing. */
const ufwBesideDocker = `tool ufw
nft table ip filter {
nft chain DOCKER-ISOLATION-STAGE-2 {
nft oifname "docker0" counter drop
nft chain FORWARD {
nft type filter hook forward priority filter; policy drop;
nft counter jump ufw-reject-forward
nft chain ufw-before-input {
nft ct state invalid counter drop
nft chain INPUT {
nft type filter hook input priority filter; policy drop;
nft counter jump ufw-reject-input
nft chain OUTPUT {
nft type filter hook output priority filter; policy accept;
nft counter jump ufw-reject-output
nft chain ufw-skip-to-policy-input {
nft counter drop
nft table ip6 filter {
nft chain OUTPUT {
nft type filter hook output priority filter; policy drop;`;

describe('the rule that stands in a way', () => {
  const way = ways.find(({ port, to }) => port === 6443 && to === 'master-1')!;
  const cases: [string, string, string | undefined, string][] = [
    [
      'nftables',
      `nft table inet filter {\nnft chain input {\nnft type filter hook input priority filter; policy drop;\nnft ct state invalid drop\nnft tcp dport 22 drop\nnft tcp dport { 80, 6000-7000 } reject`,
      'tcp dport { 80, 6000-7000 } reject',
      'nft insert rule inet filter input ip saddr 10.77.0.12 tcp dport 6443 accept',
    ],
    [
      'ufw',
      'tool ufw\nnft table ip filter {\nnft chain INPUT {\nnft type filter hook input priority filter; policy drop;\nnft chain ufw-reject-input {\nnft counter reject',
      'counter reject',
      'ufw allow from 10.77.0.12 to any port 6443 proto tcp',
    ],
    ['ufw', ufwBesideDocker, 'policy drop', 'ufw allow from 10.77.0.12 to any port 6443 proto tcp'],
    [
      'firewalld',
      'tool firewalld\nnft table inet firewalld {\nnft chain filter_INPUT {\nnft type filter hook input priority filter + 10; policy accept;\nnft ct state invalid drop\nnft reject with icmpx admin-prohibited',
      'reject with icmpx admin-prohibited',
      "firewall-cmd --permanent --add-rich-rule='rule family=ipv4 source address=10.77.0.12 port port=6443 protocol=tcp accept' && firewall-cmd --reload",
    ],
    ['iptables', 'legacy :INPUT DROP [0:0]', 'policy drop', 'iptables -I INPUT -p tcp -s 10.77.0.12 --dport 6443 -j ACCEPT'],
    [
      'iptables',
      'legacy -A INPUT -p tcp -m multiport --dports 80,6443 -j DROP',
      '-p tcp -m multiport --dports 80,6443 -j DROP',
      'iptables -I INPUT -p tcp -s 10.77.0.12 --dport 6443 -j ACCEPT',
    ],
    [
      'nftables',
      'nft table inet a {\nnft chain b {\nnft type filter hook input priority 0; policy accept;\nnft tcp dport 22 drop',
      undefined,
      '',
    ],
  ];
  it.each(cases)('is told of %s', (tool, said, text, remedy) => {
    const rule = ruleInWay(parseFirewall(said), way, 'input');
    expect(rule?.text).toBe(text);
    if (text === undefined) return;
    expect(rule?.tool).toBe(tool);
    expect(openWay(rule, way, '10.77.0.12')).toBe(remedy);
  });

  it('is none of those that lead to a chain with a name like that, or that are of IPv6', () => {
    expect(ruleInWay(parseFirewall(ufwBesideDocker), way, 'output')).toBe(undefined);
  });
});

describe('what hosts say of their ways', () => {
  it('of any kind is an answer for each way, and nothing else', () => {
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .tuple(fc.integer({ min: -2, max: 20 }), fc.constantFrom('open', 'silent', 'refused', 'gone', ''))
        .map(([index, answer]) => `reach ${index} ${answer} why`),
      fc.constantFrom(
        'nft table inet x {',
        'nft chain y {',
        'nft type filter hook input priority 0; policy drop',
        'legacy -A INPUT -j DROP',
        'tool ufw',
      ),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const answers = parseAnswers(ways, lines.join('\n'));
        expect(answers.map(({ from, to, port }) => [from, to, port])).toEqual(ways.map(({ from, to, port }) => [from, to, port]));
        const firewalls = new Map([['master-1', parseFirewall(lines.join('\n'))]]);
        for (const check of checkReachability(testbed, { ways: answers, firewalls }, addressOf))
          expect(check.evidence).not.toContain('undefined');
      }),
      { numRuns: 40 },
    );
  });
});
