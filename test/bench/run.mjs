// `npm run bench -- provisioning`: measurements against other tools, not tests: they take minutes and want the computer to themselves.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { rawText } from '../../agents/build/raw-text.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const benches = [
  ...[
    'provisioning',
    'scale',
    'node-agent',
    'window',
    'decision',
    'explanation',
    'twin-scale',
    'twin-agents',
    'store',
    'topology',
  ],
  ...['terminal', 'panes', 'chart', 'pages', 'desktop'],
];
/** These look at the built window. */
const needsRenderer = ['panes', 'pages', 'desktop'];
const [name, ...args] = process.argv.slice(2);
if (!benches.includes(name)) {
  process.stderr.write(`usage: npm run bench -- ${benches.join('|')} [--help]\n`);
  process.exit(2);
}
const built = spawnSync('node', ['main/build/build.mjs', ...(needsRenderer.includes(name) ? [] : ['--no-renderer'])], {
  cwd: root,
  stdio: 'inherit',
});
if (built.status !== 0 || !existsSync(join(root, 'dist'))) process.exit(1);
// Two folders below the root, as its source: what it finds by its own place is found.
const outdir = join(root, 'dist', 'bench');
await build({
  absWorkingDir: root,
  entryPoints: [`test/bench/${name}.ts`, 'test/bench/delaying-proxy.ts'],
  outdir,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  packages: 'external',
  plugins: [rawText],
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
});
/** As the twin's own process is started. */
const flags = name === 'twin-agents' ? ['--max-semi-space-size=64'] : [];
const result = spawnSync('node', [...flags, join(outdir, `${name}.mjs`), ...args], { cwd: root, stdio: 'inherit' });
process.exitCode = result.status ?? 1;
