import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { downScript, overlayEnd, upScript } from './bridge.ts';

/** Two nodes with a router between, as network namespaces: what the unit of the pod network runs, it runs there. */
const nodes = [
  { space: 'mlo-one', address: '192.0.2.2', router: '192.0.2.1', pods: '10.12.0.0/24' },
  { space: 'mlo-two', address: '198.51.100.2', router: '198.51.100.1', pods: '10.12.1.0/24' },
] as const;
const router = 'mlo-router';
const pod = 'mlo-pod';

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const within = (space: string, script: string) =>
  execFileSync('ip', ['netns', 'exec', space, 'sh', '-eu'], { input: script, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });

describe('pods of nodes that share no network', () => {
  afterEach(() => {
    for (const space of [router, pod, ...nodes.map((node) => node.space)]) run('ip', 'netns', 'del', space);
  });

  it('reach each other through the overlay, and nothing of it stays', async () => {
    for (const space of [router, pod]) run('ip', 'netns', 'add', space);
    within(router, 'echo 1 >/proc/sys/net/ipv4/ip_forward');
    for (const [index, node] of nodes.entries()) {
      run('ip', 'netns', 'add', node.space);
      run('ip', 'link', 'add', `mlo${index}`, 'netns', router, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', node.space);
      within(router, `ip addr add ${node.router}/30 dev mlo${index}; ip link set mlo${index} up`);
      within(
        node.space,
        `ip link set lo up; ip addr add ${node.address}/30 dev eth0; ip link set eth0 up; ip route add default via ${node.router}
         ip link add cni0 type bridge; ip addr add ${overlayEnd(node.pods).replace(/0$/, '1')}/24 dev cni0; ip link set cni0 up`,
      );
    }
    const networks = nodes.map((node, index) => {
      const other = nodes[1 - index]!;
      const routes = [{ to: other.pods, via: overlayEnd(other.pods), peer: other.address }];
      return { own: node.pods, cluster: '10.12.0.0/16', address: node.address, routes, apiPort: index === 0 ? 6443 : undefined };
    });
    // A route of an earlier run, to a node that has another network now.
    within(nodes[0].space, `${upScript({ ...networks[0]!, routes: [{ to: '10.12.7.0/24', via: nodes[0].router }] })}`);
    // Twice: a unit that is started anew finds what it made.
    for (const _ of [1, 2]) for (const [index, node] of nodes.entries()) within(node.space, upScript(networks[index]!));
    expect(within(nodes[0].space, 'ip route')).not.toContain('10.12.7.0');
    // Many full packets, from a pod's address to another's.
    const serve = `require("http").createServer((_, answer) => answer.end("x".repeat(300000))).listen(8000, "10.12.1.1", () => console.log("listening"))`;
    const server = spawn('ip', ['netns', 'exec', nodes[1].space, process.execPath, '-e', serve], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(server.stdout, 'data');
    const ask = `require("http").get({ host: "10.12.1.1", port: 8000, localAddress: "10.12.0.1", timeout: 5000 }, async (answer) => {
      let size = 0; for await (const part of answer) size += part.length; console.log(size); })`;
    expect(run('ip', 'netns', 'exec', nodes[0].space, process.execPath, '-e', ask).trim()).toBe('300000');
    server.kill();
    // A firewall of the host's own that throws away what it has no rule for: pods of a control plane ask its API all the same.
    within(nodes[0].space, 'iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables -P INPUT DROP');
    run('ip', 'link', 'add', 'pod', 'netns', nodes[0].space, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod);
    within(nodes[0].space, 'ip link set pod master cni0 up');
    within(pod, 'ip addr add 10.12.0.7/24 dev eth0; ip link set eth0 up; ip route add default via 10.12.0.1');
    const listen = `for (const port of [6443, 6444]) require("net").createServer().listen(port, () => console.log("listening"))`;
    const api = spawn('ip', ['netns', 'exec', nodes[0].space, process.execPath, '-e', listen], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const said of api.stdout) if (String(said).includes('listening')) break;
    const askApi = `const ask = (port) => require("net").connect(port, "${nodes[0].address}", () => console.log(port)).setTimeout(10000, process.exit);
      ask(6444); ask(6443).once("connect", process.exit);`;
    expect(run('ip', 'netns', 'exec', pod, process.execPath, '-e', askApi).trim()).toBe('6443');
    api.kill();
    for (const [index, node] of nodes.entries()) within(node.space, downScript(networks[index]!));
    for (const node of nodes) {
      const left = within(node.space, 'ip -o link; ip route; ip neigh show nud permanent; iptables -S; iptables -t nat -S');
      expect(left).not.toMatch(/vxlan|10\.12\.\d\.0 |MASQUERADE|6443/);
    }
  });
});
