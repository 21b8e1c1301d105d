import { homedir, hostname, userInfo } from 'node:os';
import path from 'node:path';
import { Failure } from '../run/failure.ts';
import { type ConfigLine, parseConfig, readConfigFile } from './config-syntax.ts';
import { matchesList, matchesPattern } from './patterns.ts';
import { type ConfigAnswer, expandHome } from './target.ts';

/** A host that ~/.ssh/config names, to choose from. */
export interface ConfigHost {
  /** As it is named there: use it as `address` in the testbed file. */
  alias: string;
  hostName: string;
  port: number;
  user: string;
  proxyJump?: string;
}

/** ~/.ssh/config and what it includes, then the system's, as they were when they were read. */
export class SshConfig {
  readonly #lines: ConfigLine[];
  readonly #homeFolder: string;
  readonly #localUser: string;

  constructor(lines: ConfigLine[], { homeFolder = homedir(), localUser = userInfo().username } = {}) {
    this.#lines = lines;
    this.#homeFolder = homeFolder;
    this.#localUser = localUser;
  }

  /** @throws Failure (invalid-file) with file:line */
  static read(files?: { user: string | null; system: string | null }, homeFolder = homedir()): SshConfig {
    const { user, system } = files ?? { user: path.join(homeFolder, '.ssh', 'config'), system: '/etc/ssh/ssh_config' };
    return new SshConfig(
      [
        ...(user === null ? [] : readConfigFile(user, { homeFolder, includeFolder: path.join(homeFolder, '.ssh') })),
        // A block of the user's file must not go on into the system's.
        { kind: 'host', patterns: ['*'], place: 'between the files' },
        ...(system === null ? [] : readConfigFile(system, { homeFolder, includeFolder: '/etc/ssh' })),
      ],
      { homeFolder },
    );
  }

  static parse(text: string, file: string, homeFolder = homedir()): SshConfig {
    return new SshConfig(parseConfig(text, file, { homeFolder, includeFolder: path.join(homeFolder, '.ssh') }), { homeFolder });
  }

