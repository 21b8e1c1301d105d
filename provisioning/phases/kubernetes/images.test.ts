import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addToBundle } from '../../artefacts/bundle.ts';
import { companionSteps } from '../support/companions.ts';
import { contextDouble, exampleTestbed } from '../support/context-double.ts';
import { toolsOf } from '../support/options.ts';
import { imageSteps } from './images.ts';

const assetsFolder = path.join(import.meta.dirname, '../../../assets');

describe('container images of a bundle', () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'images-'));
    const source = path.join(folder, 'archive.tar');
    writeFileSync(source, 'not looked into here');
    for (const name of ['images', 'images-control-plane', 'images-karmada', 'images-karmada-agent', 'images-lab', 'imagery'])
      await addToBundle(folder, { name, version: '1', arch: 'any', source });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('go to the hosts that run them', async () => {
    const testbed = exampleTestbed({ bundle: folder });
    const context = contextDouble(testbed, folder);
    const tools = toolsOf({ distFolder: folder, assetsFolder, cacheFolder: folder });
    const imported = async (name: string) => {
      const host = context.testbed.hosts.find((one) => one.name === name)!;
      return (await imageSteps(tools, context, host)).map((step) => step.id.replace('import-', ''));
    };
    expect(await imported('management')).toEqual(['images', 'images-control-plane', 'images-karmada', 'images-lab']);
    expect(await imported('master-1')).toEqual(['images', 'images-control-plane', 'images-lab']);
    expect(await imported('worker-1')).toEqual(['images', 'images-lab']);
    // Karmada's agent is a pod in members that join by pull.
    testbed.clusters.cluster1 = { ...testbed.clusters.cluster1!, join: 'pull' };
    expect(await imported('worker-1')).toEqual(['images', 'images-karmada-agent', 'images-lab']);
  });

  it('are in place when containerd has each of them', async () => {
    const context = contextDouble(exampleTestbed({ bundle: folder }), folder);
    const tools = toolsOf({ distFolder: folder, assetsFolder, cacheFolder: folder });
    const [step] = await imageSteps(tools, context, context.testbed.hosts[2]!);
    const note = path.join(folder, 'note');
    const digest = /"\$digest" = (\w+)/.exec(step?.observe ?? '')?.[1];
    const isInPlace = (noted: string[], there: string[]): boolean => {
      writeFileSync(note, noted.map((line) => `${line}\n`).join(''));
      const script = step!.observe.replaceAll('/var/lib/mlsysops/provisioning/installed/images', note);
      return spawnSync('/bin/sh', ['-c', script], { env: { m_images: there.join('\n') } }).status === 0;
    };
    const images = ['registry.k8s.io/pause:3.10', 'lab/camera:1'];
    expect(isInPlace([digest!, ...images], ['other:2', ...images])).toBe(true);
    expect(isInPlace([digest!, ...images], ['registry.k8s.io/pause:3.10', 'lab/camera:12'])).toBe(false);
    expect(isInPlace([digest!, ...images], [])).toBe(false);
    expect(isInPlace(['0'.repeat(64), ...images], images)).toBe(false);
    expect(isInPlace([], images)).toBe(false);
    rmSync(note);
    expect(
      spawnSync('/bin/sh', ['-c', step!.observe.replaceAll('/var/lib/mlsysops/provisioning/installed/images', note)]).status,
    ).not.toBe(0);
  });

  it('are imported alone, even where they hold doubles; programs beside doubles are installed', async () => {
    const source = path.join(folder, 'archive.tar');
    for (const name of ['images-dns', 'etcd'])
      await addToBundle(folder, { name, version: '1', arch: 'any', source, double: 'a stand-in' });
    const context = contextDouble(exampleTestbed({ bundle: folder }), folder);
    const tools = toolsOf({ distFolder: folder, assetsFolder, cacheFolder: folder });
    const host = context.testbed.hosts.find((one) => one.name === 'worker-1')!;
    expect((await companionSteps(tools, context, host)).map((step) => step.id)).toEqual(['install-etcd']);
    expect((await imageSteps(tools, context, host)).map((step) => step.id)).toContain('import-images-dns');
  });
});
