import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { Failure } from '../run/failure.ts';

export const archSchema = z.enum(['amd64', 'arm64']);
export type Arch = z.infer<typeof archSchema>;

const npmSourceSchema = z.strictObject({
  package: z.string().min(1),
  /** Subresource integrity of the package's tarball, pinned: "sha512-…". */
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]+=*$/),
});

export const catalogueEntrySchema = z
  .strictObject({
    /** A version, or "kubernetes" for the version that the testbed file asks for. */
    version: z.string().min(1),
    kind: z.enum(['binary', 'archive']),
    /** Path of the wanted file inside an archive (tar, gzip). */
    member: z.string().optional(),
    /** What can be done without: a bundle may leave it out. */
    optional: z.boolean().default(false),
    /** URL template with {version} and {arch}. */
    url: z.string().optional(),
    /** sha256 of the file in hex, or URL template of a checksum file (plain, or lines of `sha256  name`). */
    checksum: z.string().optional(),
    npm: z.record(archSchema, npmSourceSchema).optional(),
  })
  .refine((entry) => (entry.url !== undefined && entry.checksum !== undefined) || entry.npm !== undefined, {
    message: 'needs a url with its checksum, or an npm package with its integrity',
  })
  .refine((entry) => entry.kind === 'binary' || entry.member !== undefined, { message: 'an archive needs the member to take' });
export type CatalogueEntry = z.infer<typeof catalogueEntrySchema>;

/** assets/catalogue.yaml: what a testbed is made of and where its publishers keep it. */
export const catalogueSchema = z.strictObject({
  artefacts: z.record(z.string(), catalogueEntrySchema),
  pauseImage: z.string().min(1),
});
export type Catalogue = z.infer<typeof catalogueSchema>;

/** @throws Failure (invalid-file) when the catalogue does not fit its schema. */
export async function readCatalogue(path: string): Promise<Catalogue> {
  const parsed = catalogueSchema.safeParse(parse(await readFile(path, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new Failure({ code: 'invalid-file', cause: `${path}: ${z.prettifyError(parsed.error)}` });
}

export const fillIn = (template: string, version: string, arch: Arch): string =>
  template.replaceAll('{version}', version).replaceAll('{arch}', arch);
