import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { Failure } from '../run/failure.ts';
import { versionRangeSchema } from './versions.ts';

export const archSchema = z.enum(['amd64', 'arm64']);
export type Arch = z.infer<typeof archSchema>;

const npmSourceSchema = z.strictObject({
  package: z.string().min(1),
  /** Subresource integrity of the package's tarball, pinned: "sha512-…". */
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]+=*$/),
});

const placeholders = (template: string): string[] => [...template.matchAll(/\{([^}]*)\}?/g)].map((match) => match[1] ?? '');
const holdsOnly = (allowed: readonly string[]) => (template: string) =>
  placeholders(template).every((name) => allowed.includes(name)) && !template.replaceAll(/\{[a-z]+\}/g, '').match(/[{}]/);

/** With {version} and {arch}. Plain HTTP would let anybody on the way change file and checksum together. */
const urlTemplateSchema = z
  .string()
  .regex(/^https:\/\/[^/\s]+\/\S+$/, 'an https:// address')
  .refine(holdsOnly(['version', 'arch']), 'only {version} and {arch} are filled in');

export const catalogueEntrySchema = z
  .strictObject({
    /** A version, or "kubernetes" for the version that the testbed file asks for. */
    version: z.string().min(1),
    kind: z.enum(['binary', 'archive']),
    /** Path of the wanted file inside an archive (tar, gzip). */
    member: z.string().optional(),
    /** What can be done without: a bundle may leave it out. */
    optional: z.boolean().default(false),
    url: urlTemplateSchema.optional(),
    /** sha256 of the file in hex, or URL template of a checksum file (plain, or lines of `sha256  name`). */
    checksum: z.union([z.string().regex(/^[0-9a-f]{64}$/), urlTemplateSchema]).optional(),
    npm: z.record(archSchema, npmSourceSchema).optional(),
  })
  .refine((entry) => (entry.url !== undefined && entry.checksum !== undefined) || entry.npm !== undefined, {
    message: 'needs a url with its checksum, or an npm package with its integrity',
  })
  .refine((entry) => entry.kind === 'binary' || entry.member !== undefined, { message: 'an archive needs the member to take' });
export type CatalogueEntry = z.infer<typeof catalogueEntrySchema>;

const componentsSchema = z.strictObject({
  /** Patch version from which on these hold. */
  from: z.int().min(0),
  /** Image tags, as kubeadm asks for them. */
  etcd: z.string().regex(/^\d+\.\d+\.\d+-\d+$/),
  coredns: z.string().regex(/^v\d+\.\d+\.\d+$/),
  pause: z.string().regex(/^\d+\.\d+(\.\d+)?$/),
});

const imageTemplateSchema = z
  .string()
  .regex(/^[a-z0-9.:-]+\/\S+:[\w{][\w.{}-]*(@sha256:[0-9a-f]{64})?$/, 'registry/name:tag, perhaps with @sha256:…')
  .refine(holdsOnly(['kubernetes', 'etcd', 'coredns', 'pause', 'karmada']), 'an unknown {placeholder}');

const fitSchema = z.strictObject({
  package: versionRangeSchema,
  /** Versions of Kubernetes for which this rule counts; all of them when left out. */
  kubernetes: versionRangeSchema.optional(),
  reason: z.string().min(1),
});

/** assets/catalogue.yaml: what a testbed is made of and where its publishers keep it. */
export const catalogueSchema = z.strictObject({
  artefacts: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/), catalogueEntrySchema),
  /** By minor version, e.g. "1.36"; each list starts at patch 0 and rises. */
  kubernetes: z.record(
    z.string().regex(/^1\.\d+$/),
    z
      .array(componentsSchema)
      .nonempty()
      .refine((sets) => sets.every((set, index) => (index === 0 ? set.from === 0 : set.from > (sets[index - 1]?.from ?? 0))), {
        message: 'starts at patch 0 and rises',
      }),
  ),
  /** Container images by the archive of a bundle that holds them. */
  images: z.record(z.string().regex(/^images(-[a-z0-9-]+)?$/), z.array(imageTemplateSchema).nonempty()),
  distribution: z.record(z.string(), z.array(fitSchema).nonempty()),
});
export type Catalogue = z.infer<typeof catalogueSchema>;

/** @param from where it stands, for the error. @throws Failure (invalid-file) that says what does not fit */
export function parseCatalogue(text: string, from: string): Catalogue {
  try {
    return catalogueSchema.parse(parse(text, { maxAliasCount: 0, logLevel: 'error' }));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Failure(
      {
        code: 'invalid-file',
        cause: `${from}: ${why}`,
        remedy: 'Restore the catalogue that came with the program, or correct it',
      },
      { cause: error },
    );
  }
}

/** @throws Failure (invalid-file) when the catalogue cannot be read or does not fit its schema. */
export async function readCatalogue(path: string): Promise<Catalogue> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Failure({ code: 'invalid-file', cause: `${path} cannot be read` }, { cause: error });
  });
  // Every plan and run reads it: what was understood once is not parsed again, which takes longer than looking at a host.
  if (last?.text !== text || last.path !== path) last = { path, text, catalogue: parseCatalogue(text, path) };
  return last.catalogue;
}
let last: { path: string; text: string; catalogue: Catalogue } | null = null;

export const fillIn = (template: string, version: string, arch: Arch): string =>
  template.replaceAll('{version}', version).replaceAll('{arch}', arch);
