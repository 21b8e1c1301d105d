import { Failure } from '../../run/failure.ts';
import type { Host, Testbed } from '../../testbed/schema.ts';
import type { HostFacts } from '../facts/host-facts.ts';
import { pythonFor } from '../support/python.ts';
import { type Check, error, type Finding, ok, tolerated, warning } from './check.ts';
import { connectScript, parseAnswers } from './reach-scripts.ts';
import type { ExecuteOn } from './reachability.ts';
import type { Way } from './ways.ts';

/**
 * Whether a host reaches the outside, where it has to: for packages of its distribution that it lacks. Everything else comes to it through this computer. A host
 * that lacks nothing asks nobody.
 * @throws Failure (cancelled)
 */
export async function checkOutside(host: Host, facts: HostFacts, testbed: Testbed, execute: ExecuteOn): Promise<Check[]> {
  const told = (finding: Finding): Check[] => [tolerated({ ...finding, host: host.name }, testbed)];
  const ways = outsideWays(host, facts, testbed);
  if (lackingPackages(facts, testbed).length === 0) return told(ok('internet', 'not needed'));
  if (ways.length === 0) return told(ok('internet', 'its package manager names no server'));
  try {
    // The resolver would wait for 10 s where a name server does not answer.
    const script = `RES_OPTIONS='timeout:1 attempts:2'; export RES_OPTIONS\n${connectScript(ways)}`;
    const { stdout } = await execute(host, script, { timeoutMs: 60_000 });
    const answers = parseAnswers(ways, stdout);
    const open = answers.find(({ answer }) => answer === 'open');
    if (open !== undefined) return told(ok('internet', `${open.purpose} can be reached`));
    const [first] = answers;
    if (first === undefined || first.answer === 'untried') return told(ok('internet', `it could not be tried: ${first?.detail}`));
    const why = first.detail ?? { silent: 'no answer', refused: 'refused', unreachable: 'no way', open: '' }[first.answer];
    return told(unreachable(facts, testbed, first.purpose, why));
  } catch (failure) {
    if (!(failure instanceof Failure) || failure.value.code === 'cancelled') throw failure;
    return told(ok('internet', `it could not be tried: ${failure.value.cause}`));
  }
}

const lackingPackages = (facts: HostFacts, testbed: Testbed): string[] => [
  ...facts.packages.missing,
  ...(testbed.preflight.python && pythonFor(facts) === 'comes' ? ['python3-pandas'] : []),
];

function unreachable(facts: HostFacts, testbed: Testbed, server: string, why: string): Finding {
  const lacks = lackingPackages(facts, testbed).join(', ');
  const evidence = `it lacks ${lacks}, and ${server}, from where its packages come, cannot be reached (${why})`;
  const resolve = why.includes('resolved')
    ? `See its name servers (${facts.nameServers.join(', ') || 'none'}), or `
    : 'Let it out there, ';
  const remedy = `${resolve}name the proxy that it has to use, or install what it lacks by hand`;
  // A bundle may bring them, though no Python.
  return testbed.artefacts.bundle === undefined ? error('internet', evidence, remedy) : warning('internet', evidence, remedy);
}

/** Its proxy where it has one, else the servers of its packages. One that answers is enough. */
function outsideWays(host: Host, facts: HostFacts, testbed: Testbed): Way[] {
  const proxies = [...proxiesOf(testbed), ...facts.proxies.map(({ url }) => url.replace('…@', ''))];
  const targets = proxies.length > 0 ? proxies.slice(0, 1) : facts.packages.sources.slice(0, 4);
  return targets.flatMap((target) => {
    const url = URL.parse(target);
    if (url === null || !/^https?:$/.test(url.protocol) || !/^[A-Za-z0-9.-]+$/.test(url.hostname)) return [];
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    const purpose = proxies.length > 0 ? `its proxy ${url.host}` : url.host;
    return [{ from: host.name, to: url.hostname, address: url.hostname, port, protocol: 'tcp', purpose }];
  });
}

const proxiesOf = (testbed: Testbed & { proxy?: { http?: string; https?: string } }): string[] =>
  [testbed.proxy?.http, testbed.proxy?.https].filter((one) => one !== undefined);
