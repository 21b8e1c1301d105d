import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { Failure } from '../run/failure.ts';
import { archSchema } from './catalogue.ts';
import { digestOfFile } from './digest.ts';

const bundleEntrySchema = z.strictObject({
  name: z.string().min(1),
  version: z.string().min(1),
  arch: z.union([archSchema, z.literal('any')]),
  /** Beside manifest.json; never outside of the bundle's folder. */
  file: z.string().refine((file) => !path.isAbsolute(file) && !file.split(/[\\/]/).includes('..'), 'a path inside the bundle'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Present on a double: what it stands in for. */
  double: z.string().optional(),
});
export type BundleEntry = z.infer<typeof bundleEntrySchema>;
export const bundleManifestSchema = z.strictObject({ artefacts: z.array(bundleEntrySchema) });

/** An offline bundle: a folder with manifest.json beside the files. */
export interface Bundle {
  folder: string;
  entries: readonly BundleEntry[];
  /** Absolute path of an entry's file. */
  pathOf(entry: BundleEntry): string;
  /** The entry for that architecture, or one for any. */
  find(name: string, arch: 'amd64' | 'arm64'): BundleEntry | undefined;
}

const remedy = 'Make a bundle on a connected computer and name its folder in artefacts.bundle of the testbed file';

/** Reads the manifest; the files themselves are checked when they are used. @throws Failure (artefact). */
export async function openBundle(folder: string): Promise<Bundle> {
  const manifestPath = path.join(folder, 'manifest.json');
  let text: string;
  try {
    text = await readFile(manifestPath, 'utf8');
  } catch (error) {
    throw new Failure(
      { code: 'artefact', cause: `there is no offline bundle in ${folder} (no manifest.json)`, remedy },
      { cause: error },
    );
  }
  const { artefacts } = parseManifest(text, manifestPath);
  return {
    folder,
    entries: artefacts,
    pathOf: (entry) => path.join(folder, entry.file),
    find: (name, arch) =>
      artefacts.find((entry) => entry.name === name && entry.arch === arch) ??
      artefacts.find((entry) => entry.name === name && entry.arch === 'any'),
  };
}

function parseManifest(text: string, manifestPath: string): z.infer<typeof bundleManifestSchema> {
  try {
    return bundleManifestSchema.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Failure(
      { code: 'artefact', cause: `${manifestPath} is not a bundle's manifest: ${why}`, remedy },
      { cause: error },
    );
  }
}

/** Path of the entry's file, once its bytes are those of the manifest. @throws Failure (artefact). */
export async function verifiedPath(bundle: Bundle, entry: BundleEntry): Promise<string> {
  const file = bundle.pathOf(entry);
  let sha256: string;
  try {
    sha256 = await digestOfFile(file);
  } catch (error) {
    throw new Failure({ code: 'artefact', cause: `${file} of the offline bundle cannot be read`, remedy }, { cause: error });
  }
  if (sha256 === entry.sha256) return file;
  throw new Failure({
    code: 'artefact',
    cause: `${file} is not what the bundle's manifest says (sha256 ${sha256}, not ${entry.sha256})`,
    remedy: 'Copy the bundle again, or make it anew',
  });
}

/** Puts a file into a bundle (made when it is not there yet), replacing the entry of the same name and architecture. */
export async function addToBundle(
  folder: string,
  artefact: Pick<BundleEntry, 'name' | 'version' | 'arch'> & { source: string; double?: string; fileName?: string },
): Promise<BundleEntry> {
  await mkdir(folder, { recursive: true });
  const manifestPath = path.join(folder, 'manifest.json');
  const existing = await readFile(manifestPath, 'utf8').catch(() => null);
  const manifest = existing === null ? { artefacts: [] } : parseManifest(existing, manifestPath);
  const { name, version, arch } = artefact;
  const file = artefact.fileName ?? `${name}-${version}-${arch}${/\.(tgz|tar\.gz|tar)$/.exec(artefact.source)?.[0] ?? ''}`;
  await copyFile(artefact.source, path.join(folder, file));
  const sha256 = await digestOfFile(path.join(folder, file));
  const entry = bundleEntrySchema.parse({ name, version, arch, file, sha256, double: artefact.double });
  manifest.artefacts = [...manifest.artefacts.filter((other) => other.name !== name || other.arch !== arch), entry];
  await writeFile(`${manifestPath}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(`${manifestPath}.new`, manifestPath);
  return entry;
}

/** What stands in for what in a bundle, one sentence each; empty without doubles. */
export const doublesOf = (bundle: Bundle): string[] =>
  bundle.entries.flatMap((entry) => (entry.double === undefined ? [] : [`${entry.name}: ${entry.double}`]));
