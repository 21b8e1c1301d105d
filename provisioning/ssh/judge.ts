import { dial, type OpenHop } from './dial.ts';
import { certificateProblem } from './host-certificate.ts';
import { type KnownHosts, keyTypeOf, type SeenHostKey } from './known-hosts.ts';
import { readCertificate } from './read-certificate.ts';
import type { SshTarget } from './target.ts';
import { Malformed, WireReader } from './wire.ts';

export interface Judge {
  /** Keys by which the host is known, without certificates. */
  known: { type: string; key: Buffer }[];
  /** Types of keys to prefer, so that the host shows one by which it is known. */
  knownTypes: string[];
  judge(key: Buffer): Promise<SeenHostKey>;
}

/** What makes a key of this host known: known_hosts, or a certificate of an authority that it names, for which the host is then asked. */
export async function judgeOf(
  target: SshTarget,
  knownHosts: KnownHosts,
  { timeoutMs, openHop, signal }: { timeoutMs: number; openHop: OpenHop; signal?: AbortSignal },
): Promise<Judge> {
  const { host, port } = target.knownAs;
  const known = await knownHosts.keysOf(host, port);
  const { authorities, revoked } = await knownHosts.authoritiesOf(host, port);
  const knownTypes = known.map(({ type }) => type);
  const check = async (key: Buffer): Promise<SeenHostKey> => ({ key, state: await knownHosts.check(host, port, key) });
  if (authorities.length === 0) return { known, knownTypes, judge: check };

  const { stream, release } = await dial(target, timeoutMs, openHop, signal);
  const certificate = await readCertificate(stream, timeoutMs).finally(release);
  return {
    known,
    knownTypes: [...knownTypes, ...(certificate === null ? [] : [keyTypeIn(certificate)])],
    judge: async (key) => {
      const seen = await check(key);
      if (seen.state === 'known' || seen.state === 'revoked') return seen;
      if (certificate === null) return { ...seen, certificate: 'it shows none' };
      const problem = certificateProblem(certificate, { key, host, authorities, revoked, now: Date.now() / 1000 });
      return problem === null ? { key, state: 'known' } : { ...seen, certificate: problem };
    },
  };
}

function keyTypeIn(certificate: Buffer): string {
  try {
    return new WireReader(certificate).text().replace('-cert-v01@openssh.com', '');
  } catch (error) {
    if (error instanceof Malformed) return keyTypeOf(certificate);
    throw error;
  }
}
