import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { LocalHosts } from '../../provisioning/local-hosts/local-hosts.ts';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const dist = join(root, 'dist');

/** Where a host is reached from here: itself, or through a proxy. */
export interface Target {
  name: string;
  address: string;
  port: number;
}

export interface BenchHosts {
  folder: string;
  identityFile: string;
  knownHostsFile: string;
  user: string;
  targets: Target[];
  /** The same hosts at `roundTripMs`, through proxies of another process. */
  delayed(roundTripMs: number): Promise<{ targets: Target[]; close(): void }>;
  /** Trusts more places where the first host can be reached. */
  trust(places: { address: string; port: number }[]): void;
  /** Runs a shell script on a host with OpenSSH's own client. */
  ssh(target: Target, script: string): Promise<string>;
  close(): Promise<void>;
}

/** Real hosts for one bench, of `cpus` cores each (one without it); they end with it. */
export async function makeHosts(names: string[], cpus?: number): Promise<BenchHosts> {
  const folder = mkdtempSync(join(tmpdir(), 'mlsysops-bench-'));
  const testbed = `bench-${process.pid}`;
  const controls = new LocalHosts({ helper: join(dist, 'local-hosts', 'helper.mjs') });
  const identityFile = join(folder, 'id_ed25519');
  const knownHostsFile = join(folder, 'known_hosts');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'bench', '-f', identityFile]);
  const authorizedKey = readFileSync(`${identityFile}.pub`, 'utf8').trim();
  const made = await controls.create({
    testbed,
    hosts: names.map((name) => ({ name, ...(cpus !== undefined && { cpus }) })),
    authorizedKey,
    ownerPid: process.pid,
  });
  const know = (place: string, keys: string[]) => {
    for (const key of keys) appendFileSync(knownHostsFile, `${place} ${key}\n`);
  };
  for (const host of made) know(host.address, host.hostKeys);
  const user = made[0]?.user ?? 'researcher';
  return {
    folder,
    identityFile,
    knownHostsFile,
    user,
    targets: made.map(({ name, address, port }) => ({ name, address, port })),
    async delayed(roundTripMs) {
      const places = made.map(({ address, port }) => `${address}:${port}`);
      const proxy = spawn('node', [join(dist, 'bench', 'delaying-proxy.mjs'), String(roundTripMs / 2), ...places], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const line = await firstLine(createInterface({ input: proxy.stdout }));
      const ports = z.array(z.number().int().positive()).length(made.length).parse(JSON.parse(line));
      const targets = made.map(({ name, hostKeys }, index) => {
        const port = ports[index] ?? 0;
        know(`[127.0.0.1]:${port}`, hostKeys);
        return { name, address: '127.0.0.1', port };
      });
      return { targets, close: () => void proxy.stdin.end() };
    },
    trust(places) {
      for (const { address, port } of places) know(port === 22 ? address : `[${address}]:${port}`, made[0]?.hostKeys ?? []);
    },
    ssh(target, script) {
      const settings = [
        `UserKnownHostsFile=${knownHostsFile}`,
        'StrictHostKeyChecking=yes',
        'IdentitiesOnly=yes',
        'BatchMode=yes',
      ];
      const place = ['-p', String(target.port), `${user}@${target.address}`];
      const args = ['-F', 'none', '-i', identityFile, ...settings.flatMap((one) => ['-o', one]), ...place, 'sudo sh -s'];
      return run('ssh', args, { input: script });
    },
    async close() {
      await controls.destroy(testbed);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function firstLine(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) return line;
  throw new Error('the proxy has ended without a word');
}

/** Runs a program to its end and gives its stdout. @throws Error with the end of what it said when it fails */
export function run(
  program: string,
  args: string[],
  options: { input?: string; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: options.env ?? process.env, cwd: options.cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${program} ended with ${code}: ${(stderr || stdout).slice(-2000)}`));
    });
    child.stdin.end(options.input ?? '');
  });
}
