import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Failure } from '../../run/failure.ts';
import { checkManifests } from '../preflight/manifests.ts';
import { exampleTestbed } from '../support/context-double.ts';
import { readNetworkManifest } from './manifest.ts';

const folder = mkdtempSync(join(tmpdir(), 'mlsysops-network-'));
const file = join(folder, 'network.yml');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const read = (text: string) => {
  writeFileSync(file, text);
  return readNetworkManifest(file);
};

/** What counts of flannel's own. */
const flannel = `---
kind: Namespace
apiVersion: v1
metadata: {name: kube-flannel}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-flannel-ds, namespace: kube-flannel}
spec:
  template:
    spec:
      initContainers:
      - {name: install-cni-plugin, image: "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel3", command: [cp]}
      - {name: install-cni, image: "ghcr.io/flannel-io/flannel:v0.28.9", command: [cp]}
      containers:
      - {name: kube-flannel, image: "ghcr.io/flannel-io/flannel:v0.28.9", command: [/opt/bin/flanneld]}
`;

describe('the manifest of a pod network', () => {
  it('names the images that a bundle must have for it, each once', async () => {
    const { text, images } = await read(flannel);
    expect(text).toBe(flannel);
    expect(images).toEqual(['ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel3', 'ghcr.io/flannel-io/flannel:v0.28.9']);
    const list = `apiVersion: v1\nkind: List\nitems:\n${flannel
      .split('---\n')
      .slice(1)
      .map((one) => `- ${one.trim().replaceAll('\n', '\n  ')}`)
      .join('\n')}\n`;
    expect((await read(list)).images).toEqual(images);
  });

  it('is seen to fit its cluster before anything is installed', async () => {
    const flannelOf = (configuration: string) =>
      `${flannel}---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: kube-flannel-cfg}\ndata:\n  net-conf.json: |\n    ${configuration}\n`;
    const checked = async (text: string) => {
      writeFileSync(file, text);
      const testbed = exampleTestbed();
      testbed.clusters.cluster1!.network = { manifest: file };
      const { checks, overlays } = await checkManifests(testbed);
      return { told: checks.map(({ host, severity, remedy }) => [host, severity, remedy ?? '']), overlays };
    };
    const vxlan = (network: string, more = '') => `{ "Network": "${network}", "Backend": { "Type": "vxlan"${more} } }`;
    expect(await checked(flannelOf(vxlan('10.12.0.0/16')))).toEqual({ told: [['master-1', 'ok', '']], overlays: ['cluster1'] });
    expect(await checked(flannelOf(vxlan('10.12.0.0/16', ', "Port": 9000')))).toMatchObject({ overlays: [] });
    // As flannel's own has it.
    expect(await checked(flannelOf(vxlan('10.244.0.0/16')))).toEqual({
      told: [['master-1', 'error', expect.stringContaining('clusters.cluster1.podCidr: 10.244.0.0/16')]],
      overlays: ['cluster1'],
    });
    for (const text of [flannel, flannelOf('{ no json'), flannelOf('[]')])
      expect(await checked(text)).toEqual({ told: [['master-1', 'ok', '']], overlays: [] });
    expect(await checked('')).toMatchObject({ told: [['master-1', 'error', expect.stringContaining('Name a YAML file')]] });
    expect(await checkManifests(exampleTestbed())).toEqual({ checks: [], overlays: [] });
  });

  it('is refused in a sentence when it is none', async () => {
    await expect(readNetworkManifest(join(folder, 'none.yml'))).rejects.toThrow(/cannot be read \(ENOENT\).*kube-flannel\.yml/);
    for (const [text, why] of [
      ['', /is empty/],
      ['---\n# nothing\n', /is empty/],
      ['kind: [', /is no YAML/],
      ['just words', /no Kubernetes object/],
      ['a: 1\n---\nkind: Pod\napiVersion: v1\n', /no Kubernetes object/],
    ] as const)
      await expect(read(text)).rejects.toThrow(why);
  });

  it('of any kind is read, or refused with a typed failure', async () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
      .split('')
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`).join(',')}]`)
      .join('\n')}\n`;
    const texts = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.json(),
      fc.constant(bomb),
      fc.string().map((end) => flannel + end),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        await read(text).catch((error: unknown) => expect(error).toBeInstanceOf(Failure));
      }),
      { numRuns: 150 },
    );
  });
});
