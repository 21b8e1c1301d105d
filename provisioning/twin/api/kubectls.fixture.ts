import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '.cache');
/** `npm test` gets the first two (test/setup/kubectls.mjs); the machine's own is tested with when it is another. */
const places = [
  join(cache, 'kubectl-debian', 'usr', 'bin', 'kubectl'),
  join(cache, 'kubectl-debian-new', 'usr', 'bin', 'kubectl'),
  '/usr/bin/kubectl',
];

const versionOf = (program: string): string => {
  const said: unknown = JSON.parse(execFileSync(program, ['version', '--client', '-o', 'json'], { encoding: 'utf8' }));
  const { clientVersion } = said as { clientVersion: { gitVersion: string } };
  return clientVersion.gitVersion.replace(/^v/, '').replace(/[+-].*/, '');
};
const minorOf = (version: string): number => Number(version.split('.')[1]);
/** Between them lie server-side apply, events.k8s.io and the aggregated discovery that new ones ask for. */
const isNew = (version: string): boolean => minorOf(version) >= 28;

/** An old and a new kubectl to test with, as far as they are here. */
export const kubectls = places
  .filter((program) => existsSync(program))
  .map((program) => ({ program, version: versionOf(program) }))
  .filter(({ version }, index, all) => all.findIndex((other) => isNew(other.version) === isNew(version)) === index);

/** Says with which kubectls the tests run, and which are not tested. */
export const kubectlsTested: string = (() => {
  const old = kubectls.find(({ version }) => !isNew(version));
  const recent = kubectls.find(({ version }) => isNew(version));
  if (old && recent) return `is tested with an old kubectl (${old.version}) and a new one (${recent.version})`;
  const only = old ?? recent;
  if (!only) return 'needs a kubectl to be tested with: node test/setup/prepare.mjs gets an old and a new one';
  return `is tested with kubectl ${only.version} alone: ${old ? 'a new one (1.28 and later)' : 'an old one (before 1.28)'} is NOT tested, it is not here`;
})();
