import { Failure } from '../run/failure.ts';
import type { LoginState } from './authentication.ts';
import { fingerprintOf, keyTypeOf, type SeenHostKey } from './known-hosts.ts';
import type { SshTarget } from './target.ts';

const tcpCauses: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused: nothing listens on this port',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: 'it does not answer',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up now',
  ECONNRESET: 'it reset the connection',
};
export const tcpCause = (error: NodeJS.ErrnoException): string => tcpCauses[error.code ?? ''] ?? error.message;

/** "10.0.0.1", or "the jump host gate (10.0.0.1)". */
const called = ({ address, jumpHost }: SshTarget): string => {
  if (jumpHost === undefined) return address;
  return jumpHost === address ? `the jump host ${address}` : `the jump host ${jumpHost} (${address})`;
};

/** The command by which a person tries the same. */
export const asCommand = ({ address, port, user, jump }: SshTarget): string => {
  const hops = jump.map((hop) => `${hop.user}@${hop.address.includes(':') ? `[${hop.address}]` : hop.address}:${hop.port}`);
  return `${hops.length > 0 ? `-J ${hops.join(',')} ` : ''}-p ${port} ${user}@${address}`;
};

export function unreachable(target: SshTarget, why: string, error?: Error): Failure {
  return new Failure(
    {
      code: 'unreachable',
      host: target.name,
      cause: `cannot reach ${called(target)} port ${target.port}: ${why}`,
      remedy: `Check that the host is on, that its address is right, and that sshd listens there: ssh ${asCommand(target)}`,
    },
    { cause: error },
  );
}

/** A host let us in by none of the ways there were. */
export function refused(target: SshTarget, { tried, troubles, left }: LoginState): Failure {
  const ways = [...new Set(tried.filter((way) => way !== 'none'))];
  const how = ways.length === 0 ? 'there is no key, agent or password to try' : `it accepted none of: ${ways.join(', ')}`;
  const named = target.identityFiles.map(({ file }) => file);
  const keys = named.length > 0 ? ` (key ${named.join(', ')})` : '';
  const key = named[0] ?? '~/.ssh/id_ed25519';
  const onlyAsks = left !== null && left.length > 0 && !left.includes('publickey');
  const why = troubles.map(({ what }) => `; ${what}`).join('');
  return new Failure({
    code: 'authentication',
    host: target.name,
    cause: `${target.user}@${called(target)} did not let us in: ${how}${keys}${why}`,
    remedy:
      troubles.findLast(({ remedy }) => remedy !== undefined)?.remedy ??
      (onlyAsks
        ? `It takes ${left.join(', ')} alone: check user, and give what it asks for`
        : `Check user and identityFile, or put the key there: ssh-copy-id -i ${key} -p ${target.port} ${target.user}@${target.address}`),
  });
}

/** sshd closed the connection after MaxAuthTries. */
export function tooManyTries(target: SshTarget): Failure {
  return new Failure({
    code: 'authentication',
    host: target.name,
    cause: `${target.user}@${called(target)} closed the connection after too many refused keys or passwords`,
    remedy:
      'Name the key that it accepts as identityFile in the testbed file, or as IdentityFile with "IdentitiesOnly yes" in ~/.ssh/config',
  });
}

export function expiredPassword(target: SshTarget): Failure {
  return new Failure({
    code: 'authentication',
    host: target.name,
    cause: `the password of ${target.user}@${called(target)} has expired`,
    remedy: `Log in once by hand and choose a new one: ssh ${asCommand(target)}`,
  });
}

export function hostKeyFailure(
  target: SshTarget,
  seen: SeenHostKey,
  known: { type: string; key: Buffer }[],
  file: string,
): Failure {
  const algorithm = keyTypeOf(seen.key);
  const fingerprint = fingerprintOf(seen.key);
  const hostKey = { algorithm, fingerprint, was: known[0] ? fingerprintOf(known[0].key) : undefined };
  const certificate = seen.certificate === undefined ? '' : `, and its certificate does not make it so: ${seen.certificate}`;
  if (seen.state === 'new') {
    return new Failure({
      code: 'host-key-unknown',
      host: target.name,
      cause: `first contact with ${called(target)}: its key ${algorithm} ${fingerprint} is not known yet${certificate}`,
      remedy: `Compare it with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_${algorithm.replace('ssh-', '').replace(/-.*/, '')}_key.pub on its console), then trust it`,
      hostKey,
    });
  }
  const revoked = seen.state === 'revoked';
  return new Failure({
    code: 'host-key-changed',
    host: target.name,
    cause: revoked
      ? `the key that ${called(target)} shows, ${algorithm} ${fingerprint}, has been revoked`
      : `the key of ${called(target)} has changed: it was ${hostKey.was}, now it is ${algorithm} ${fingerprint}. Somebody may be in between${certificate}`,
    remedy: revoked
      ? 'Give the host a new key (ssh-keygen -A), then trust that one'
      : `If the host was installed anew, trust its new key; its old one is in ${file}. If not, do not go on`,
    hostKey,
  });
}
