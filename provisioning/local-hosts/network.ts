import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { restoreLimits } from './limits.ts';
import { run, tryRun } from './shell.ts';
import type { Machine, TestbedState } from './state.ts';

/** Networks of local hosts are 10.99.<index>.0/24; the bridge has .1, hosts from .11 on. */
export const networkOf = (index: number): string => `10.99.${index}.0/24`;
export const gatewayOf = (index: number): string => `10.99.${index}.1`;
export const addressOf = (index: number, number: number): string => `10.99.${index}.${10 + number}`;
export const bridgeOf = (index: number): string => `mlh${index}`;
/** Interface and namespace of one host; interface names hold 15 characters at most. */
export const linkOf = (index: number, number: number): string => `mlh${index}h${number}`;

/**
 * Hardware address of one host, or of the bridge (number 0): the same at every start, as a real card's. A new one each time would leave
 * neighbours talking to the old one, and a bridge without one of its own takes its ports', which come and go.
 */
export const hardwareAddressOf = (index: number, number: number): string =>
  `02:6d:6c:${[index, number >> 8, number & 255].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;

/**
 * The first index after `last` whose network nobody uses: no route of this computer overlaps it, and no other testbed has it. In turn, since
 * what still speaks to hosts that have just gone is not to reach the next ones at their addresses.
 */
export function freeIndex(routes: string, taken: number[], last: number): number {
  const used = new Set(taken);
  for (const match of routes.matchAll(/\b10\.99\.(\d{1,3})\./g)) used.add(Number(match[1]));
  // A route to all of 10.0.0.0/8 or 10.99.0.0/16 (a VPN) is less specific than ours and stays unharmed.
  for (let step = 0; step < indexes; step++) {
    const index = 1 + ((last + step) % indexes);
    if (!used.has(index)) return index;
  }
  throw new Error('no free network below 10.99.0.0/16 is left for local hosts');
}
const indexes = 254;

/** The network that was given last; like the networks themselves it does not outlive a restart. */
const lastIndexFile = '/run/mlsysops-local-hosts.last-network';
export const lastIndex = (): number => (existsSync(lastIndexFile) ? Number(readFileSync(lastIndexFile, 'utf8')) || 0 : 0);
export const keepLastIndex = (index: number): void => writeFileSync(lastIndexFile, String(index));

const rulesOf = (index: number): string[][] => {
  const network = networkOf(index);
  const comment = ['-m', 'comment', '--comment', `mlsysops local hosts ${index}`];
  return [
    ['nat', 'POSTROUTING', '-s', network, '!', '-d', network, ...comment, '-j', 'MASQUERADE'],
    ['filter', 'FORWARD', '-i', bridgeOf(index), ...comment, '-j', 'ACCEPT'],
    ['filter', 'FORWARD', '-o', bridgeOf(index), ...comment, '-j', 'ACCEPT'],
  ];
};

const forwarding = '/proc/sys/net/ipv4/ip_forward';
/** The computer's own setting, kept until the last network of local hosts goes; like the setting itself it does not outlive a restart. */
const forwardingBefore = '/run/mlsysops-local-hosts.ip-forward';

/** Bridge, forwarding and masquerade of a testbed; what is there already stays. */
export async function ensureNetwork(state: TestbedState): Promise<void> {
  const bridge = bridgeOf(state.index);
  if (!(await tryRun('ip', ['link', 'show', bridge]))) await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
  await run('ip', ['addr', 'replace', `${gatewayOf(state.index)}/24`, 'dev', bridge]);
  await run('ip', ['link', 'set', bridge, 'address', hardwareAddressOf(state.index, 0), 'up']);
  const now = readFileSync(forwarding, 'utf8').trim();
  if (now !== '1') {
    if (!existsSync(forwardingBefore)) writeFileSync(forwardingBefore, now);
    writeFileSync(forwarding, '1');
  }
  for (const [table = '', chain = '', ...rule] of rulesOf(state.index)) {
    if (!(await tryRun('iptables', ['-w', '-t', table, '-C', chain, ...rule])))
      await run('iptables', ['-w', '-t', table, '-I', chain, ...rule]);
  }
}

/** A fresh network namespace for one host, linked to the testbed's bridge. */
export async function makeLink(state: TestbedState, machine: Machine): Promise<void> {
  const link = linkOf(state.index, machine.number);
  await removeLink(state, machine);
  await run('ip', ['netns', 'add', link]);
  const card = ['name', 'eth0', 'address', hardwareAddressOf(state.index, machine.number), 'netns', link];
  await run('ip', ['link', 'add', link, 'type', 'veth', 'peer', ...card]);
  await run('ip', ['link', 'set', link, 'master', bridgeOf(state.index), 'up']);
  const inside = (...args: string[]) => run('ip', ['-n', link, ...args]);
  await inside('addr', 'add', `${machine.address}/24`, 'dev', 'eth0');
  await inside('link', 'set', 'lo', 'up');
  await inside('link', 'set', 'eth0', 'up');
  await inside('route', 'add', 'default', 'via', gatewayOf(state.index));
}

export async function removeLink(state: TestbedState, machine: Machine): Promise<void> {
  const link = linkOf(state.index, machine.number);
  await tryRun('ip', ['link', 'del', link]);
  await tryRun('ip', ['netns', 'del', link]);
}

/** Cuts a host off, or joins it again: its side of the bridge goes down or up. */
export const setLink = (state: TestbedState, machine: Machine, up: boolean): Promise<string> =>
  run('ip', ['link', 'set', linkOf(state.index, machine.number), up ? 'up' : 'down']);

/** Takes a testbed's bridge and rules away; forwarding goes back to what it was when no other testbed is left. */
export async function removeNetwork(state: TestbedState): Promise<void> {
  for (const [table = '', chain = '', ...rule] of rulesOf(state.index))
    await tryRun('iptables', ['-w', '-t', table, '-D', chain, ...rule]);
  await tryRun('ip', ['link', 'del', bridgeOf(state.index)]);
  const others = /^\d+: mlh\d+:/m.test(await run('ip', ['-o', 'link', 'show', 'type', 'bridge']));
  if (!others) restoreLimits();
  if (!others && existsSync(forwardingBefore)) {
    writeFileSync(forwarding, readFileSync(forwardingBefore, 'utf8'));
    rmSync(forwardingBefore);
  }
}
