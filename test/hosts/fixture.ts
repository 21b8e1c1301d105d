import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { type LocalHost, LocalHosts } from '../../provisioning/local-hosts/local-hosts.ts';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const helperPath = join(root, 'dist', 'local-hosts', 'helper.mjs');

export interface TestHosts {
  testbed: string;
  /** Filled before the first test runs. */
  hosts: LocalHost[];
  host(name: string): LocalHost;
  /** Private key that the user `researcher` of every host accepts. */
  identityFile: string;
  /** The hosts' true keys. */
  knownHostsFile: string;
  folder: string;
  controls: LocalHosts;
  /** Arguments of OpenSSH's client that run a command on a host as a user, with this fixture's keys alone. */
  sshArguments(name: string, user: string, command: string): string[];
  /** Runs a command on a host with OpenSSH's own client: the tests' second opinion. */
  ssh(name: string, command: string): string;
}

/** Real hosts for the tests of one file; made before them, destroyed after them, and after a crash by the next run. */
export function useHosts(names: string[], options: { cpus?: number } = {}): TestHosts {
  const folder = mkdtempSync(join(tmpdir(), 'mlsysops-hosts-'));
  const testbed = `test-${process.pid}-${Math.random().toString(36).slice(2, 7)}`;
  const controls = new LocalHosts({ helper: helperPath });
  const fixture: TestHosts = {
    testbed,
    hosts: [],
    folder,
    controls,
    identityFile: join(folder, 'id_ed25519'),
    knownHostsFile: join(folder, 'known_hosts'),
    host(name) {
      const found = this.hosts.find((host) => host.name === name);
      if (!found) throw new Error(`the fixture has no host "${name}"`);
      return found;
    },
    sshArguments(name, user, command) {
      const settings = [
        `UserKnownHostsFile=${this.knownHostsFile}`,
        'StrictHostKeyChecking=yes',
        'IdentitiesOnly=yes',
        'BatchMode=yes',
        'ConnectTimeout=5',
      ];
      const options = settings.flatMap((setting) => ['-o', setting]);
      return ['-F', 'none', '-i', this.identityFile, ...options, `${user}@${this.host(name).address}`, command];
    },
    ssh(name, command) {
      const args = this.sshArguments(name, this.host(name).user, command);
      return execFileSync('ssh', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    },
  };
  beforeAll(async () => {
    if (!existsSync(helperPath)) throw new Error(`${helperPath} is not built: node main/build/build.mjs --no-renderer`);
    await controls.clean();
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', fixture.identityFile]);
    fixture.hosts = await controls.create({
      testbed,
      hosts: names.map((name) => ({ name, cpus: options.cpus })),
      authorizedKey: readFileSync(`${fixture.identityFile}.pub`, 'utf8').trim(),
      ownerPid: process.pid,
    });
    for (const host of fixture.hosts)
      for (const key of host.hostKeys) appendFileSync(fixture.knownHostsFile, `${host.address} ${key}\n`);
  });
  afterAll(async () => {
    await controls.destroy(testbed);
    rmSync(folder, { recursive: true, force: true });
  });
  return fixture;
}
