import { Failure } from '../run/failure.ts';
import type { Host } from '../testbed/schema.ts';
import { readHostKey, type SshOptions } from './connection.ts';
import { fingerprintOf, keyTypeOf, type SeenHostKey } from './known-hosts.ts';
import { resolveTarget, type SshTarget } from './target.ts';

export interface HostKeyReport {
  host: string;
  /** Set when it is a jump host on the way to `host` whose key is told here: it is to be trusted first. */
  jumpHost?: string;
  state: 'known' | 'new' | 'changed' | 'revoked' | 'unreachable';
  algorithm?: string;
  fingerprint?: string;
  /** Fingerprint that was trusted before. */
  was?: string;
  error?: string;
}

/**
 * What each host shows now, compared with what is known: for the first contact. Nobody logs in anywhere but on jump hosts whose keys are
 * known; where one is not, it is reported in place of the host behind it.
 */
export function reportHostKeys(hosts: readonly Host[], options: SshOptions): Promise<HostKeyReport[]> {
  return Promise.all(
    hosts.map(async (host) => {
      try {
        const { target, seen } = await firstDoubtful(resolveTarget(host, options), options);
        const [known] = await options.knownHosts.keysOf(target.knownAs.host, target.knownAs.port);
        return {
          host: host.name,
          ...(target.jumpHost === undefined ? {} : { jumpHost: target.jumpHost }),
          state: seen.state,
          algorithm: keyTypeOf(seen.key),
          fingerprint: fingerprintOf(seen.key),
          was: known && seen.state !== 'known' ? fingerprintOf(known.key) : undefined,
        };
      } catch (error) {
        if (error instanceof Failure) return { host: host.name, state: 'unreachable' as const, error: error.message };
        throw error;
      }
    }),
  );
}

/** The first one on the way to a host, jump hosts before the host itself, whose key is not known; the host itself when all are. */
async function firstDoubtful(target: SshTarget, options: SshOptions): Promise<{ target: SshTarget; seen: SeenHostKey }> {
  for (const [index, hop] of target.jump.entries()) {
    const way = { ...hop, jump: target.jump.slice(0, index) };
    const seen = await readHostKey(way, options);
    if (seen.state !== 'known') return { target: way, seen };
  }
  return { target, seen: await readHostKey(target, options) };
}

/**
 * Trusts the key with this fingerprint, if that is what the host shows now, or the first jump host on the way to it that is not trusted yet.
 * A changed key replaces the former one.
 * @throws Failure host-key-changed when it shows another one; unreachable
 */
export async function trustHostKey(host: Host, fingerprint: string, options: SshOptions): Promise<void> {
  const { target, seen } = await firstDoubtful(resolveTarget(host, options), options);
  const shown = fingerprintOf(seen.key);
  if (shown !== fingerprint || seen.state === 'revoked') throw anotherKey(host, seen, fingerprint);
  const { host: name, port } = target.knownAs;
  if (seen.state === 'changed') await options.knownHosts.replace(name, port, seen.key);
  else if (seen.state === 'new') await options.knownHosts.add(name, port, seen.key);
}

/**
 * The host was installed anew, or by us: the key that it shows now replaces whatever it was known by, in one step. With `fingerprint`, only
 * that one. Jump hosts on the way must be trusted; a revoked key never is.
 * @returns what is trusted now, and what was before
 * @throws Failure host-key-changed when it shows another key than expected, or a revoked one; unreachable; host-key-unknown of a jump host
 */
export async function replaceHostKey(
  host: Host,
  options: SshOptions,
  fingerprint?: string,
): Promise<{ algorithm: string; fingerprint: string; was?: string }> {
  const target = resolveTarget(host, options);
  const { host: name, port } = target.knownAs;
  const [known] = await options.knownHosts.keysOf(name, port);
  const seen = await readHostKey(target, options);
  const shown = fingerprintOf(seen.key);
  if ((fingerprint !== undefined && shown !== fingerprint) || seen.state === 'revoked')
    throw anotherKey(host, seen, fingerprint ?? shown);
  if (seen.state !== 'known') await options.knownHosts.replace(name, port, seen.key);
  return { algorithm: keyTypeOf(seen.key), fingerprint: shown, was: known === undefined ? undefined : fingerprintOf(known.key) };
}

function anotherKey(host: Host, { key, state }: SeenHostKey, expected: string): Failure {
  const shown = fingerprintOf(key);
  return new Failure({
    code: 'host-key-changed',
    host: host.name,
    cause: state === 'revoked' ? `its key ${shown} has been revoked` : `it now shows ${shown}, not ${expected}`,
    remedy: 'Compare the fingerprint with the one on the console of the host',
    hostKey: { algorithm: keyTypeOf(key), fingerprint: shown },
  });
}
