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

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const within = (space: string, script: string) =>
  execFileSync('ip', ['netns', 'exec', space, 'sh', '-eu'], { input: script, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });

describe('pods of nodes that share no network', () => {
  afterEach(() => {
    for (const space of [router, ...nodes.map((node) => node.space)]) run('ip', 'netns', 'del', space);
  });

  it('reach each other through the overlay, and nothing of it stays', async () => {
    run('ip', 'netns', 'add', router);
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
      return { own: node.pods, cluster: '10.12.0.0/16', address: node.address, routes };
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
    for (const [index, node] of nodes.entries()) within(node.space, downScript(networks[index]!));
    for (const node of nodes) {
      const left = within(node.space, 'ip -o link; ip route; ip neigh show nud permanent; iptables -S; iptables -t nat -S');
      expect(left).not.toMatch(/vxlan|10\.12\.\d\.0 |MASQUERADE/);
    }
  });
});
