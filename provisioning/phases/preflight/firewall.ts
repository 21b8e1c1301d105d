import type { Way } from './ways.ts';

/** A rule or policy of a host's own firewall that may stand in a way. */
export interface FirewallRule {
  tool: 'ufw' | 'firewalld' | 'nftables' | 'iptables';
  direction: 'input' | 'output' | 'forward' | 'other';
  /** "inet filter input" */
  chain: string;
  /** As the tool writes it: "tcp dport 6443 drop", "policy drop". */
  text: string;
}

/** Tells what of a firewall throws packets away: lines of the rule set with the chain they stand in. Asked only where a way is blocked. */
export const firewallScript = `
if [ -r /etc/ufw/ufw.conf ] && grep -qi '^ENABLED=yes' /etc/ufw/ufw.conf; then echo 'tool ufw'; fi
for file in /proc/[0-9]*/comm; do { read -r name <"$file"; } 2>/dev/null || continue; [ "$name" != firewalld ] || echo 'tool firewalld'; done
if command -v nft >/dev/null 2>&1; then
  nft -s list ruleset 2>/dev/null | grep -E '^table |^[[:space:]]*chain |type filter hook|(drop|reject)' | grep -v KUBE | head -n 400 | while read -r line; do echo "nft $line"; done
fi
for family in '' 6; do
  [ -s "/proc/net/ip\${family}_tables_names" ] || continue
  command -v "ip\${family}tables-legacy-save" >/dev/null || continue
  "ip\${family}tables-legacy-save" -t filter 2>/dev/null | grep -E '^:(INPUT|OUTPUT) DROP|^-A .*-j (DROP|REJECT)' | head -n 200 | while read -r line; do echo "legacy $line"; done
done
`;

export function parseFirewall(stdout: string): FirewallRule[] {
  const lines = stdout.split('\n');
  const tools = new Set(lines.flatMap((line) => (line.startsWith('tool ') ? [line.slice(5).trim()] : [])));
  const rules: FirewallRule[] = [];
  let table = '';
  let chain = '';
  let direction: FirewallRule['direction'] = 'other';
  const toolOf = (name: string): FirewallRule['tool'] => {
    if (tools.has('ufw') && /ufw|INPUT|OUTPUT/.test(name)) return 'ufw';
    if (tools.has('firewalld') && /firewalld/.test(name)) return 'firewalld';
    return /^ip6? filter (INPUT|OUTPUT)/.test(name) ? 'iptables' : 'nftables';
  };
  const add = (text: string) => {
    // Ways are of IPv4 alone.
    if (/^(ip6|arp|bridge|netdev) /.test(table)) return;
    // Where ufw leads the noise of a network that it does not log: the policy is what stands in the way.
    if (/^ufw-skip-to-policy-/.test(chain)) return;
    const name = `${table} ${chain}`;
    rules.push({
      tool: toolOf(name),
      direction: /ufw.*input/.test(chain) ? 'input' : direction,
      chain: name,
      text: text.slice(0, 160),
    });
  };
  for (const line of lines) {
    const said = /^nft (.*)$/.exec(line)?.[1]?.trim();
    if (said !== undefined) {
      const opened = /^(table|chain) (.*?)\s*\{/.exec(said);
      if (opened?.[1] === 'table') table = opened[2] ?? '';
      else if (opened?.[1] === 'chain') {
        chain = opened[2] ?? '';
        direction = 'other';
      } else if (/^type filter hook/.test(said)) {
        const hook = /hook (\w+)/.exec(said)?.[1];
        direction =
          hook === 'input' || hook === 'prerouting' || hook === 'ingress'
            ? 'input'
            : hook === 'output' || hook === 'postrouting'
              ? 'output'
              : hook === 'forward'
                ? 'forward'
                : 'other';
        if (/policy drop/.test(said)) add('policy drop');
      } else if (/\b(drop|reject)\b/.test(said.replace(/\b(jump|goto) \S+/, ''))) add(said);
      continue;
    }
    const legacy = /^legacy (:|-A )(\S+) (.*)$/.exec(line);
    if (legacy === null) continue;
    const [, kind, name = '', rest = ''] = legacy;
    direction =
      name === 'OUTPUT' ? 'output' : name === 'FORWARD' ? 'forward' : name === 'INPUT' || /input/i.test(name) ? 'input' : 'other';
    rules.push({
      tool: tools.has('ufw') ? 'ufw' : 'iptables',
      direction,
      chain: name,
      text: kind === ':' ? 'policy drop' : rest.slice(0, 160),
    });
  }
  return rules;
}

/** The rule that most likely stands in a way: one that names its port, else one without a port, else a policy. */
export function ruleInWay(rules: readonly FirewallRule[], way: Way, direction: 'input' | 'output'): FirewallRule | undefined {
  const candidates = rules.filter((rule) => rule.direction === direction || rule.direction === 'other');
  const named = candidates.find(({ text }) => namesPort(text, way));
  if (named !== undefined) return named;
  // What has a port of its own, or only throws away what is broken, does not stand in this way.
  const others = candidates.filter(
    (rule) =>
      rule.direction === direction &&
      !/\b[ds]port\b|--[ds]port|invalid|INVALID|frag|icmp(v6)? (type|code)|-p icmp/.test(rule.text),
  );
  return others.find(({ text }) => text !== 'policy drop') ?? others[0];
}

function namesPort(text: string, { port, protocol }: Way): boolean {
  if (!text.includes(protocol) && !/\bth dport\b/.test(text)) return false;
  const told = /(?:dport|--dports?)\s+(?:!= )?(\{[^}]*\}|\S+)/.exec(text)?.[1];
  if (told === undefined || /dport != /.test(text)) return false;
  return told
    .replace(/[{}]/g, '')
    .split(',')
    .some((one) => {
      const [first, last] = one.trim().split(/[-:]/).map(Number);
      return first !== undefined && port >= first && port <= (last ?? first);
    });
}

/** One command that opens a way on the host that the rule stands on. `peer` is the other host's address. */
export function openWay(rule: FirewallRule | undefined, way: Way, peer: string): string {
  const { port, protocol } = way;
  if (rule?.direction === 'output') return `let ${protocol} to ${way.address} port ${port} out there (chain ${rule.chain})`;
  switch (rule?.tool) {
    case 'ufw':
      return `ufw allow from ${peer} to any port ${port} proto ${protocol}`;
    case 'firewalld':
      return `firewall-cmd --permanent --add-rich-rule='rule family=ipv4 source address=${peer} port port=${port} protocol=${protocol} accept' && firewall-cmd --reload`;
    case 'iptables':
      return `iptables -I INPUT -p ${protocol} -s ${peer} --dport ${port} -j ACCEPT`;
    case 'nftables':
      return `nft insert rule ${rule.chain} ip saddr ${peer} ${protocol} dport ${port} accept`;
    default:
      return `open ${protocol} port ${port} to ${peer} in the firewall between them (a router, or the cloud's security group)`;
  }
}
