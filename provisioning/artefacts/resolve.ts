import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Testbed } from '../testbed/schema.ts';
import { type Bundle, type BundleEntry, keyOf, openBundle, verifiedPath } from './bundle.ts';
import { type Arch, type Catalogue, type CatalogueEntry, fillIn } from './catalogue.ts';
import { digestOfFile } from './digest.ts';
import { artefactFailure, fetchChecksum, fetchFile, throughMirror } from './download.ts';
import { pauseImageFor, whyPackageDoesNotFit } from './fitting.ts';
import { createFetch, type Fetch } from './http.ts';
import { type ArtefactLock, checkUnchanged, type LockEntry, openLock } from './lock.ts';
import { extractMember, packFromNpm } from './packages.ts';

export const defaultCacheFolder = (): string => path.join(homedir(), '.cache', 'mlsysops-desktop', 'artefacts');

/** An artefact as far as it is known without fetching it. */
export interface ArtefactIdentity {
  name: string;
  version: string;
  /** Of what the publisher or the bundle offers; equal digests mean equal bytes on a host. */
  digest: string;
  double?: string;
}

/** A file ready to be sent to a host. */
export interface ResolvedArtefact extends ArtefactIdentity {
  localPath: string;
  sha256: string;
}

/** Artefacts of one testbed: from its bundle, else the cache, else the publisher (or a mirror of it). */
export interface Artefacts {
  /** Cheap: reads the manifest, the lock or the publisher's checksum. @throws Failure (artefact). */
  identify(name: string, arch: Arch): Promise<ArtefactIdentity>;
  /** Fetches when needed, and checks. @throws Failure (artefact), with what helps. */
  resolve(name: string, arch: Arch): Promise<ResolvedArtefact>;
  /** Entries of the bundle for that architecture; none without a bundle. */
  bundled(arch: Arch): Promise<readonly BundleEntry[]>;
  /** False when it is optional and the bundle leaves it out. @throws Failure (artefact) when the bundle cannot be read. */
  has(name: string, arch: Arch): Promise<boolean>;
  /** Who has it for that architecture; null: a bundle, which does not hold it. @throws Failure (artefact) when the bundle cannot be read. */
  offers(name: string, arch: Arch): Promise<'bundle' | 'publisher' | null>;
  /** Why a distribution's package of that version will not do for this testbed; null when it will. */
  whyPackageDoesNotFit(name: string, packageVersion: string): string | null;
  pauseImage: string;
}

export interface ArtefactOptions {
  catalogue: Catalogue;
  stateFolder: string;
  cacheFolder?: string;
  fetch?: Fetch;
  /** How often in a row a download may fail. */
  attempts?: number;
  waitMs?: (attempt: number) => number;
  signal?: AbortSignal;
}

