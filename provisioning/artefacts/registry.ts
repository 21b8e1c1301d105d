import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Arch } from './catalogue.ts';
import { digestOfFile, sha256Of } from './digest.ts';
import { artefactFailure, type DownloadOptions, fetchBytes, fetchFile, throughMirror } from './download.ts';

/** "registry.k8s.io/pause:3.10.2", taken apart; a name without a registry is Docker Hub's, as everywhere. */
export interface ImageReference {
  registry: string;
  repository: string;
  tag: string;
  /** "sha256:…", when the reference pins one. */
  digest?: string;
}

const nameSchema = z.string().regex(/^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/);
const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** @throws Failure (artefact) for what is no reference with a tag */
export function parseReference(text: string): ImageReference {
  const match = /^(?:([a-z0-9][a-z0-9.-]*(?::\d+)?)\/)?([^:@]+):([\w][\w.-]{0,127})(?:@(sha256:[0-9a-f]{64}))?$/.exec(text);
  const [, host, name = '', tag = '', digest] = match ?? [];
  const isHost = host !== undefined && (/[.:]/.test(host) || host === 'localhost');
  const registry = isHost ? host : 'docker.io';
  const path = isHost || host === undefined ? name : `${host}/${name}`;
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (match === null || !nameSchema.safeParse(repository).success)
    throw artefactFailure(`"${text}" is not a container image with a tag`, undefined, 'Write it as registry/name:tag');
  return { registry, repository, tag, ...(digest === undefined ? {} : { digest }) };
}

/** As containerd names an imported image. */
export const nameOf = ({ registry, repository, tag }: ImageReference): string => `${registry}/${repository}:${tag}`;

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  list: 'application/vnd.docker.distribution.manifest.list.v2+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const;

const descriptorSchema = z.object({ mediaType: z.string(), digest: digestSchema, size: z.int().min(0) });
export type Descriptor = z.infer<typeof descriptorSchema>;
const manifestSchema = z.object({
  mediaType: z.enum([mediaTypes.manifest, mediaTypes.dockerManifest]).optional(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema).max(512),
});
const indexSchema = z.object({
  manifests: z.array(descriptorSchema.extend({ platform: z.object({ architecture: z.string(), os: z.string() }).optional() })),
});
const configSchema = z.object({ architecture: z.string(), os: z.string() });
const tokenSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/** An image whose blobs (manifest, configuration, layers) all lie in a folder, each in a file named by its sha256. */
export interface PulledImage {
  name: string;
  manifest: Descriptor;
  blobs: Descriptor[];
}

export interface RegistryOptions extends DownloadOptions {
  mirror?: string;
}

/** What an image is for one architecture, without its layers. */
interface FoundImage {
  reference: ImageReference;
  manifest: Descriptor;
  body: Buffer;
  parts: Descriptor[];
}

/** Only tests and a laptop's own registry speak plain HTTP. */
const isLoopback = (registry: string): boolean => /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(registry);

