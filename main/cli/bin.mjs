#!/usr/bin/env node
// mlsysops-cli. In a checkout it builds itself first when the sources have changed; in an installed app it finds its bundle.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
if (existsSync(join(root, 'node_modules', 'esbuild'))) {
  const { buildAll } = await import('../build/build.mjs');
  await buildAll({ renderer: false, quiet: true });
}
// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));
const { run } = await import(join(root, 'dist', 'cli', 'cli.mjs'));
process.exitCode = await run(process.argv);
