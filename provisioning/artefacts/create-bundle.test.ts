import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exampleTestbed } from '../phases/support/context-double.ts';
import { Failure } from '../run/failure.ts';
import { openBundle, parseManifest, verifyBundle } from './bundle.ts';
import type { Catalogue } from './catalogue.ts';
import { type CreateBundleOptions, createBundle } from './create-bundle.ts';
import { sha256Of } from './digest.ts';
import { createFetch, type Fetch } from './http.ts';
import { parseReference, RegistryClient } from './registry.ts';
import { type RegistryDouble, startRegistry } from './registry-double.ts';
import { artefactsOf } from './resolve.ts';

let folder: string;
let bundle: string;
let registry: RegistryDouble;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'create-bundle-'));
  bundle = path.join(folder, 'bundle');
  registry = await startRegistry();
});
afterEach(async () => {
  registry.close();
  await rm(folder, { recursive: true, force: true });
});

const layer = randomBytes(200_000);
const publishAll = () => {
  for (const version of ['1.35.4', '1.36.2']) registry.publish('kube-apiserver', `v${version}`, layer);
  registry.publish('pause', '3.10.1', layer);
  registry.publish('pause', '3.10.2', layer);
  registry.publish('karmada/karmada-webhook', 'v1.18.2', layer);
};

const catalogue = (): Catalogue => ({
  kubernetes: {
    '1.35': [{ from: 0, etcd: '3.6.6-0', coredns: 'v1.13.1', pause: '3.10.1' }],
    '1.36': [{ from: 0, etcd: '3.6.8-0', coredns: 'v1.14.2', pause: '3.10.2' }],
  },
  images: {
    images: [`${registry.host}/pause:{pause}`],
    'images-control-plane': [`${registry.host}/kube-apiserver:v{kubernetes}`, `${registry.host}/pause:{pause}`],
    'images-karmada': [`${registry.host}/karmada/karmada-webhook:v{karmada}`],
  },
  distribution: {},
  artefacts: {
    kubeadm: {
      version: 'kubernetes',
      kind: 'binary',
      optional: false,
      url: 'https://dl.example/v{version}/{arch}/kubeadm',
      checksum: 'https://dl.example/v{version}/{arch}/kubeadm.sha256',
    },
    karmadactl: {
      version: '1.18.2',
      kind: 'binary',
      optional: true,
      url: 'https://nowhere.example/karmadactl',
      checksum: 'https://nowhere.example/karmadactl.sha256',
    },
  },
});

/** Publishers answer from here, the registry for itself. */
const publishers: Fetch = (url, options) => {
  if (new URL(url).host === registry.host) return createFetch()(url, options);
  if (url.endsWith('kubeadm.sha256')) return Promise.resolve(new Response(sha256Of(url.replace('.sha256', ''))));
  if (url.endsWith('kubeadm')) return Promise.resolve(new Response(url));
  return Promise.reject(new TypeError('fetch failed'));
};
const making = (more: Partial<CreateBundleOptions> = {}): CreateBundleOptions => ({
  testbed: exampleTestbed(),
  arches: ['amd64'],
  folder: bundle,
  catalogue: catalogue(),
  cacheFolder: path.join(folder, 'cache'),
  fetch: publishers,
  attempts: 2,
  waitMs: () => 1,
  ...more,
});

