import { Failure } from '../../run/failure.ts';
import type { ExecuteOptions, ExecuteResult } from '../../ssh/execute.ts';
import type { Host, Testbed } from '../../testbed/schema.ts';
import { type Check, ok, tolerated, warning } from './check.ts';
import { type FirewallRule, firewallScript, openWay, parseFirewall, ruleInWay } from './firewall.ts';
import { connectScript, listenScript, parseAnswers } from './reach-scripts.ts';
import type { Reachability, WayAnswer } from './reachability-value.ts';
import { type Way, waysOf } from './ways.ts';

/** Runs a script on a host, as Session.execute does. */
export type ExecuteOn = (
  host: Host,
  script: string | ((mark: string) => string),
  options?: ExecuteOptions,
) => Promise<ExecuteResult>;

/** The matrix, and the rules of firewalls on hosts with a blocked way. */
export interface Tried extends Reachability {
  firewalls: ReadonlyMap<string, FirewallRule[]>;
}

/**
 * Tries every way that the plan will use, between all hosts at once, before anything is installed: each host listens for a moment on what nobody holds there
 * yet, and each connects to the others. Three round trips, and 2.5 s more where a way is blocked. Nothing is left behind. Where all ports are held already (a
 * testbed that is up), nobody needs to listen: what is held answers itself, or else is tried again with somebody who listens.
 * What cannot be tried (a host that is lost meanwhile) is `untried`, with the reason.
 * @throws Failure (cancelled)
 */
export async function tryWays(options: {
  testbed: Testbed;
  /** Names of hosts that answer. */
  hosts: ReadonlySet<string>;
  addressOf: (host: Host) => string;
  execute: ExecuteOn;
  /** Clusters whose pods reach each other by VXLAN. */
  overlays?: ReadonlySet<string>;
  /** Whether a datagram port is held on a host: one that the kernel holds (VXLAN) answers nobody, and was tried before it did. */
  holds?: (host: string, port: number) => boolean;
  /** Whether somebody listens on a TCP port of a host. */
  listens?: (host: string, port: number) => boolean;
}): Promise<Tried> {
  const { testbed, hosts, addressOf, execute, overlays, holds = () => false, listens = () => false } = options;
  const ways = waysOf(testbed, addressOf, overlays).filter(
    (way) =>
      hosts.has(way.from) &&
      hosts.has(way.to) &&
      !(way.protocol === 'udp' && (holds(way.to, way.port) || holds(way.from, way.port))),
  );
  if (ways.length === 0) return { ways: [], firewalls: new Map() };
  const hostOf = new Map(testbed.hosts.map((host) => [host.name, host]));
  const at = (name: string): Host => hostOf.get(name) as Host;
  const isHeld = (way: Way) => way.protocol === 'tcp' && listens(way.to, way.port);
  const open = ways.filter((way) => !isHeld(way));
  const first = await Promise.all([
    connectAll(
      execute,
      at,
      ways.filter((way) => isHeld(way)),
    ),
    tryWithListeners(execute, at, open),
  ]);
  // Whoever held the port may have ended since.
  const again = await tryWithListeners(
    execute,
    at,
    first[0].filter(({ answer }) => answer === 'refused'),
  );
  const answered = [...again, ...first[0].filter(({ answer }) => answer !== 'refused'), ...first[1]];
  const order = new Map(ways.map((way, index) => [keyOf(way), index]));
  const tried = answered.sort((one, other) => (order.get(keyOf(one)) ?? 0) - (order.get(keyOf(other)) ?? 0));
  return { ways: tried, firewalls: await readFirewalls(execute, tried, at) };
}

const keyOf = ({ from, to, protocol, port }: Way): string => `${from} ${to} ${protocol} ${port}`;

async function connectAll(execute: ExecuteOn, at: (name: string) => Host, ways: readonly Way[]): Promise<WayAnswer[]> {
  const sources = [...new Set(ways.map((way) => way.from))];
  const answers = sources.map((name) =>
    connect(
      execute,
      at(name),
      ways.filter((way) => way.from === name),
    ),
  );
  return (await Promise.all(answers)).flat();
}

async function tryWithListeners(execute: ExecuteOn, at: (name: string) => Host, ways: readonly Way[]): Promise<WayAnswer[]> {
  const targets = [...new Set(ways.map((way) => way.to))];
  const listeners = targets.map((name) => ({
    name,
    listener: listen(
      execute,
      at(name),
      ways.filter((way) => way.to === name),
    ),
  }));
  const ready = new Map(await Promise.all(listeners.map(async ({ name, listener }) => [name, await listener.ready] as const)));
  try {
    return (await connectAll(execute, at, ways)).map((way) => withoutListener(way, ready.get(way.to)));
  } finally {
    await Promise.all(listeners.map(({ name, listener }) => listener.stop(at(name))));
  }
}

