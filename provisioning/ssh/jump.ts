import { Failure } from '../run/failure.ts';
import type { Hop, Host } from '../testbed/schema.ts';

/**
 * `jump` of a host, or ProxyJump: "[user@]host[:port]" or "ssh://[user@]host[:port]", separated by commas, or a list of these and of objects;
 * "none" is no jump host. An IPv6 address stands in brackets. @throws Failure (unreachable) naming what cannot be understood
 */
export function parseJump(jump: NonNullable<Host['jump']>, host: string): Hop[] {
  const parts = typeof jump === 'string' ? [jump] : jump;
  return parts.flatMap((part) => {
    if (typeof part !== 'string') return [part];
    if (part.trim().toLowerCase() === 'none' || part.trim() === '') return [];
    return part.split(',').map((text) => parseHop(text.trim(), host));
  });
}

function parseHop(text: string, host: string): Hop {
  const rest = text.replace(/^ssh:\/\//, '').replace(/\/$/, '');
  // The last "@" is the one: user names of some directories have one in them.
  const at = rest.lastIndexOf('@');
  const user = at < 0 ? undefined : rest.slice(0, at);
  const place = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(rest.slice(at + 1));
  const address = place?.[1] ?? place?.[2];
  const port = place?.[3] === undefined ? undefined : Number(place[3]);
  const fine =
    address !== undefined &&
    !/^-|\s|@/.test(address) &&
    (user === undefined || /^[^-\s]\S*$/.test(user)) &&
    (port === undefined || (port >= 1 && port <= 65535));
  if (fine) return { address, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) };
  throw new Failure({
    code: 'unreachable',
    host,
    cause: `"${text}" is not a jump host`,
    remedy: 'Write [user@]host[:port], an IPv6 address in brackets, several separated by commas',
  });
}
