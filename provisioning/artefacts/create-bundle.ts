import { copyFile, constants as fileConstants, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { manifestOf, readNetworkManifest } from '../phases/network/manifest.ts';
import type { Testbed } from '../testbed/schema.ts';
import { type BundleEntry, keyOf, openBundle, verifiedPath, writeManifest } from './bundle.ts';
import type { Arch, Catalogue } from './catalogue.ts';
import { digestOfFile, sha256Of } from './digest.ts';
import { imagesFor } from './fitting.ts';
import { createFetch, type Fetch } from './http.ts';
import { writeImageArchive } from './image-archive.ts';
import { checkUnchanged, openLock } from './lock.ts';
import { nameOf, RegistryClient } from './registry.ts';
import { artefactsOf } from './resolve.ts';

export interface CreateBundleOptions {
  /** Its Kubernetes version and mirror count; a bundle that it names does not. */
  testbed: Testbed;
  arches: readonly Arch[];
  /** Made when it is missing; what is in it already and right is not fetched again. */
  folder: string;
  catalogue: Catalogue;
  /** Versions of Kubernetes; two minors for an upgrade. The testbed's alone when left out. */
  kubernetes?: readonly string[];
  /** Shared with runs on this computer. */
  cacheFolder?: string;
  fetch?: Fetch;
  signal?: AbortSignal;
  attempts?: number;
  waitMs?: (attempt: number) => number;
  onProgress?: (progress: BundleProgress) => void;
}

export interface BundleProgress {
  /** What is being fetched: "kubeadm 1.36.2 amd64", an image's name. */
  what: string;
  /** Of all that the bundle will hold; an archive of images counts as one. */
  done: number;
  total: number;
  /** Of what is being fetched now, where it is known. */
  bytes?: number;
}

export interface CreatedBundle {
  folder: string;
  entries: readonly BundleEntry[];
  /** Optional artefacts that could not be had, and why. */
  leftOut: string[];
}

interface Part {
  name: string;
  version: string;
  arch: Arch;
  extension: string;
  make(target: string): Promise<void>;
  optional: boolean;
  /** What it is made of, where another making of it would have to be compared with; null: the file's own digest. */
  identity(): Promise<string | null>;
}

/**
 * Downloads everything that a testbed needs into a folder, for hosts without internet: programs by their publishers' checksums, container
 * images by their registries' digests. Each file counts once it is in manifest.json, so that a run that was cut short is gone on with.
 * artefacts.lock.json beside it keeps the digests: another making of the same bundle holds the same bytes, or is refused.
 * @throws Failure (artefact, cancelled)
 */
export async function createBundle(options: CreateBundleOptions): Promise<CreatedBundle> {
  const { folder } = options;
  await mkdir(folder, { recursive: true });
  const parts = partsOf(options, await networkImages(options.testbed));
  const entries = new Map((await goodEntries(folder)).map((entry) => [keyOf(entry), entry]));
  const lock = await openLock(folder);
  const leftOut: string[] = [];
  let done = 0;
  for (const part of parts) {
    const key = keyOf(part);
    options.onProgress?.({ what: `${part.name} ${part.version} ${part.arch}`, done: done++, total: parts.length });
    try {
      const identity = await part.identity();
      if (identity !== null) checkUnchanged(lock, key, { version: part.version, digest: identity, source: 'bundle' });
      if (entries.has(key)) continue;
      const file = `${part.name}-${part.version}-${part.arch}${part.extension}`;
      await part.make(path.join(folder, file));
      const sha256 = await digestOfFile(path.join(folder, file));
      entries.set(key, { name: part.name, version: part.version, arch: part.arch, file, sha256 });
      await writeManifest(folder, [...entries.values()]);
      if (identity !== null) await lock.set(key, { version: part.version, digest: identity, source: 'bundle' });
    } catch (error) {
      if (!part.optional || options.signal?.aborted) throw error;
      leftOut.push(`${key}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  await rm(path.join(folder, blobFolderName), { recursive: true, force: true });
  return { folder, entries: [...entries.values()], leftOut };
}

const blobFolderName = '.blobs';

/** Entries of a bundle that is there already, as far as their files are right. */
async function goodEntries(folder: string): Promise<BundleEntry[]> {
  const bundle = await openBundle(folder).catch(() => null);
  if (bundle === null) return [];
  const checked = await Promise.all(
    bundle.entries.map((entry) =>
      verifiedPath(bundle, entry).then(
        () => [entry],
        () => [],
      ),
    ),
  );
  return checked.flat();
}

/** Images of the pod networks that clusters take from manifests. @throws Failure (invalid-file) */
async function networkImages({ clusters }: Testbed): Promise<string[]> {
  const files = Object.keys(clusters).flatMap((cluster) => manifestOf(cluster, { clusters }) ?? []);
  const manifests = await Promise.all([...new Set(files)].map(readNetworkManifest));
  return [...new Set(manifests.flatMap(({ images }) => images))];
}

function partsOf(options: CreateBundleOptions, network: readonly string[]): Part[] {
  const { testbed, arches, kubernetes = [testbed.kubernetes.version] } = options;
  const fetch = options.fetch ?? createFetch();
  const registry = new RegistryClient({ ...options, fetch, mirror: testbed.artefacts.mirror, onProgress: undefined });
  return [...new Set(arches)].flatMap((arch) =>
    [...new Set(kubernetes)].flatMap((version, index) => [
      ...programParts({ ...options, fetch }, arch, version, index === 0),
      ...imageParts(options, registry, arch, version, index === 0 ? network : null),
    ]),
  );
}

/** Programs of every version of Kubernetes; the others once. */
function programParts(options: CreateBundleOptions, arch: Arch, kubernetes: string, first: boolean): Part[] {
  const { catalogue, testbed, folder } = options;
  const artefacts = artefactsOf(
    { ...testbed, kubernetes: { ...testbed.kubernetes, version: kubernetes }, artefacts: { mirror: testbed.artefacts.mirror } },
    { ...options, catalogue, stateFolder: folder },
  );
  return Object.entries(catalogue.artefacts)
    .filter(([, entry]) => first || entry.version === 'kubernetes')
    .map(([name, entry]) => ({
      name,
      version: entry.version === 'kubernetes' ? kubernetes : entry.version,
      arch,
      // What stays packed says so.
      extension: entry.kind === 'binary' ? (/\.(tgz|tar\.gz)$/.exec(entry.url ?? '')?.[0] ?? '') : '',
      optional: entry.optional,
      identity: () => Promise.resolve(null),
      async make(target) {
        const { localPath } = await artefacts.resolve(name, arch);
        await copyFile(localPath, `${target}.part`, fileConstants.COPYFILE_FICLONE);
        await rename(`${target}.part`, target);
      },
    }));
}

function imageParts(
  options: CreateBundleOptions,
  registry: RegistryClient,
  arch: Arch,
  kubernetes: string,
  /** References of a pod network's; null: not the first version of Kubernetes, and what follows none is there already. */
  network: readonly string[] | null,
): Part[] {
  const { catalogue, folder } = options;
  const blobs = path.join(folder, blobFolderName);
  const karmada = catalogue.artefacts.karmadactl?.version ?? kubernetes;
  const archives = new Map(imagesFor(catalogue, kubernetes));
  if (network !== null && network.length > 0) archives.set('images-network', [...network]);
  return [...archives].flatMap(([name, references]): Part[] => {
    const isKarmadas = catalogue.images[name]?.some((template) => template.includes('{karmada}')) === true;
    if (isKarmadas && network === null) return [];
    const find = once(() => inOrder(references, (reference) => registry.find(reference, arch)));
    return [
      {
        name,
        version: isKarmadas ? karmada : kubernetes,
        arch,
        extension: '.tar',
        optional: false,
        identity: async () =>
          sha256Of((await find()).map((found) => `${nameOf(found.reference)} ${found.manifest.digest}\n`).join('')),
        async make(target) {
          const found = await find();
          const images = await inOrder(found, (image) =>
            registry.pull(image, blobs, (bytes) =>
              options.onProgress?.({ what: nameOf(image.reference), done: 0, total: references.length, bytes }),
            ),
          );
          await writeImageArchive(target, images, new Map(found.map(({ manifest, body }) => [manifest.digest, body])), blobs);
        },
      },
    ];
  });
}

/** One after the other: registries answer many at once with 429. */
async function inOrder<T, R>(values: readonly T[], work: (value: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const value of values) results.push(await work(value));
  return results;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
