import { isIPv4 } from 'node:net';
import type { Host } from '../testbed/schema.ts';
import type { Session } from './session.ts';

/**
 * Looks for a host that does not answer where it is named: at its other addresses, and where hosts that can be asked have seen its network cards
 * (their neighbour tables; nothing is searched). It is taken for itself by its key alone. @returns whether it was found; then it is spoken to there
 */
export async function lookElsewhere(session: Session, host: Host): Promise<boolean> {
  const facts = session.facts.get(host.name);
  if (facts === undefined) return false;
  const cards = new Set(facts.interfaces.flatMap(({ macAddress }) => macAddress ?? []));
  const others = session.testbed.hosts.filter((other) => other !== host && session.connected.get(other.name)?.closed === false);
  const asked = others.map(async (other) => {
    // One that cannot tell is away itself, and waited for by whoever needs it.
    const said = await session.execute(other, 'ip -4 neigh show', { timeoutMs: 5000 }).catch(() => null);
    return neighbours(said?.stdout ?? '', cards);
  });
  const own = facts.addresses.map((address) => address.replace(/\/.*$/, ''));
  const places = new Set([...own, ...(await Promise.all(asked)).flat(), host.address].filter(isPlace));
  const found = await Promise.all([...places].map((address) => session.findAt(host, address)));
  return found.includes(true);
}

/** Addresses that were seen at one of these cards, of lines like "10.0.0.9 dev eth0 lladdr 52:54:00:00:00:01 STALE". */
export const neighbours = (text: string, cards: ReadonlySet<string>): string[] =>
  text.split('\n').flatMap((line) => {
    const [, address, card] = /^(\S+) .*\blladdr ([0-9a-f:]{17})\b/.exec(line) ?? [];
    return address !== undefined && card !== undefined && cards.has(card) ? [address] : [];
  });

const isPlace = (address: string): boolean => isIPv4(address) && !/^(127|169\.254|0)\./.test(address);
