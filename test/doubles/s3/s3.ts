import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { authorization, type Credentials, sha256 } from '../../../agents/storage/signature.ts';

interface Bucket {
  location: string;
  objects: number;
  isVersioned: boolean;
  /** Bodies as they were put. */
  encryption: string | undefined;
  replication: string | undefined;
}

/**
 * DOUBLE of an S3 service: buckets with location, versioning, encryption and replication, over HTTP, refusing what S3 refuses (a wrong signature, a bucket
 * that is not there, is not empty, or keeps no versions). It stores no objects: a test says how many there are.
 */
export class S3Double {
  readonly buckets = new Map<string, Bucket>();
  /** "PUT ingest?encryption", for those that change something. */
  readonly changes: string[] = [];
  /** What is refused from now on, as in `changes`. */
  readonly refused = new Set<string>();
  readonly #server: Server;
  readonly #credentials: Credentials;

  private constructor(credentials: Credentials) {
    this.#credentials = credentials;
    this.#server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { status, text } = this.#answer(request, body);
      response.writeHead(status, { 'content-type': 'application/xml' }).end(text);
    });
  }

  static async start(credentials: Credentials): Promise<S3Double> {
    const double = new S3Double(credentials);
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve));
    return double;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, body: string): { status: number; text: string } {
    const url = new URL(request.url ?? '/', this.endpoint);
    const method = request.method ?? '';
    if (!this.#isSigned(request, url, body)) return refusal(403, 'SignatureDoesNotMatch', 'The signature does not match.');
    const name = decodeURIComponent(url.pathname.slice(1));
    const [what = ''] = [...url.searchParams.keys()].filter((key) => key !== 'max-keys');
    const call = `${method} ${name}${what && `?${what}`}`;
    if (this.refused.has(call)) return refusal(503, 'SlowDown', 'Please reduce your request rate.');
    const bucket = this.buckets.get(name);
    if (method !== 'GET') this.changes.push(call);
    if (method === 'PUT' && what === '') {
      if (bucket) return refusal(409, 'BucketAlreadyOwnedByYou', 'You own it already.');
      const location = /<LocationConstraint>([^<]+)</.exec(body)?.[1] ?? 'us-east-1';
      this.buckets.set(name, { location, objects: 0, isVersioned: false, encryption: undefined, replication: undefined });
      return done('');
    }
    if (!bucket) return refusal(404, 'NoSuchBucket', 'The specified bucket does not exist');
    switch (`${method} ${what}`) {
      case 'GET location':
        return done(
          bucket.location === 'us-east-1'
            ? '<LocationConstraint/>'
            : `<LocationConstraint>${bucket.location}</LocationConstraint>`,
        );
      case 'GET versions':
        return done(`<ListVersionsResult>${bucket.objects > 0 ? '<Version><Key>a</Key></Version>' : ''}</ListVersionsResult>`);
      case 'GET encryption':
        return bucket.encryption === undefined
          ? refusal(
              404,
              'ServerSideEncryptionConfigurationNotFoundError',
              'The server side encryption configuration was not found',
            )
          : done(bucket.encryption);
      case 'GET replication':
        return bucket.replication === undefined
          ? refusal(404, 'ReplicationConfigurationNotFoundError', 'The replication configuration was not found')
          : done(bucket.replication);
      case 'PUT versioning':
        bucket.isVersioned = true;
        return done('');
      case 'PUT encryption':
      case 'DELETE encryption':
        bucket.encryption = method === 'PUT' ? body : undefined;
        return done('');
      case 'DELETE replication':
        bucket.replication = undefined;
        return done('');
      case 'PUT replication': {
        const targets = [...body.matchAll(/arn:aws:s3:::([^<]+)</g)].map(([, target = '']) => this.buckets.get(target));
        if (!bucket.isVersioned || targets.some((target) => !target?.isVersioned))
          return refusal(400, 'InvalidRequest', 'Versioning must be Enabled on the bucket to apply a replication configuration');
        bucket.replication = body;
        return done('');
      }
      case 'DELETE ':
        if (bucket.objects > 0) return refusal(409, 'BucketNotEmpty', 'The bucket you tried to delete is not empty');
        this.buckets.delete(name);
        return done('');
      default:
        return refusal(501, 'NotImplemented', call);
    }
  }

  /** By the headers that the client says it has signed. */
  #isSigned(request: IncomingMessage, url: URL, body: string): boolean {
    const given = request.headers.authorization ?? '';
    const names = /SignedHeaders=([^,]+)/.exec(given)?.[1]?.split(';') ?? [];
    const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name] ?? '')]));
    const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(given)?.[1] ?? '';
    if (request.headers['x-amz-content-sha256'] !== sha256(body)) return false;
    return given === authorization({ method: request.method ?? '', url, headers, body, region }, this.#credentials);
  }
}

const done = (text: string) => ({ status: 200, text });
const refusal = (status: number, code: string, message: string) => ({
  status,
  text: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});
