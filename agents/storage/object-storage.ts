import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { authorization, sha256 } from './signature.ts';

export const objectStorageConfigSchema = z.strictObject({
  /** Of anything that speaks S3: https://s3.example.org */
  endpoint: z.url({ protocol: /^https?$/ }),
  /** That requests are signed for. */
  region: z.string().min(1).default('us-east-1'),
  /** JSON {accessKeyId, secretAccessKey}, read anew each time: keys may be changed. */
  credentialsFile: z.string(),
  /** Location constraints that buckets may have there, and which of them the GDPR holds in. */
  locations: z.array(z.strictObject({ name: z.string().min(1), gdpr: z.boolean().default(false) })).min(1),
  /** On whose behalf the service copies to other locations, where it asks for one. */
  replicationRole: z.string().optional(),
});
export type ObjectStorageConfig = z.infer<typeof objectStorageConfigSchema>;

const credentialsSchema = z.object({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) });
const timeoutMs = 10_000;
/** The location that S3 leaves unnamed. */
const unnamed = 'us-east-1';
const xmlns = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

/** The service said no, or was not to be reached. `code` is S3's own ("NoSuchBucket"), '' where there is none. */
export class ObjectStorageError extends Error {
  override readonly name = 'ObjectStorageError';
  readonly code: string;
  constructor(message: string, code = '', options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What S3 says of buckets, and takes for them: where they are, whether they are encrypted, where they are copied to. All methods @throws ObjectStorageError */
export class ObjectStorage {
  readonly #config: ObjectStorageConfig;
  readonly #fetch: typeof fetch;
  readonly #now: () => number;

  /** `now`: real time, which signatures are checked against, in ms since the epoch. */
  constructor(config: ObjectStorageConfig, parts: { fetch: typeof fetch; now: () => number }) {
    this.#config = config;
    this.#fetch = parts.fetch;
    this.#now = parts.now;
  }

  /** undefined when there is no such bucket. */
  async locationOf(bucket: string): Promise<string | undefined> {
    const answer = await this.#unless('NoSuchBucket', this.#ask('GET', bucket, 'location'));
    return answer === undefined ? undefined : elements(answer, 'LocationConstraint')[0] || unnamed;
  }

  async create(bucket: string, location: string): Promise<void> {
    const body =
      location === unnamed
        ? ''
        : `<CreateBucketConfiguration ${xmlns}><LocationConstraint>${escaped(location)}</LocationConstraint></CreateBucketConfiguration>`;
    await this.#ask('PUT', bucket, undefined, body);
  }

  async delete(bucket: string): Promise<void> {
    await this.#ask('DELETE', bucket);
  }

  async isEmpty(bucket: string): Promise<boolean> {
    const answer = await this.#ask('GET', bucket, 'versions', '', { 'max-keys': '1' });
    return !/<(Version|DeleteMarker)>/.test(answer);
  }

  async isEncrypted(bucket: string): Promise<boolean> {
    const none = 'ServerSideEncryptionConfigurationNotFoundError';
    return (await this.#unless(none, this.#ask('GET', bucket, 'encryption'))) !== undefined;
  }

  async setEncrypted(bucket: string, encrypted: boolean): Promise<void> {
    if (!encrypted) return void (await this.#ask('DELETE', bucket, 'encryption'));
    const byDefault =
      '<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>';
    const body = `<ServerSideEncryptionConfiguration ${xmlns}><Rule>${byDefault}</Rule></ServerSideEncryptionConfiguration>`;
    await this.#ask('PUT', bucket, 'encryption', body);
  }

  /** Names of the buckets that everything in this one is copied to. */
  async replicasOf(bucket: string): Promise<string[]> {
    const answer = await this.#unless('ReplicationConfigurationNotFoundError', this.#ask('GET', bucket, 'replication'));
    return elements(answer ?? '', 'Bucket').map((arn) => arn.replace(/^arn:aws:s3:::/, ''));
  }

  /** The buckets must be there, and keep versions: S3 copies between such alone. */
  async setReplicas(bucket: string, replicas: readonly string[]): Promise<void> {
    if (replicas.length === 0) return void (await this.#ask('DELETE', bucket, 'replication'));
    const role = this.#config.replicationRole === undefined ? '' : `<Role>${escaped(this.#config.replicationRole)}</Role>`;
    const rules = replicas.map((replica, index) =>
      [
        `<Rule><ID>to-${escaped(replica)}</ID><Priority>${index + 1}</Priority><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>`,
        `<DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication>`,
        `<Destination><Bucket>arn:aws:s3:::${escaped(replica)}</Bucket></Destination></Rule>`,
      ].join(''),
    );
    const body = `<ReplicationConfiguration ${xmlns}>${role}${rules.join('')}</ReplicationConfiguration>`;
    await this.#ask('PUT', bucket, 'replication', body);
  }

  async keepVersions(bucket: string): Promise<void> {
    const body = `<VersioningConfiguration ${xmlns}><Status>Enabled</Status></VersioningConfiguration>`;
    await this.#ask('PUT', bucket, 'versioning', body);
  }

  /** undefined when S3 says that there is nothing of the kind. */
  async #unless(code: string, answer: Promise<string>): Promise<string | undefined> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof ObjectStorageError && error.code === code) return undefined;
      throw error;
    }
  }

  async #ask(method: string, bucket: string, what?: string, body = '', query: Record<string, string> = {}): Promise<string> {
    const url = new URL(this.#config.endpoint);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${encodeURIComponent(bucket)}`;
    if (what !== undefined) url.searchParams.set(what, '');
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const doing = `${method} bucket ${bucket}${what === undefined ? '' : ` (${what})`}`;
    try {
      const credentials = credentialsSchema.parse(JSON.parse(await readFile(this.#config.credentialsFile, 'utf8')));
      const headers = {
        host: url.host,
        'x-amz-content-sha256': sha256(body),
        'x-amz-date': new Date(this.#now()).toISOString().replaceAll(/[-:]|\.\d+/g, ''),
      };
      const signed = authorization({ method, url, headers, body, region: this.#config.region }, credentials);
      const response = await this.#fetch(url, {
        method,
        headers: { ...headers, authorization: signed },
        ...(body !== '' && { body }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.text();
      if (response.ok) return text;
      const [code = ''] = elements(text, 'Code');
      const [message = `HTTP ${response.status}`] = elements(text, 'Message');
      throw new ObjectStorageError(`${doing}: ${code ? `${code}: ` : ''}${message}`, code);
    } catch (error) {
      if (error instanceof ObjectStorageError) throw error;
      // Of what could not be read of the credentials, nothing is told but that.
      const why =
        error instanceof z.ZodError || error instanceof SyntaxError ? 'the credentials file is no such JSON' : String(error);
      throw new ObjectStorageError(`${doing}: ${why}`, '', { cause: error });
    }
  }
}

/** Texts of all elements of a name; S3's answers have neither attributes nor nesting that matters here. */
const elements = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?(?:/>|>([^<]*)</${name}>)`, 'g'))].map(([, text = '']) =>
    text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&'),
  );

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