/** Pulls images by the OCI distribution API, without credentials. One per bundle: it keeps tokens. */
export class RegistryClient {
  readonly #options: RegistryOptions;
  /** By registry and repository. */
  readonly #tokens = new Map<string, string>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** The image's manifest for an architecture, digests checked. @throws Failure (artefact). */
  async find(text: string, arch: Arch): Promise<FoundImage> {
    const reference = parseReference(text);
    const first = await this.#manifest(reference, reference.digest ?? reference.tag);
    const index = parsed(indexSchema, first.body, text);
    if (index === null) return this.#found(reference, first.body, first.mediaType, arch);
    const entry = index.manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === arch);
    if (entry === undefined) throw artefactFailure(`${text} is not published for ${arch}`);
    const second = await this.#manifest(reference, entry.digest);
    return this.#found(reference, second.body, second.mediaType, arch);
  }

  /** Fetches what is missing of the image's blobs into a folder. @throws Failure (artefact). */
  async pull(found: FoundImage, folder: string, onBytes: (bytes: number) => void = () => {}): Promise<PulledImage> {
    const { reference, manifest, parts } = found;
    await mkdir(folder, { recursive: true });
    for (const part of parts) {
      const file = blobPath(folder, part);
      if (await isThere(file, part.size)) continue;
      await this.#authorised(reference, (headers) =>
        fetchFile(this.#url(reference, `blobs/${part.digest}`), part.digest.slice('sha256:'.length), file, {
          ...this.#options,
          headers,
          maxBytes: part.size,
          onProgress: onBytes,
        }),
      );
      if (!(await isThere(file, part.size)))
        throw artefactFailure(`a part of ${nameOf(reference)} has another size than its manifest says`);
    }
    return { name: nameOf(reference), manifest, blobs: parts };
  }

  async #found(reference: ImageReference, body: Buffer, mediaType: string | null, arch: Arch): Promise<FoundImage> {
    const name = nameOf(reference);
    const read = parsed(manifestSchema, body, name);
    if (read === null) throw artefactFailure(`${name} has a manifest of a kind that containerd cannot import`);
    const { body: configuration } = await this.#authorised(reference, (headers) =>
      fetchBytes(this.#url(reference, `blobs/${read.config.digest}`), { ...this.#options, headers, maxBytes: 4 * 1024 ** 2 }),
    );
    if (`sha256:${sha256Of(configuration)}` !== read.config.digest)
      throw artefactFailure(`the configuration of ${name} does not have the digest of its manifest`);
    const platform = parsed(configSchema, configuration, name);
    if (platform?.os !== 'linux' || platform.architecture !== arch) throw artefactFailure(`${name} is not published for ${arch}`);
    const type = read.mediaType ?? (mediaType === mediaTypes.dockerManifest ? mediaType : mediaTypes.manifest);
    return {
      reference,
      manifest: { mediaType: type, digest: `sha256:${sha256Of(body)}`, size: body.length },
      body,
      parts: [read.config, ...read.layers],
    };
  }

  async #manifest(reference: ImageReference, tagOrDigest: string): Promise<{ body: Buffer; mediaType: string | null }> {
    const { body, response } = await this.#authorised(reference, (headers) =>
      fetchBytes(this.#url(reference, `manifests/${tagOrDigest}`), {
        ...this.#options,
        headers: { ...headers, accept: Object.values(mediaTypes).join(', ') },
        maxBytes: 4 * 1024 ** 2,
      }),
    );
    const actual = `sha256:${sha256Of(body)}`;
    const promised = tagOrDigest.startsWith('sha256:') ? tagOrDigest : (response.headers.get('docker-content-digest') ?? actual);
    if (promised !== actual)
      throw artefactFailure(`the manifest of ${nameOf(reference)} does not have its digest (${actual}, not ${promised})`);
    return { body, mediaType: response.headers.get('content-type') };
  }

  #url({ registry, repository }: ImageReference, rest: string): string {
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
    if (isLoopback(registry)) return `http://${host}/v2/${repository}/${rest}`;
    return throughMirror(`https://${host}/v2/${repository}/${rest}`, this.#options.mirror);
  }

  /** Registries refuse first, and say where anybody may get a token. */
  async #authorised<T>(reference: ImageReference, ask: (headers: Record<string, string>) => Promise<T>): Promise<T> {
    const key = `${reference.registry}/${reference.repository}`;
    const known = this.#tokens.get(key);
    const headers: Record<string, string> = known === undefined ? {} : { authorization: `Bearer ${known}` };
    try {
      return await ask(headers);
    } catch (error) {
      const challenge = await this.#challenge(reference, headers);
      if (challenge === null) throw error;
      const token = await this.#token(reference, challenge);
      this.#tokens.set(key, token);
      return ask({ authorization: `Bearer ${token}` });
    }
  }

  async #challenge(reference: ImageReference, headers: Record<string, string>): Promise<string | null> {
    const manifest = this.#url(reference, `manifests/${reference.digest ?? reference.tag}`);
    try {
      const { response } = await fetchBytes(manifest, {
        ...this.#options,
        attempts: 1,
        headers: { ...headers, accept: Object.values(mediaTypes).join(', ') },
        accept: ({ status }) => status === 401,
      });
      return response.status === 401 ? response.headers.get('www-authenticate') : null;
    } catch {
      // The first error says more than this one.
      return null;
    }
  }

  async #token(reference: ImageReference, challenge: string): Promise<string> {
    const parameters = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((match) => [match[1], match[2] ?? '']));
    const realm = parameters.get('realm');
    const url = realm !== undefined && /^Bearer /i.test(challenge) && URL.canParse(realm) ? new URL(realm) : null;
    if (url === null || !(url.protocol === 'https:' || (isLoopback(reference.registry) && isLoopback(url.host))))
      throw artefactFailure(
        `${reference.registry} wants credentials for ${reference.repository}`,
        undefined,
        'Only public images can be put into a bundle; name a mirror in artefacts.mirror that has this one',
      );
    const service = parameters.get('service');
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', `repository:${reference.repository}:pull`);
    const { body } = await fetchBytes(url.href, this.#options);
    const answer = parsed(tokenSchema, body, url.host);
    const token = answer?.token ?? answer?.access_token;
    // It goes into a header.
    if (token === undefined || !/^[\x21-\x7e]+$/.test(token))
      throw artefactFailure(`${url.host} gives no token for ${nameOf(reference)}`);
    return token;
  }
}

export const blobPath = (folder: string, { digest }: Descriptor): string => path.join(folder, digest.slice('sha256:'.length));

/** Null when it is JSON of another shape. @throws Failure (artefact) when it is no JSON */
function parsed<T>(schema: z.ZodType<T>, body: Buffer, from: string): T | null {
  try {
    return schema.safeParse(JSON.parse(body.toString('utf8'))).data ?? null;
  } catch (error) {
    throw artefactFailure(`what is said of ${from} is not JSON`, error);
  }
}

async function isThere(file: string, size: number): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found !== null && found.size === size && (await digestOfFile(file)) === path.basename(file);
}