type Ready = { pid: number } | { reason: string };

/** A listener on a host: `ready` says so or why not; `stop` resolves once it has ended. */
function listen(execute: ExecuteOn, host: Host, ways: readonly Way[]) {
  let tell: (ready: Ready) => void = () => {};
  const ready = new Promise<Ready>((resolve) => {
    tell = resolve;
  });
  const ended = execute(host, (mark) => listenScript(ways, mark), {
    timeoutMs: 75_000,
    onOutput: (stream, text) => {
      const pid = /^ready (\d+)\n/.exec(text)?.[1];
      if (stream === 'stdout' && pid !== undefined) tell({ pid: Number(pid) });
    },
  }).then(
    ({ stdout, stderr }) => tell({ reason: /^untestable (.*)$/m.exec(stdout)?.[1] ?? (stderr.trim() || 'it ended') }),
    (error: unknown) => tell({ reason: error instanceof Failure ? error.value.cause : String(error) }),
  );
  const stop = async (of: Host) => {
    const state = await ready;
    // Where this fails the connection is lost, or the run is cancelled: the listener ends by itself, and whoever waits for the host learns why.
    if ('pid' in state)
      await execute(of, `kill -s TERM ${state.pid} 2>/dev/null; :`, { timeoutMs: 10_000 }).catch(() => undefined);
    await ended;
  };
  return { ready, stop };
}

async function connect(execute: ExecuteOn, host: Host, ways: readonly Way[]): Promise<WayAnswer[]> {
  try {
    const { stdout } = await execute(host, connectScript(ways), { timeoutMs: 60_000 });
    return parseAnswers(ways, stdout);
  } catch (error) {
    if (!(error instanceof Failure) || error.value.code === 'cancelled') throw error;
    return ways.map((way) => ({ ...way, answer: 'untried', detail: error.value.cause }));
  }
}

/** A closed port says nothing where nothing could listen. */
function withoutListener(way: WayAnswer, ready: Ready | undefined): WayAnswer {
  if (ready === undefined || 'pid' in ready || way.answer !== 'refused') return way;
  return { ...way, answer: 'untried', detail: `nothing could listen on ${way.to}: ${ready.reason}` };
}

const isBlocked = ({ answer }: WayAnswer): boolean => answer === 'silent' || answer === 'refused' || answer === 'unreachable';

async function readFirewalls(
  execute: ExecuteOn,
  ways: readonly WayAnswer[],
  at: (name: string) => Host,
): Promise<Map<string, FirewallRule[]>> {
  const names = [...new Set(ways.filter(isBlocked).flatMap(({ from, to }) => [from, to]))];
  const read = names.map(async (name) => {
    // Evidence alone: without it the way is blocked all the same, and is said to be.
    const result = await execute(at(name), firewallScript, { timeoutMs: 20_000 }).catch(() => null);
    return [name, parseFirewall(result?.stdout ?? '')] as const;
  });
  return new Map(await Promise.all(read));
}

/**
 * What the matrix means for each host: one check for each port that is blocked, of the host that has to be mended, or of the other one when that is not `changed`
 * by the run (the master that a new worker cannot reach).
 */
export function checkReachability(
  testbed: Testbed,
  tried: Tried,
  addressOf: (host: Host) => string,
  changed: ReadonlySet<string> = new Set(testbed.hosts.map(({ name }) => name)),
): Check[] {
  const spared = sparedBy(tried.ways);
  const blocked = settleBlame(
    tried.ways.filter(isBlocked).map((way) => ({ way, ...findingOf(way, tried) })),
    tried.ways,
  );
  const groups = new Map<string, (Mended & { host: string })[]>();
  for (const one of blocked) {
    const { from, to } = one.way;
    const host = changed.has(one.blamed) ? one.blamed : one.blamed === to ? from : to;
    const key = `${host} ${host === to} ${one.way.port} ${one.blamed}`;
    groups.set(key, [...(groups.get(key) ?? []), { ...one, host }]);
  }
  const addressByName = new Map(testbed.hosts.map((host) => [host.name, addressOf(host)]));
  const checks = [...groups.values()].map((group): Check => {
    const [{ way, blamed, rule, host }] = group as [(typeof group)[0]];
    const inwards = host === way.to;
    const others = [...new Set(group.map((one) => (inwards ? one.way.from : one.way.to)))];
    const where = blamed === host ? '' : `${blamed}'s `;
    const because = rule === undefined ? '' : `: ${where}${rule.tool} has "${rule.text}" in ${rule.chain}`;
    const port = `${way.protocol === 'udp' ? 'UDP ' : ''}port ${way.port} (${way.purpose})`;
    const evidence = inwards
      ? `${port} cannot be reached from ${list(others)} at ${way.address} (${wordOf(way)})${because}`
      : `it cannot reach ${port} of ${list(others)} (${wordOf(way)})${because}`;
    const commands = group.map((one) => openWay(rule, one.way, addressByName.get(one.way.from) ?? one.way.from));
    const remedy = `On ${blamed}: ${[...new Set(commands)].join('; ')}`;
    const needed = group.some((one) => one.way.either === undefined || !spared.has(one.way.either));
    return tolerated({ id: `reach-${way.port}`, host, severity: needed ? 'error' : 'warning', evidence, remedy }, testbed);
  });
  return [...checks, ...untriedChecks(tried.ways), ...openChecks(testbed, tried.ways)];
}