export function artefactsOf(testbed: Testbed, options: ArtefactOptions): Artefacts {
  const { catalogue } = options;
  const cacheFolder = options.cacheFolder ?? defaultCacheFolder();
  const downloading = {
    fetch: options.fetch ?? createFetch(),
    attempts: options.attempts,
    waitMs: options.waitMs,
    signal: options.signal,
  };
  const opened = once(() =>
    testbed.artefacts.bundle === undefined ? Promise.resolve(null) : openBundle(testbed.artefacts.bundle),
  );
  const lock = once(() => openLock(options.stateFolder));

  const fromBundle = async (name: string, arch: Arch): Promise<{ bundle: Bundle; entry: BundleEntry } | null> => {
    const bundle = await opened();
    if (bundle === null) return null;
    const entry = bundle.find(name, arch, testbed.kubernetes.version);
    if (entry !== undefined) return { bundle, entry };
    throw artefactFailure(`the offline bundle ${bundle.folder} has no ${name} for ${arch}`);
  };

  const published = (name: string): CatalogueEntry & { wanted: string } => {
    const entry = catalogue.artefacts[name];
    if (entry === undefined) throw artefactFailure(`the catalogue has no artefact "${name}"`);
    return { ...entry, wanted: entry.version === 'kubernetes' ? testbed.kubernetes.version : entry.version };
  };

  const identifyPublished = async (name: string, arch: Arch): Promise<ArtefactIdentity & { source: string }> => {
    const entry = published(name);
    const known = (await lock()).get(keyOf({ name, version: entry.wanted, arch }));
    if (known !== undefined && known.source !== 'bundle')
      return { name, version: known.version, digest: known.digest, source: known.source };
    const npm = entry.npm?.[arch];
    if (npm !== undefined)
      return { name, version: entry.wanted, digest: npm.integrity, source: `${npm.package}@${entry.wanted}` };
    const source = fillIn(entry.url ?? '', entry.wanted, arch);
    const checksum = fillIn(entry.checksum ?? '', entry.wanted, arch);
    const digest = /^[0-9a-f]{64}$/.test(checksum)
      ? checksum
      : await fetchChecksum(throughMirror(checksum, testbed.artefacts.mirror), path.posix.basename(source), downloading);
    return { name, version: entry.wanted, digest, source };
  };

  /** The same version with other bytes than were installed before is refused; doubles change with every build of them. */
  const checkBundled = async (entry: BundleEntry, arch: Arch): Promise<void> => {
    if (entry.double !== undefined) return;
    const key = keyOf({ name: entry.name, version: entry.version, arch });
    checkUnchanged(await lock(), key, { version: entry.version, digest: entry.sha256, source: 'bundle' });
  };

  const resolveBundled = async (bundle: Bundle, entry: BundleEntry, arch: Arch): Promise<ResolvedArtefact> => {
    await checkBundled(entry, arch);
    const file = await verifiedPath(bundle, entry);
    await remember(await lock(), entry.name, arch, { version: entry.version, digest: entry.sha256, source: 'bundle' });
    const described = { name: entry.name, version: entry.version, digest: entry.sha256, double: entry.double };
    const member = catalogue.artefacts[entry.name]?.member;
    if (member === undefined || !/\.(tgz|tar\.gz)$/.test(entry.file))
      return { ...described, localPath: file, sha256: entry.sha256 };
    const localPath = path.join(cacheFolder, 'unpacked', entry.sha256, entry.name);
    if (!(await exists(localPath))) await extractMember(file, fillIn(member, entry.version, arch), localPath);
    return { ...described, localPath, sha256: await digestOfFile(localPath) };
  };

  const resolvePublished = async (name: string, arch: Arch): Promise<ResolvedArtefact> => {
    const identity = await identifyPublished(name, arch);
    const entry = published(name);
    const { source, ...described } = identity;
    const folder = path.join(cacheFolder, name, `${identity.version}-${arch}`);
    const original = path.join(folder, entry.npm === undefined ? path.posix.basename(source) : `${name}.tgz`);
    if (!(await isIntact(original, identity.digest))) {
      if (entry.npm !== undefined) await packFromNpm(source, identity.digest, original);
      else await fetchFile(throughMirror(source, testbed.artefacts.mirror), identity.digest, original, downloading);
    }
    await remember(await lock(), name, arch, { version: identity.version, digest: identity.digest, source });
    if (entry.member === undefined) return { ...described, localPath: original, sha256: identity.digest };
    const localPath = path.join(cacheFolder, 'unpacked', identity.digest.replaceAll('/', '_'), name);
    if (!(await exists(localPath))) await extractMember(original, fillIn(entry.member, identity.version, arch), localPath);
    return { ...described, localPath, sha256: await digestOfFile(localPath) };
  };

  // Four hosts ask for the same file at once: it is fetched once.
  const identified = keptPerKey<ArtefactIdentity>();
  const resolved = keptPerKey<ResolvedArtefact>();

  return {
    pauseImage: pauseImageFor(catalogue, testbed.kubernetes.version),
    identify: (name, arch) =>
      identified(`${name}/${arch}`, async () => {
        const bundled = await fromBundle(name, arch);
        if (bundled === null) return identifyPublished(name, arch);
        await checkBundled(bundled.entry, arch);
        const { version, sha256, double } = bundled.entry;
        return { name, version, digest: sha256, double };
      }),
    resolve: (name, arch) =>
      resolved(`${name}/${arch}`, async () => {
        const bundled = await fromBundle(name, arch);
        return bundled === null ? resolvePublished(name, arch) : resolveBundled(bundled.bundle, bundled.entry, arch);
      }),
    async bundled(arch) {
      const bundle = await opened();
      if (bundle === null) return [];
      // One of each name: of two versions of Kubernetes, the images of the one that is wanted.
      const names = new Set(bundle.entries.map(({ name }) => name));
      return [...names].flatMap((name) => bundle.find(name, arch, testbed.kubernetes.version) ?? []);
    },
    async offers(name, arch) {
      const bundle = await opened();
      if (bundle === null) return 'publisher';
      return bundle.find(name, arch) === undefined ? null : 'bundle';
    },
    whyPackageDoesNotFit: (name, version) => whyPackageDoesNotFit(catalogue, name, version, testbed.kubernetes.version),
    async has(name, arch) {
      const bundle = await opened();
      return bundle === null || bundle.find(name, arch) !== undefined;
    },
  };
}

const remember = (lock: ArtefactLock, name: string, arch: Arch, entry: LockEntry) =>
  lock.set(keyOf({ name, version: entry.version, arch }), entry);

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

async function isIntact(file: string, digest: string): Promise<boolean> {
  if (!(await exists(file))) return false;
  return digest.startsWith('sha512-')
    ? `sha512-${await digestOfFile(file, 'sha512', 'base64')}` === digest
    : (await digestOfFile(file)) === digest;
}

/** Remembers what is being made under a key; what failed is tried again the next time. */
function keptPerKey<T>(): (key: string, make: () => Promise<T>) => Promise<T> {
  const kept = new Map<string, Promise<T>>();
  return (key, make) => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = make();
    kept.set(key, made);
    made.catch(() => kept.delete(key));
    return made;
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  const kept = keptPerKey<T>();
  return () => kept('', make);
}