  /** Blocks whose conditions are not evaluated, so that nothing of them applies: sentences to show once. */
  get notes(): string[] {
    return everyLine(this.#lines).flatMap((line) => {
      if (line.kind !== 'match') return [];
      const unknown = line.criteria.filter(({ name }) => !evaluated.includes(name)).map(({ name }) => name);
      return unknown.length === 0
        ? []
        : [`${line.place}: "Match ${unknown.join(' ')}" is not evaluated here, so that nothing of that block applies`];
    });
  }

  /** Names that a person can choose from: those of Host lines without wildcards, in their order. */
  hosts(): ConfigHost[] {
    const names = everyLine(this.#lines).flatMap((line) => (line.kind === 'host' ? line.patterns : []));
    return [...new Set(names.filter((name) => !/[*?!]/.test(name)))].map((alias) => {
      const answer = this.answer(alias, {});
      return {
        alias,
        hostName: answer.hostName ?? alias,
        port: answer.port ?? 22,
        user: answer.user ?? this.#localUser,
        ...(answer.proxyJump === undefined || answer.proxyJump.toLowerCase() === 'none' ? {} : { proxyJump: answer.proxyJump }),
      };
    });
  }

  /**
   * What the files say of a name: of each option its first value, of IdentityFile all, tokens and "~" replaced.
   * @throws Failure (invalid-file) when a value is none
   */
  readonly answer = (alias: string, given: { user?: string; port?: number }): ConfigAnswer => {
    const found: Found = { alias, given, localUser: this.#localUser, values: new Map(), identityFiles: [] };
    evaluate(this.#lines, found, true);
    const one = (keyword: string): string | undefined => found.values.get(keyword)?.value;
    const hostName = hostNameOf(found);
    const user = one('user');
    const port = one('port') === undefined ? undefined : Number(one('port'));
    const tokens: Tokens = {
      '%': '%',
      d: this.#homeFolder,
      h: hostName ?? alias,
      i: String(process.getuid?.() ?? ''),
      k: one('hostkeyalias') ?? alias,
      l: hostname(),
      L: hostname().split('.')[0] ?? '',
      n: alias,
      p: String(given.port ?? port ?? 22),
      r: given.user ?? user ?? this.#localUser,
      u: this.#localUser,
    };
    const file = ({ value, place }: Value) =>
      expandHome(expandTokens(expandEnvironment(value, place), tokens, place), this.#homeFolder);
    const files = found.identityFiles.filter(({ value }) => value.toLowerCase() !== 'none').map(file);
    const identityAgent = found.values.get('identityagent');
    const hostKeyAlias = one('hostkeyalias');
    return {
      ...(hostName === undefined ? {} : { hostName }),
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port }),
      identityFiles: [...new Set(files)],
      ...(one('identitiesonly') === undefined ? {} : { identitiesOnly: isYes(one('identitiesonly')) }),
      ...(identityAgent === undefined ? {} : { identityAgent: agentOf(identityAgent, file) }),
      ...(hostKeyAlias === undefined ? {} : { hostKeyAlias }),
      ...proxyOf(found),
    };
  };
}

interface Value {
  value: string;
  place: string;
}
interface Found {
  alias: string;
  given: { user?: string; port?: number };
  localUser: string;
  values: Map<string, Value>;
  identityFiles: Value[];
}
type Tokens = Readonly<Record<string, string>>;

const evaluated = ['all', 'host', 'originalhost', 'user', 'localuser'];
const single = ['hostname', 'port', 'user', 'identitiesonly', 'identityagent', 'hostkeyalias', 'proxycommand'];
const isYes = (value: string | undefined): boolean => /^(yes|true)$/i.test(value ?? '');

const everyLine = (lines: ConfigLine[]): ConfigLine[] =>
  lines.flatMap((line) => (line.kind === 'include' ? line.files.flatMap(everyLine) : [line]));

/** `begin`: whether the block that includes this file applies; if not, nothing in it does. */
function evaluate(lines: ConfigLine[], found: Found, begin: boolean): void {
  let active = begin;
  for (const line of lines) {
    if (line.kind === 'host') active = begin && matchesHost(found.alias, line.patterns);
    else if (line.kind === 'match') active = begin && line.criteria.every((criterion) => matchesCriterion(criterion, found));
    else if (line.kind === 'include') for (const file of line.files) evaluate(file, found, active);
    else if (active) take(line, found);
  }
}

function matchesHost(alias: string, patterns: string[]): boolean {
  let found = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith('!');
    if (!matchesPattern(alias, negated ? pattern.slice(1) : pattern)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

function matchesCriterion(
  { name, negated, value }: { name: string; negated: boolean; value: string | null },
  found: Found,
): boolean {
  // What is not evaluated is not taken for its contrary either.
  if (!evaluated.includes(name)) return false;
  const list = value ?? '';
  const holds =
    name === 'all' ||
    (name === 'host' && matchesList(hostNameOf(found) ?? found.alias, list)) ||
    (name === 'originalhost' && matchesList(found.alias, list)) ||
    (name === 'user' && matchesList(found.given.user ?? found.values.get('user')?.value ?? found.localUser, list)) ||
    (name === 'localuser' && matchesList(found.localUser, list));
  return holds !== negated;
}

function take({ keyword, words, rest, place }: Extract<ConfigLine, { kind: 'set' }>, found: Found): void {
  const [value = ''] = words;
  if (keyword === 'identityfile') {
    found.identityFiles.push({ value, place });
    return;
  }
  // Whichever of the two comes first, the other one is left out.
  if (keyword === 'proxyjump' && !found.values.has('proxycommand') && !found.values.has('proxyjump'))
    found.values.set('proxyjump', { value: rest.replace(/#.*$/s, '').trim(), place });
  if (!single.includes(keyword) || found.values.has(keyword) || (keyword === 'proxycommand' && found.values.has('proxyjump')))
    return;
  if (keyword === 'port' && !(/^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65535))
    throw invalid(place, `"${value}" is not a port`);
  found.values.set(keyword, { value: keyword === 'proxycommand' ? rest : value, place });
}

function invalid(place: string, cause: string): Failure {
  const remedy = 'Correct it there; "ssh -G HOST" tells what OpenSSH makes of it';
  return new Failure({ code: 'invalid-file', message: `${place}: ${cause}. ${remedy}`, cause: `${place}: ${cause}`, remedy });
}

function hostNameOf(found: Found): string | undefined {
  const written = found.values.get('hostname');
  return written && expandTokens(written.value, { '%': '%', h: found.alias }, written.place);
}

const expandTokens = (text: string, tokens: Tokens, place: string): string =>
  text.replace(/%(.?)/gs, (_whole, letter: string) => {
    const value = tokens[letter];
    if (value === undefined) throw invalid(place, `"%${letter}" is not a token that is known here`);
    return value;
  });

const expandEnvironment = (text: string, place: string): string =>
  text.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_whole, name: string) => {
    const value = process.env[name];
    if (value === undefined) throw invalid(place, `the environment variable ${name} is not set`);
    return value;
  });

function agentOf(written: Value, file: (value: Value) => string): string | null {
  if (written.value.toLowerCase() === 'none') return null;
  if (written.value === 'SSH_AUTH_SOCK') return process.env.SSH_AUTH_SOCK ?? null;
  const variable = /^\$([A-Za-z_]\w*)$/.exec(written.value)?.[1];
  return variable === undefined ? file(written) : (process.env[variable] ?? null);
}

/** The one ProxyCommand that is a jump host, from the time before ProxyJump; others are programs of anybody's, which are not run. */
function proxyOf(found: Found): { proxyJump?: string } {
  const jump = found.values.get('proxyjump');
  if (jump !== undefined) return { proxyJump: jump.value };
  const command = found.values.get('proxycommand');
  if (command === undefined || command.value.trim().toLowerCase() === 'none') return {};
  const words = command.value
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '-q');
  const hop =
    words[0] === 'ssh' && words.length === 4
      ? words[1] === '-W' && words[2] === '%h:%p'
        ? words[3]
        : words[2] === '-W' && words[3] === '%h:%p'
          ? words[1]
          : undefined
      : undefined;
  if (hop !== undefined && !hop.startsWith('-')) return { proxyJump: hop };
  throw invalid(
    command.place,
    `a ProxyCommand is the way to ${found.alias}, and it is not run here: name the host with ProxyJump instead`,
  );
}
