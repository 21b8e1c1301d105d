import { execFileSync } from 'node:child_process';
import { hostPrograms } from '../../agents/host/linux/programs.ts';

/** Runs a program as root and gives its stdout; an error of it is thrown. */
export const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** A network of this kernel's own making: a host with a pod and two uplinks, each a network namespace. Needs root; takes itself away. */
export class NamespaceNetwork {
  readonly #tag: string;
  readonly podIp = '10.244.1.7';
  /** What lies beyond both uplinks. */
  readonly beyond = '203.0.113.9';

  constructor(tag: string) {
    this.#tag = tag;
  }

  make(): void {
    for (const name of ['host', 'pod', 'wired', 'radio']) {
      run('ip', 'netns', 'add', this.name(name));
      this.in(name, 'ip', 'link', 'set', 'lo', 'up');
      this.in(
        name,
        'sysctl',
        '-qw',
        'net.ipv4.ip_forward=1',
        'net.ipv4.conf.all.rp_filter=0',
        'net.ipv4.conf.default.rp_filter=0',
      );
    }
    this.#link('host', 'veth-pod', 'pod', 'eth0');
    this.#link('host', 'eth0', 'wired', 'eth0');
    this.#link('host', 'wlan0', 'radio', 'eth0');
    this.in('host', 'ip', 'addr', 'add', '10.244.1.1/32', 'dev', 'veth-pod');
    this.in('host', 'ip', 'route', 'add', `${this.podIp}/32`, 'dev', 'veth-pod', 'src', '10.244.1.1');
    this.in('pod', 'ip', 'addr', 'add', `${this.podIp}/32`, 'dev', 'eth0');
    this.in('pod', 'ip', 'route', 'add', '10.244.1.1', 'dev', 'eth0');
    this.in('pod', 'ip', 'route', 'add', 'default', 'via', '10.244.1.1');
    for (const [uplink, dev, subnet] of [
      ['wired', 'eth0', '192.0.2'],
      ['radio', 'wlan0', '198.51.100'],
    ] as const) {
      this.in('host', 'ip', 'addr', 'add', `${subnet}.2/24`, 'dev', dev);
      this.in(uplink, 'ip', 'addr', 'add', `${subnet}.1/24`, 'dev', 'eth0');
      this.in(uplink, 'ip', 'addr', 'add', `${this.beyond}/32`, 'dev', 'lo');
      this.in(uplink, 'ip', 'route', 'add', '10.244.1.0/24', 'via', `${subnet}.2`);
    }
    this.in('host', 'ip', 'route', 'add', 'default', 'via', '192.0.2.1');
  }

  remove(): void {
    const there = run('ip', 'netns', 'list');
    for (const name of ['host', 'pod', 'wired', 'radio'])
      if (there.includes(this.name(name))) run('ip', 'netns', 'del', this.name(name));
  }

  name(name: string): string {
    return `${this.#tag}-${name}`;
  }

  in(name: string, ...command: string[]): string {
    return run('ip', 'netns', 'exec', this.name(name), ...command);
  }

  programs = () => hostPrograms(['ip', 'netns', 'exec', this.name('host')]);

  /** Sends packets of 1000 bytes by UDP from a namespace to `address`. */
  send(from: string, address: string, packets: number): void {
    // That nobody listens is told to the socket, once for a packet, in place of sending the next: of several told late, each costs a try.
    const one =
      'for try in 1 2 3 4 5 6 7 8 9; do said=$(LC_ALL=C; printf %01000d 0 2>&1 >&3); [[ $said == *refused* ]] || break; done';
    const script = `exec 3<>/dev/udp/${address}/9; for i in $(seq ${packets}); do ${one}; done`;
    run('ip', 'netns', 'exec', this.name(from), 'bash', '-c', `{ ${script}; } 2>/dev/null`);
  }

  /** Packets that an interface of a namespace has got, or sent. */
  packets(name: string, dev: string, which: 'rx' | 'tx'): number {
    const [link] = JSON.parse(this.in(name, 'ip', '-json', '-stats', 'link', 'show', dev));
    return Number(link.stats64[which].packets);
  }

  #link(one: string, dev: string, other: string, otherDev: string): void {
    run('ip', 'link', 'add', dev, 'netns', this.name(one), 'type', 'veth', 'peer', 'name', otherDev, 'netns', this.name(other));
    this.in(one, 'ip', 'link', 'set', dev, 'up');
    this.in(other, 'ip', 'link', 'set', otherDev, 'up');
  }
}
