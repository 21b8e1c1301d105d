// The twin's API must serve an old kubectl and a new one: those of two Debian releases, from the Debian mirror that this machine uses.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const releases = [
  { folder: 'kubectl-debian', suite: 'bookworm', from: 'kubernetes-client' },
  { folder: 'kubectl-debian-new', suite: 'trixie', from: 'kubectl' },
];

/** Lays both into the cache; one that cannot be had is named, and the tests say that they go without it. */
export function ensureKubectls(cache) {
  for (const { folder, suite, from } of releases) {
    const place = join(cache, folder);
    if (existsSync(join(place, 'usr', 'bin', 'kubectl'))) continue;
    const work = mkdtempSync(join(tmpdir(), 'kubectl-'));
    try {
      download(work, suite, from);
      const archive = readdirSync(work).find((name) => name.endsWith('.deb'));
      if (!archive) throw new Error('apt-get downloaded nothing');
      execFileSync('dpkg', ['-x', join(work, archive), join(work, 'tree')]);
      mkdirSync(cache, { recursive: true });
      rmSync(`${place}.new`, { recursive: true, force: true });
      cpSync(join(work, 'tree'), `${place}.new`, { recursive: true, verbatimSymlinks: true });
      rmSync(place, { recursive: true, force: true });
      renameSync(`${place}.new`, place);
    } catch (error) {
      process.stderr.write(`NOT tested: kubectl of Debian ${suite} (${from}) cannot be had: ${error.message}\n`);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
}

/** With lists of its own: this machine's sources and installed packages stay as they are. */
function download(work, suite, from) {
  const own = ['lists/partial', 'archives/partial', 'nothing'].map((name) => join(work, name));
  for (const folder of own) mkdirSync(folder, { recursive: true });
  const sources = join(work, 'debian.sources');
  writeFileSync(
    sources,
    `Types: deb\nURIs: ${mirror()}\nSuites: ${suite}\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n`,
  );
  const options = [
    ['Dir::Etc::SourceList', sources],
    ['Dir::Etc::SourceParts', join(work, 'nothing')],
    ['Dir::State::Lists', join(work, 'lists')],
    // What is installed here is no source of packages.
    ['Dir::State::Status', '/dev/null'],
    ['Dir::Cache', work],
    ['Acquire::Languages', 'none'],
    // Or apt would want to read the folder as a user of its own.
    ['APT::Sandbox::User', 'root'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  for (const command of [['update'], ['download', from]]) {
    const result = spawnSync('apt-get', ['-q', ...options, ...command], { cwd: work, encoding: 'utf8', timeout: 300_000 });
    if (result.status !== 0) throw new Error(`apt-get ${command[0]} failed: ${result.stderr.trim().slice(-500)}`);
  }
}

/** Debian's archive as this machine's own apt has it. */
function mirror() {
  const format = ['indextargets', '--format', '$(ORIGIN) $(REPO_URI)', 'Created-By: Packages'];
  const { stdout } = spawnSync('apt-get', format, { encoding: 'utf8', timeout: 60_000 });
  const uris = String(stdout ?? '')
    .split('\n')
    .filter((line) => line.startsWith('Debian '))
    .map((line) => line.slice('Debian '.length));
  return uris.find((uri) => !uri.includes('security')) ?? 'http://deb.debian.org/debian';
}
