import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exampleTestbed } from '../phases/support/context-double.ts';
import { addToBundle, doublesOf, openBundle } from './bundle.ts';
import { type Catalogue, readCatalogue } from './catalogue.ts';
import { sha256Of } from './digest.ts';
import { artefactsOf } from './resolve.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'artefacts-'));
  await mkdir(path.join(folder, 'state'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const noNetwork = () => Promise.reject(new TypeError('fetch failed'));
const options = (catalogue: Catalogue, fetch: (url: string) => Promise<Response> = noNetwork) => ({
  catalogue,
  stateFolder: path.join(folder, 'state'),
  cacheFolder: path.join(folder, 'cache'),
  fetch,
  attempts: 1,
});
const shipped = () => readCatalogue(path.join(import.meta.dirname, '..', '..', 'assets', 'catalogue.yaml'));

describe('an offline bundle', () => {
  it('gives what was put in, for any architecture, and names its doubles', async () => {
    await writeFile(path.join(folder, 'kubeadm'), 'double');
    const bundle = path.join(folder, 'bundle');
    const double = { name: 'kubeadm', arch: 'any' as const, source: path.join(folder, 'kubeadm'), double: 'a double of kubeadm' };
    await addToBundle(bundle, { ...double, version: '1.35.6' });
    await addToBundle(bundle, { ...double, version: '1.36.2' });
    const artefacts = artefactsOf(exampleTestbed({ bundle }), options(await shipped()));
    const found = await artefacts.resolve('kubeadm', 'arm64');
    expect(found).toMatchObject({ version: '1.36.2', sha256: sha256Of('double'), double: 'a double of kubeadm' });
    expect(await readFile(found.localPath, 'utf8')).toBe('double');
    expect(doublesOf(await openBundle(bundle))).toEqual(['kubeadm: a double of kubeadm']);
  });

  it('refuses a file that is not the one of its manifest', async () => {
    await writeFile(path.join(folder, 'kubectl'), 'good');
    const bundle = path.join(folder, 'bundle');
    const entry = await addToBundle(bundle, {
      name: 'kubectl',
      version: '1',
      arch: 'amd64',
      source: path.join(folder, 'kubectl'),
    });
    await writeFile(path.join(bundle, entry.file), 'evil');
    const artefacts = artefactsOf(exampleTestbed({ bundle }), options(await shipped()));
    await expect(artefacts.resolve('kubectl', 'amd64')).rejects.toMatchObject({
      value: { code: 'artefact', cause: expect.stringContaining('manifest') },
    });
  });

  it('says what it lacks, and what helps', async () => {
    const bundle = path.join(folder, 'bundle');
    await mkdir(bundle);
    await writeFile(path.join(bundle, 'manifest.json'), '{"artefacts":[]}');
    const artefacts = artefactsOf(exampleTestbed({ bundle }), options(await shipped()));
    await expect(artefacts.resolve('node', 'arm64')).rejects.toMatchObject({
      value: {
        code: 'artefact',
        cause: expect.stringContaining('has no node for arm64'),
        remedy: expect.stringContaining('connected computer'),
      },
    });
    await expect(openBundle(path.join(folder, 'nowhere'))).rejects.toMatchObject({ value: { code: 'artefact' } });
  });

  it('cannot name a file outside of itself', async () => {
    const bundle = path.join(folder, 'bundle');
    await mkdir(bundle);
    const entry = { name: 'node', version: '1', arch: 'any', file: '../node', sha256: sha256Of('') };
    await writeFile(path.join(bundle, 'manifest.json'), JSON.stringify({ artefacts: [entry] }));
    await expect(openBundle(bundle)).rejects.toMatchObject({
      value: { code: 'artefact', cause: expect.stringContaining('a path inside the bundle') },
    });
  });
});

describe('a publisher', () => {
  const packed = async (content: string): Promise<Buffer> => {
    await mkdir(path.join(folder, 'pack'), { recursive: true });
    await writeFile(path.join(folder, 'pack', 'nats-server'), content);
    return execFileSync('tar', ['-czf', '-', '-C', path.join(folder, 'pack'), 'nats-server']);
  };
  const catalogue: Catalogue = {
    kubernetes: { '1.36': [{ from: 0, etcd: '3.6.8-0', coredns: 'v1.14.2', pause: '3.10.2' }] },
    images: {},
    distribution: {},
    artefacts: {
      'nats-server': {
        version: '2.0.0',
        kind: 'archive',
        member: 'nats-server',
        optional: false,
        url: 'https://publisher.example/v{version}/nats-{arch}.tar.gz',
        checksum: 'https://publisher.example/v{version}/SHA256SUMS',
      },
    },
  };

  it('is asked once: then the cache serves, and the lock keeps the digest', async () => {
    const archive = await packed('#!server');
    const asked: string[] = [];
    const publisher = async (url: string): Promise<Response> => {
      asked.push(url);
      return new Response(
        url.endsWith('SHA256SUMS')
          ? `${sha256Of('other')}  nats-arm64.tar.gz\n${sha256Of(archive)}  nats-amd64.tar.gz\n`
          : new Uint8Array(archive),
      );
    };
    const found = await artefactsOf(exampleTestbed(), options(catalogue, publisher)).resolve('nats-server', 'amd64');
    expect(await readFile(found.localPath, 'utf8')).toBe('#!server');
    expect(found.sha256).toBe(sha256Of('#!server'));
    expect(asked).toEqual(['https://publisher.example/v2.0.0/SHA256SUMS', 'https://publisher.example/v2.0.0/nats-amd64.tar.gz']);
    const again = await artefactsOf(exampleTestbed(), options(catalogue)).resolve('nats-server', 'amd64');
    expect(again).toEqual(found);
    const lock = JSON.parse(await readFile(path.join(folder, 'state', 'artefacts.lock.json'), 'utf8'));
    expect(lock['nats-server@2.0.0/amd64']).toMatchObject({ version: '2.0.0', digest: sha256Of(archive) });
  });

  it('is reached through a mirror when there is one', async () => {
    const asked: string[] = [];
    const mirror = async (url: string): Promise<Response> => {
      asked.push(url);
      return new Response(null, { status: 404, statusText: 'Not Found' });
    };
    const artefacts = artefactsOf(exampleTestbed({ mirror: 'https://mirror.example/files' }), options(catalogue, mirror));
    await expect(artefacts.identify('nats-server', 'amd64')).rejects.toMatchObject({
      value: { code: 'artefact', cause: expect.stringContaining('404') },
    });
    expect(asked).toEqual(['https://mirror.example/files/publisher.example/v2.0.0/SHA256SUMS']);
  });

  it('is not believed when the bytes are not those of the checksum', async () => {
    const publisher = async (url: string) =>
      new Response(url.endsWith('SHA256SUMS') ? `${sha256Of('x')}  nats-amd64.tar.gz` : 'y');
    const artefacts = artefactsOf(exampleTestbed(), options(catalogue, publisher));
    await expect(artefacts.resolve('nats-server', 'amd64')).rejects.toMatchObject({
      value: { code: 'artefact', cause: expect.stringContaining('digest') },
    });
  });

  it('out of reach is said with what helps', async () => {
    const artefacts = artefactsOf(exampleTestbed(), options(await shipped()));
    await expect(artefacts.resolve('kubeadm', 'amd64')).rejects.toMatchObject({
      value: {
        cause: expect.stringContaining('v1.36.2/bin/linux/amd64/kubeadm.sha256 cannot be reached'),
        remedy: expect.stringContaining('bundle'),
      },
    });
  });
});