describe('making a bundle', () => {
  it('puts programs and images of both architectures and two versions of Kubernetes into it', async () => {
    publishAll();
    const made = await createBundle(making({ arches: ['amd64', 'arm64'], kubernetes: ['1.35.4', '1.36.2'] }));
    expect(made.entries.map(({ name, version, arch }) => `${name} ${version} ${arch}`).sort()).toEqual(
      ['amd64', 'arm64']
        .flatMap((arch) => [
          ...['1.35.4', '1.36.2'].flatMap((version) =>
            ['images', 'images-control-plane', 'kubeadm'].map((name) => `${name} ${version} ${arch}`),
          ),
          `images-karmada 1.18.2 ${arch}`,
        ])
        .sort(),
    );
    expect(made.leftOut).toEqual([
      expect.stringContaining('karmadactl@1.18.2/amd64: https://nowhere.example'),
      expect.stringContaining('karmadactl@1.18.2/arm64'),
    ]);
    expect(await verifyBundle(bundle)).toEqual({ files: 14, problems: [] });
    const stateFolder = folder;
    const older = artefactsOf(exampleTestbed({ bundle }, { version: '1.35.4' }), { catalogue: catalogue(), stateFolder });
    expect((await older.bundled('arm64')).map(({ name, version }) => `${name} ${version}`)).toEqual([
      'kubeadm 1.35.4',
      'images 1.35.4',
      'images-control-plane 1.35.4',
      'images-karmada 1.18.2',
    ]);
    expect(await readFile((await older.resolve('kubeadm', 'arm64')).localPath, 'utf8')).toContain('v1.35.4/arm64');
  });

  it("puts the images of a pod network's manifest into it, once for all versions of Kubernetes", async () => {
    publishAll();
    registry.publish('flannel-io/flannel', 'v0.28.9', layer);
    const manifest = path.join(folder, 'kube-flannel.yml');
    const image = `${registry.host}/flannel-io/flannel:v0.28.9`;
    await writeFile(manifest, `apiVersion: v1\nkind: Pod\nspec: { containers: [{ name: flannel, image: "${image}" }] }\n`);
    const testbed = exampleTestbed();
    testbed.clusters.cluster1!.network = { manifest };
    const made = await createBundle(making({ testbed, kubernetes: ['1.35.4', '1.36.2'] }));
    const [entry, ...others] = made.entries.filter(({ name }) => name === 'images-network');
    expect(others).toEqual([]);
    const index = execFileSync('tar', ['-xOf', path.join(bundle, entry!.file), 'index.json'], { encoding: 'utf8' });
    expect(index).toContain(image);
    // And the later version of Kubernetes finds them, too.
    const later = artefactsOf(
      { ...exampleTestbed({ bundle }, { version: '1.36.2' }) },
      { catalogue: catalogue(), stateFolder: folder },
    );
    expect((await later.bundled('amd64')).map(({ name }) => name)).toContain('images-network');
  });

  it('gives archives that hold each layer once, and are the same bytes every time', async () => {
    publishAll();
    const first = await createBundle(making());
    const archive = path.join(bundle, 'images-control-plane-1.36.2-amd64.tar');
    const listed = execFileSync('tar', ['-tf', archive], { encoding: 'utf8' }).trim().split('\n');
    expect(listed.slice(0, 2)).toEqual(['oci-layout', 'index.json']);
    // Two images of the same layer: two manifests, one configuration, one layer.
    expect(listed.filter((name) => name.startsWith('blobs/sha256/')).length).toBeLessThanOrEqual(4);
    const index = JSON.parse(execFileSync('tar', ['-xOf', archive, 'index.json'], { encoding: 'utf8' }));
    expect(index.manifests[0].annotations['io.containerd.image.name']).toBe(`${registry.host}/kube-apiserver:v1.36.2`);
    const again = await createBundle(making({ folder: path.join(folder, 'again') }));
    expect(again.entries).toEqual(first.entries);
    expect((await readdir(bundle)).sort()).toContain('artefacts.lock.json');
  });

  it('goes on where it was cut short', async () => {
    publishAll();
    registry.cuts = [50_000];
    await createBundle(making());
    const before = registry.asked.length;
    expect(registry.cuts).toEqual([]);
    await rm(path.join(bundle, 'images-karmada-1.18.2-amd64.tar'));
    await createBundle(making());
    // What is there is not fetched again: the layer of Karmada's image alone.
    const layers = registry.asked.slice(before).filter((asked) => asked.endsWith(`blobs/sha256:${sha256Of(gzipSync(layer))}`));
    expect(new Set(layers)).toEqual(new Set([`/v2/karmada/karmada-webhook/blobs/sha256:${sha256Of(gzipSync(layer))}`]));
    expect(await verifyBundle(bundle)).toMatchObject({ problems: [] });
  });

  it('refuses an image that another one has taken the place of, and says what helps', async () => {
    publishAll();
    await createBundle(making());
    registry.publish('pause', '3.10.2', randomBytes(100));
    await expect(createBundle(making())).rejects.toMatchObject({
      value: {
        cause: expect.stringContaining('images@1.36.2/amd64 is not what was installed before'),
        remedy: expect.stringContaining('delete'),
      },
    });
  });

  it('believes no registry: digests, sizes and architectures are checked', async () => {
    publishAll();
    registry.alter = (asked, body) => (asked.includes('/blobs/') && body.length > 1000 ? Buffer.from(body).reverse() : body);
    await expect(createBundle(making())).rejects.toThrow('does not have the digest that was expected');
    registry.alter = (asked, body) => (asked.includes('/manifests/sha256') ? Buffer.from(`${body.toString()} `) : body);
    await expect(createBundle(making())).rejects.toThrow('does not have its digest');
    registry.alter = (_asked, body) => body;
    registry.publish('pause', '3.10.2', layer, ['arm64']);
    await expect(createBundle(making())).rejects.toThrow('is not published for amd64');
    registry.alter = (asked, body) => (asked.includes('/manifests/') ? Buffer.from('<html>') : body);
    await expect(createBundle(making())).rejects.toThrow('is not JSON');
  });

  it('survives any manifest a registry may answer with', async () => {
    const digest = registry.publish('pause', '1', layer);
    const client = new RegistryClient({ fetch: createFetch(), attempts: 1 });
    const descriptor = fc.record({
      mediaType: fc.string(),
      digest: fc.oneof(fc.string(), fc.constant(digest)),
      size: fc.integer(),
    });
    const hostile = fc.oneof(
      fc.json(),
      fc.record({ config: descriptor, layers: fc.array(descriptor) }).map((value) => JSON.stringify(value)),
      fc.record({ manifests: fc.array(descriptor) }).map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(hostile, async (answer) => {
        registry.alter = (asked, body) => (asked.includes('/manifests/') ? Buffer.from(answer) : body);
        await expect(client.find(`${registry.host}/pause:1`, 'amd64')).rejects.toBeInstanceOf(Failure);
      }),
      { numRuns: 25 },
    );
  });
});

