import { copyFile, mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { Failure } from '../run/failure.ts';
import { type Arch, archSchema } from './catalogue.ts';
import { digestOfFile } from './digest.ts';

/** Names and versions become part of paths on hosts. */
const wordSchema = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._+~-]*[A-Za-z0-9])?$/, 'letters, digits and . _ + ~ - within');

export const bundleEntrySchema = z.strictObject({
  name: wordSchema,
  version: wordSchema,
  arch: z.union([archSchema, z.literal('any')]),
  /** Beside manifest.json; never outside of the bundle's folder. */
  file: z
    .string()
    .min(1)
    .max(500)
    .refine((file) => !isOutside(file), 'a path inside the bundle'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Present on a double: what it stands in for. */
  double: z.string().optional(),
});
export type BundleEntry = z.infer<typeof bundleEntrySchema>;
export const bundleManifestSchema = z.strictObject({
  artefacts: z.array(bundleEntrySchema).refine((entries) => new Set(entries.map(keyOf)).size === entries.length, {
    message: 'two entries of the same name, version and architecture',
  }),
});

export const keyOf = ({ name, version, arch }: Pick<BundleEntry, 'name' | 'version' | 'arch'>): string =>
  `${name}@${version}/${arch}`;

/** Whether an entry, by its name, is an archive of container images: those are imported, never installed as programs. */
export const isImageArchive = (name: string): boolean => name === 'images' || name.startsWith('images-');

/** By the rules of both families of systems: a bundle is made on one computer and used on another. */
function isOutside(file: string): boolean {
  const parts = file.split(/[\\/]/);
  return (
    path.posix.isAbsolute(file) ||
    path.win32.isAbsolute(file) ||
    /^[A-Za-z]:/.test(file) ||
    file.includes('\0') ||
    parts.some((part) => part === '..' || part === '.' || part === '')
  );
}

/** An offline bundle: a folder with manifest.json beside the files. */
export interface Bundle {
  folder: string;
  entries: readonly BundleEntry[];
  /** Absolute path of an entry's file. */
  pathOf(entry: BundleEntry): string;
  /**
   * The entry for that architecture, or one for any. Of several versions (a bundle for an upgrade holds two of Kubernetes) the wanted one,
   * else the first.
   */
  find(name: string, arch: Arch, version?: string): BundleEntry | undefined;
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
    find(name, arch, version) {
      const named = artefacts.filter((entry) => entry.name === name);
      const fitting = [arch, 'any' as const].flatMap((wanted) => named.filter((entry) => entry.arch === wanted));
      return fitting.find((entry) => version !== undefined && isVersion(entry.version, version)) ?? fitting[0];
    },
  };
}

/** Whether an entry's version ("v1.36.2-double") is the wanted one, whatever a build adds to it. */
const isVersion = (version: string, wanted: string): boolean =>
  version.replace(/^v/, '') === wanted ||
  (/^[-+]/.test(version.replace(/^v/, '').slice(wanted.length)) && version.replace(/^v/, '').startsWith(wanted));

/** A manifest of even a hundred artefacts is far smaller. */
const maxManifestBytes = 4 * 1024 ** 2;

/** @param manifestPath where it stands, for the error. @throws Failure (artefact) that says what does not fit */
export function parseManifest(text: string, manifestPath: string): z.infer<typeof bundleManifestSchema> {
  try {
    if (text.length > maxManifestBytes) throw new RangeError(`it is larger than ${maxManifestBytes} bytes`);
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
    const [real, folder] = await Promise.all([realpath(file), realpath(bundle.folder)]);
    if (!real.startsWith(folder + path.sep)) throw outside(file, real);
    if (!(await stat(real)).isFile()) throw outside(file, 'no file');
    sha256 = await digestOfFile(real);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure({ code: 'artefact', cause: `${file} of the offline bundle cannot be read`, remedy }, { cause: error });
  }
  if (sha256 === entry.sha256) return file;
  throw new Failure({
    code: 'artefact',
    cause: `${file} is not what the bundle's manifest says (sha256 ${sha256}, not ${entry.sha256})`,
    remedy: 'Copy the bundle again, or make it anew',
  });
}

const outside = (file: string, real: string): Failure =>
  new Failure({
    code: 'artefact',
    cause: `${file} leads out of the bundle, to ${real}`,
    remedy: 'A bundle holds its files itself: copy the file into it, in place of the link',
  });

/** What is wrong with a bundle's files, one sentence each; none when every file is there with its digest. @throws Failure when there is no bundle */
export async function verifyBundle(
  folder: string,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<{ files: number; problems: string[] }> {
  const bundle = await openBundle(folder);
  const problems: string[] = [];
  let done = 0;
  for (const entry of bundle.entries) {
    await verifiedPath(bundle, entry).catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error;
      problems.push(error.message);
    });
    onProgress(++done, bundle.entries.length);
  }
  return { files: bundle.entries.length, problems };
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
  const others = manifest.artefacts.filter((other) => other.name !== name || other.arch !== arch);
  await writeManifest(folder, [...others, entry]);
  return entry;
}

/** In one piece: whoever reads it sees the one before or this one. */
export async function writeManifest(folder: string, artefacts: readonly BundleEntry[]): Promise<void> {
  const manifestPath = path.join(folder, 'manifest.json');
  await writeFile(`${manifestPath}.new`, `${JSON.stringify({ artefacts }, null, 2)}\n`);
  await rename(`${manifestPath}.new`, manifestPath);
}

/** What stands in for what in a bundle, one sentence each, once also when it is there for several versions or architectures; empty without doubles. */
export const doublesOf = (bundle: Bundle): string[] => [
  ...new Set(bundle.entries.flatMap((entry) => (entry.double === undefined ? [] : [`${entry.name}: ${entry.double}`]))),
];
