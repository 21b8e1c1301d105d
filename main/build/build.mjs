// Builds everything into dist/: agents, twin, core, CLI, Electron main and preload (esbuild), and the renderer (Vite).
// `node main/build/build.mjs` builds what has changed since the last time; `--force` builds all; `--no-renderer` leaves the window out.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { rawText } from '../../agents/build/raw-text.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const dist = join(root, 'dist');

// CommonJS dependencies inside an ES module bundle still call require, __filename and __dirname.
const banner = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { fileURLToPath as __fileURLToPath } from 'node:url';",
  "import { dirname as __dirnameOf } from 'node:path';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = __fileURLToPath(import.meta.url);',
  'const __dirname = __dirnameOf(__filename);',
].join('\n');

const common = {
  plugins: [rawText],
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  banner: { js: banner },
  // Native or optional parts that are found in node_modules at run time, or not at all.
  external: ['electron', 'node-pty', '@duckdb/*', 'cpu-features', './crypto/build/Release/sshcrypto.node', 'pino-pretty'],
};

/** What is built, as readable as it is short: output ← entry, for which Node. */
const bundles = [
  { out: 'agents/node.mjs', entry: 'agents/main/node.ts', target: 'node22' },
  { out: 'agents/cluster.mjs', entry: 'agents/main/cluster.ts', target: 'node22' },
  { out: 'agents/continuum.mjs', entry: 'agents/main/continuum.ts', target: 'node22' },
  { out: 'twin/process.mjs', entry: 'provisioning/twin/process.ts', target: 'node20' },
  { out: 'twin/dry-run.mjs', entry: 'provisioning/twin/dry-run/process.ts', target: 'node20' },
  { out: 'local-hosts/helper.mjs', entry: 'provisioning/local-hosts/helper.ts', target: 'node20' },
  { out: 'core/process.mjs', entry: 'main/core/process.ts', target: 'node20' },
  { out: 'cli/cli.mjs', entry: 'main/cli/cli.ts', target: 'node20' },
  // CommonJS: what must happen before Electron is ready (the scheme, the sandbox) would come too late in a module, which loads asynchronously.
  {
    out: 'electron/main.cjs',
    entry: 'main/electron/main.ts',
    target: 'node20',
    format: 'cjs',
    banner: { js: "const __mainUrl = require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': '__mainUrl' },
  },
  {
    out: 'electron/preload.cjs',
    entry: 'main/electron/preload.ts',
    target: 'node20',
    format: 'cjs',
    banner: {},
    external: ['electron'],
  },
];

export async function buildAll({ force = false, renderer = true, quiet = false } = {}) {
  const digest = digestOf(['agents', 'provisioning', 'main', 'renderer', 'package-lock.json']);
  const stamp = join(dist, renderer ? 'build.stamp' : 'build-without-renderer.stamp');
  if (!force && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  const started = Date.now();
  mkdirSync(dist, { recursive: true });
  await Promise.all(
    bundles.map(({ out, entry, ...options }) => build({ ...common, ...options, entryPoints: [entry], outfile: join(dist, out) })),
  );
  if (renderer) {
    const vite = await import('vite');
    await vite.build({ configFile: join(root, 'renderer', 'vite.config.mts'), logLevel: 'warn' });
  }
  writeFileSync(stamp, digest);
  if (!quiet) process.stdout.write(`Built in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

/** Digest over names, sizes and times of the sources: enough to know that nothing has changed. */
function digestOf(names) {
  const hash = createHash('sha256');
  const visit = (path) => {
    const info = statSync(path, { throwIfNoEntry: false });
    if (!info) return;
    if (info.isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name));
    else if (!path.includes('.test.')) hash.update(`${path}:${info.size}:${info.mtimeMs}\n`);
  };
  for (const name of names) visit(join(root, name));
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildAll({ force: process.argv.includes('--force'), renderer: !process.argv.includes('--no-renderer') });
}
