// `npm start`: builds what has changed and opens the app. In Electron where its runtime is there (or can be fetched) and a display
// answers; else the same app in the browser, saying why. `npm start -- --web` chooses the browser; `--port N` and `--no-open` go with it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildAll } from './build.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const args = process.argv.slice(2);
await buildAll();

const reason = args.includes('--web') ? 'as asked' : whyNoElectron();
if (reason === null) openElectron();
else {
  if (reason !== 'as asked') process.stdout.write(`Opening in the browser, because ${reason}.\n`);
  const { serve } = await import(join(root, 'dist', 'cli', 'cli.mjs'));
  await serve({ port: Number(optionOf('--port') ?? 0), open: !args.includes('--no-open') });
}

function optionOf(name) {
  const index = args.indexOf(name);
  return index < 0 ? undefined : args[index + 1];
}

/** null when Electron can be opened here. */
function whyNoElectron() {
  if (process.platform === 'linux') {
    if (process.getuid?.() === 0) return 'this is root, and Electron keeps its sandbox only for ordinary users';
    if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return 'there is no display';
  }
  const folder = dirname(createRequire(import.meta.url).resolve('electron/package.json'));
  if (!existsSync(join(folder, 'path.txt')) && !process.env.ELECTRON_OVERRIDE_DIST_PATH) {
    process.stdout.write('Fetching the Electron runtime (once)…\n');
    const fetched = spawnSync(process.execPath, [join(folder, 'install.js')], { stdio: 'ignore', timeout: 180_000 });
    if (fetched.status !== 0) return "Electron's runtime could not be downloaded";
  }
  return null;
}

function openElectron() {
  const electron = createRequire(import.meta.url)('electron');
  const child = spawn(electron, [root], { stdio: 'inherit' });
  child.on('exit', (code) => process.exit(code ?? 1));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
}