const wordOf = ({ answer, detail }: WayAnswer): string =>
  answer === 'silent' ? 'no answer' : answer === 'refused' ? 'refused' : (detail ?? 'not reachable');

const list = (names: readonly string[]): string =>
  names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : (names[0] ?? '');

/** Groups of ways of which one is open. */
const sparedBy = (ways: readonly WayAnswer[]): Set<string> =>
  new Set(ways.flatMap((way) => (way.either !== undefined && way.answer === 'open' ? [way.either] : [])));

interface Blame {
  way: WayAnswer;
  blamed: string | null;
  rule?: FirewallRule;
}

type Mended = Blame & { blamed: string };

/** A firewall on one of the two that says so is where to look. */
function findingOf(way: WayAnswer, { firewalls }: Tried): Pick<Blame, 'blamed' | 'rule'> {
  const atTarget = ruleInWay(firewalls.get(way.to) ?? [], way, 'input');
  if (atTarget !== undefined) return { blamed: way.to, rule: atTarget };
  const atSource = ruleInWay(firewalls.get(way.from) ?? [], way, 'output');
  if (atSource !== undefined) return { blamed: way.from, rule: atSource };
  return { blamed: null };
}

/** Without a firewall to name: a host of which no way is open, else the one with most others it has no way to, else the one that should have answered. */
function settleBlame(blocked: readonly Blame[], ways: readonly WayAnswer[]): Mended[] {
  const settled = blocked.filter((one): one is Mended => one.blamed !== null);
  const isOf = (way: WayAnswer, host: string) => way.to === host || way.from === host;
  const cutOff = (host: string) => !ways.some((way) => isOf(way, host) && way.answer === 'open');
  let open = blocked.filter(({ blamed }) => blamed === null).map(({ way }) => way);
  while (open.length > 0) {
    // Targets first: among equals the first one wins.
    const hosts = [...new Set([...open.map(({ to }) => to), ...open.map(({ from }) => from)])];
    const score = (host: string): number => {
      const peers = new Set(open.filter((way) => isOf(way, host)).flatMap(({ from, to }) => [from, to]));
      return peers.size + (cutOff(host) ? ways.length : 0);
    };
    const worst = hosts.reduce((best, host) => (score(host) > score(best) ? host : best));
    settled.push(...open.filter((way) => isOf(way, worst)).map((way) => ({ way, blamed: worst })));
    open = open.filter((way) => !isOf(way, worst));
  }
  return settled;
}

function untriedChecks(ways: readonly WayAnswer[]): Check[] {
  const untried = ways.filter((way) => way.answer === 'untried');
  return [...new Set(untried.map((way) => way.from))].map((from) => {
    const of = untried.filter((way) => way.from === from);
    const where = [...new Set(of.map(({ to, port }) => `${to}:${port}`))].join(', ');
    const evidence = `whether it reaches ${where} could not be tried: ${of[0]?.detail}`;
    return {
      ...warning('reach', evidence, 'Install perl there to have it tried (apt-get install perl-base), or go on'),
      host: from,
    };
  });
}

const openChecks = (testbed: Testbed, ways: readonly WayAnswer[]): Check[] =>
  testbed.hosts.flatMap(({ name }) => {
    const own = ways.filter((way) => way.from === name || way.to === name);
    if (own.length === 0 || own.some((way) => way.answer !== 'open')) return [];
    return [{ ...ok('reach', `all ${own.length} ways that it is part of are open`), host: name }];
  });
