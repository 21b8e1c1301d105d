import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import { Failure } from '../run/failure.ts';
import type { Hop, Host } from '../testbed/schema.ts';
import { parseJump } from './jump.ts';

/** A host as SSH reaches it: what the testbed file says, completed by ~/.ssh/config, then by defaults. */
export interface SshTarget {
  /** Name in the testbed, which failures carry; for a jump host that of the host that is reached by it. */
  name: string;
  /** Set for a jump host alone: what it is called where it is named. */
  jumpHost?: string;
  address: string;
  port: number;
  user: string;
  /** Private keys in the order to try them. `required`: named in the testbed file, so that its absence is an error. */
  identityFiles: { file: string; required: boolean }[];
  /** No key but `identityFiles`: none else of the agent, none by default. */
  identitiesOnly: boolean;
  /** Socket of the agent in place of SSH_AUTH_SOCK, null for none. */
  identityAgent?: string | null;
  /** Under what name it stands in known_hosts. */
  knownAs: { host: string; port: number };
  /** Hosts to go through, the first one is reached first. They have no jump hosts of their own. */
  jump: SshTarget[];
}

/** What ~/.ssh/config says of one name; what it leaves open is undefined. */
export interface ConfigAnswer {
  hostName?: string;
  port?: number;
  user?: string;
  identityFiles: string[];
  identitiesOnly?: boolean;
  identityAgent?: string | null;
  hostKeyAlias?: string;
  /** As written: "none", or hops separated by commas. */
  proxyJump?: string;
}

export interface TargetOptions {
  /** What ~/.ssh/config answers; absent: it is not consulted. */
  config?: (alias: string, given: { user?: string; port?: number }) => ConfigAnswer;
  /** Where "~" is. */
  homeFolder?: string;
}

/** More than anybody has; a longer chain is a circle. */
const maximalHops = 16;

/** @throws Failure (unreachable) when jump hosts lead in a circle, or one of them cannot be understood */
export function resolveTarget(host: Host, options: TargetOptions = {}): SshTarget {
  const { target, proxyJump } = resolveOne(host, 'root', host.name, options);
  const hops = host.jump === undefined ? parseJump(proxyJump ?? 'none', host.name) : parseJump(host.jump, host.name);
  return { ...target, jump: resolveChain(hops, host, host.name, options) };
}

/** As with OpenSSH, hosts that ~/.ssh/config puts before the first one of a chain are gone through as well, but none before the others. */
function resolveChain(hops: Hop[], destination: Hop, name: string, options: TargetOptions, depth = 0): SshTarget[] {
  if (depth + hops.length > maximalHops)
    throw new Failure({
      code: 'unreachable',
      host: name,
      cause: `the jump hosts lead in a circle: ${hops.map((hop) => hop.address).join(', ')} is gone through again and again`,
      remedy: 'Correct jump in the testbed file, or ProxyJump in ~/.ssh/config: "ProxyJump none" for the jump host itself',
    });
  const [first] = hops;
  // "Host *" with a ProxyJump means the jump host too. OpenSSH calls that a loop and stops; what is meant is clear: straight there.
  if (first === undefined || (hops.length === 1 && isSame(first, destination))) return [];
  const resolved = hops.map((hop) => resolveOne(hop, userInfo().username, name, options));
  const before = resolveChain(parseJump(resolved[0]?.proxyJump ?? 'none', name), first, name, options, depth + hops.length);
  return [...before, ...resolved.map(({ target }, index) => ({ ...target, jumpHost: hops[index]?.address }))];
}

const isSame = (one: Hop, other: Hop): boolean =>
  one.address === other.address && (one.port ?? other.port) === other.port && (one.user ?? other.user) === other.user;

function resolveOne(
  given: Hop,
  defaultUser: string,
  name: string,
  options: TargetOptions,
): { target: SshTarget; proxyJump?: string } {
  const answer = options.config?.(given.address, { user: given.user, port: given.port }) ?? { identityFiles: [] as string[] };
  const address = answer.hostName ?? given.address;
  const port = given.port ?? answer.port ?? 22;
  const named = given.identityFile === undefined ? [] : [expandHome(given.identityFile, options.homeFolder)];
  return {
    target: {
      name,
      address,
      port,
      user: given.user ?? answer.user ?? defaultUser,
      identityFiles: [
        ...named.map((file) => ({ file, required: true })),
        ...answer.identityFiles.filter((file) => !named.includes(file)).map((file) => ({ file, required: false })),
      ],
      identitiesOnly: answer.identitiesOnly ?? false,
      ...(answer.identityAgent === undefined ? {} : { identityAgent: answer.identityAgent }),
      // As OpenSSH does, an alias stands without port.
      knownAs: answer.hostKeyAlias === undefined ? { host: address, port } : { host: answer.hostKeyAlias, port: 22 },
      jump: [],
    },
    proxyJump: answer.proxyJump,
  };
}

export const expandHome = (file: string, homeFolder = homedir()): string =>
  file === '~' || file.startsWith('~/') ? path.join(homeFolder, file.slice(2)) : file;

/** "me@10.0.0.1 port 2222" for failures. */
export const spellTarget = ({ address, port }: SshTarget): string => `${address} port ${port}`;

/** One name for everything that leads to the same account on the same host by the same way. */
export const targetKey = (target: SshTarget): string =>
  [...target.jump, target]
    .map(({ user, address, port, identityFiles }) => JSON.stringify([user, address, port, identityFiles.map(({ file }) => file)]))
    .join(' > ');