describe('an image reference', () => {
  it('is taken apart as Docker does, or refused', () => {
    expect(parseReference('registry.k8s.io/coredns/coredns:v1.14.2')).toEqual({
      registry: 'registry.k8s.io',
      repository: 'coredns/coredns',
      tag: 'v1.14.2',
    });
    expect(parseReference('karmada/karmada-agent:v1')).toMatchObject({
      registry: 'docker.io',
      repository: 'karmada/karmada-agent',
    });
    expect(parseReference('nginx:1')).toMatchObject({ registry: 'docker.io', repository: 'library/nginx' });
    for (const bad of ['nginx', 'a/../b:1', 'registry.k8s.io/:1', 'http://x/y:1', 'x y:1', ''])
      expect(() => parseReference(bad)).toThrow(Failure);
  });
});

describe('a bundle that came from elsewhere', () => {
  const entry = { name: 'node', version: '1', arch: 'any', sha256: sha256Of('') };

  it('cannot reach out of its folder by paths or links, and all that is wrong is told', async () => {
    await writeFile(path.join(folder, 'secret'), '');
    await createBundle(making({ catalogue: { ...catalogue(), images: {} } }));
    const artefacts = ['link', 'missing'].map((file) => ({ ...entry, name: file, file }));
    await symlink(path.join(folder, 'secret'), path.join(bundle, 'link'));
    await writeFile(path.join(bundle, 'manifest.json'), JSON.stringify({ artefacts }));
    const { problems } = await verifyBundle(bundle);
    expect(problems).toEqual([expect.stringContaining('leads out of the bundle'), expect.stringContaining('cannot be read')]);
    for (const file of ['../secret', '/etc/shadow', 'a/../../b', 'C:\\x', '\\\\host\\x', 'a\0b', ''])
      expect(() => parseManifest(JSON.stringify({ artefacts: [{ ...entry, file }] }), 'm')).toThrow(Failure);
    for (const name of ['../node', 'a b', '$(reboot)', '-rf', ''])
      expect(() => parseManifest(JSON.stringify({ artefacts: [{ ...entry, file: 'f', name }] }), 'm')).toThrow(Failure);
    const twice = { ...entry, file: 'f' };
    expect(() => parseManifest(JSON.stringify({ artefacts: [twice, twice] }), 'm')).toThrow('two entries of the same name');
  });

  it('with any manifest is read or refused, and names no file outside', () => {
    const anything = fc.record({
      name: fc.oneof(fc.string(), fc.constant('node')),
      version: fc.oneof(fc.string(), fc.constant('1')),
      arch: fc.constantFrom('amd64', 'any', 'x'),
      file: fc.oneof(
        fc.string(),
        fc.array(fc.constantFrom('..', '.', 'a', '/', '\\')).map((parts) => parts.join('/')),
      ),
      sha256: fc.constant(entry.sha256),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.record({ artefacts: fc.array(anything) }).map((value) => JSON.stringify(value)),
        ),
        (text) => {
          try {
            for (const { file } of parseManifest(text, '/bundle/manifest.json').artefacts)
              expect(path.join('/bundle', file).startsWith('/bundle/')).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(Failure);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is the same version with the same bytes as before, or refused', async () => {
    await createBundle(making({ catalogue: { ...catalogue(), images: {} } }));
    const options = { catalogue: catalogue(), stateFolder: folder, cacheFolder: path.join(folder, 'cache') };
    await artefactsOf(exampleTestbed({ bundle }), options).resolve('kubeadm', 'amd64');
    const { entries } = await openBundle(bundle);
    await writeFile(path.join(bundle, 'kubeadm-1.36.2-amd64'), 'another');
    const changed = entries.map((old) => ({ ...old, sha256: sha256Of('another') }));
    await writeFile(path.join(bundle, 'manifest.json'), JSON.stringify({ artefacts: changed }));
    await expect(artefactsOf(exampleTestbed({ bundle }), options).identify('kubeadm', 'amd64')).rejects.toMatchObject({
      value: { cause: expect.stringContaining('kubeadm@1.36.2/amd64 is not what was installed before') },
    });
  });
});
