import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { z } from 'zod';
import { rawText } from '../../agents/build/raw-text.mjs';

const stampSchema = z.object({ options: z.string(), sources: z.record(z.string(), z.string()) });

/**
 * Builds programs of tests for Node into a folder, unless what is there was made of the very same sources: several files of tests, two of them
 * at a time, need the same ones. @returns the folder
 */
export async function buildOnce(folder: string, given: BuildOptions & { absWorkingDir: string }): Promise<string> {
  const options: BuildOptions = { bundle: true, platform: 'node', format: 'esm', logLevel: 'warning', ...given };
  const root = given.absWorkingDir;
  const stamp = join(folder, 'built.json');
  const digest = (path: string): string =>
    existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
  const digestOfOptions = createHash('sha256').update(JSON.stringify(options)).digest('hex');
  if (existsSync(stamp)) {
    const known = stampSchema.parse(JSON.parse(readFileSync(stamp, 'utf8')));
    const isSame = Object.entries(known.sources).every(([path, sum]) => digest(join(root, path)) === sum);
    if (known.options === digestOfOptions && isSame) return folder;
  }
  const made = await build({ ...options, outdir: folder, plugins: [rawText], metafile: true, write: false });
  // Each in one piece: somebody else may be reading, or making, the same.
  const put = (path: string, content: Uint8Array | string, mode: number) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.${process.pid}`, content, { mode });
    renameSync(`${path}.${process.pid}`, path);
  };
  for (const { path, contents } of made.outputFiles) put(path, contents, 0o755);
  // What is built goes by name, but for sources that a plugin hands over under a name of its own.
  const sources = Object.keys(made.metafile.inputs).map((name) => name.replace(/^[a-z-]+:/, ''));
  const stamped: z.infer<typeof stampSchema> = {
    options: digestOfOptions,
    sources: Object.fromEntries(sources.map((path) => [path, digest(join(root, path))])),
  };
  put(stamp, JSON.stringify(stamped), 0o644);
  return folder;
}
