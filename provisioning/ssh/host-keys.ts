import { Failure } from '../run/failure.ts';
import type { Host } from '../testbed/schema.ts';
import { readHostKey, type SshOptions } from './connection.ts';
import { fingerprintOf, keyTypeOf } from './known-hosts.ts';

export interface HostKeyReport {
  host: string;
  state: 'known' | 'new' | 'changed' | 'revoked' | 'unreachable';
  algorithm?: string;
  fingerprint?: string;
  /** Fingerprint that was trusted before. */
  was?: string;
  error?: string;
}

/** What each host shows now, compared with what is known: for the first contact. Nobody logs in anywhere. */
export function reportHostKeys(hosts: readonly Host[], options: SshOptions): Promise<HostKeyReport[]> {
  return Promise.all(
    hosts.map(async (host) => {
      try {
        const { key, state } = await readHostKey(host, options);
        const [known] = await options.knownHosts.keysOf(host.address, host.port);
        return {
          host: host.name,
          state,
          algorithm: keyTypeOf(key),
          fingerprint: fingerprintOf(key),
          was: known && state !== 'known' ? fingerprintOf(known.key) : undefined,
        };
      } catch (error) {
        if (error instanceof Failure) return { host: host.name, state: 'unreachable' as const, error: error.message };
        throw error;
      }
    }),
  );
}

/**
 * Trusts the key with this fingerprint, if that is what the host shows now. A changed key replaces the former one.
 * @throws Failure host-key-changed when it shows another one; unreachable
 */
export async function trustHostKey(host: Host, fingerprint: string, options: SshOptions): Promise<void> {
  const { key, state } = await readHostKey(host, options);
  const seen = fingerprintOf(key);
  if (seen !== fingerprint || state === 'revoked') {
    throw new Failure({
      code: 'host-key-changed',
      host: host.name,
      cause: state === 'revoked' ? `its key ${seen} has been revoked` : `it now shows ${seen}, not ${fingerprint}`,
      remedy: 'Compare the fingerprint with the one on the console of the host',
      hostKey: { algorithm: keyTypeOf(key), fingerprint: seen },
    });
  }
  if (state === 'changed') await options.knownHosts.replace(host.address, host.port, key);
  else if (state === 'new') await options.knownHosts.add(host.address, host.port, key);
}
