import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSampleImage, sampleImage } from './sample-image.ts';

describe("the sample application's image", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'sample-image-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const run = (program: string, args: string[], input?: string) => {
    const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' });
    expect({ program, status, stderr }).toMatchObject({ status: 0 });
    return stdout;
  };

  it('is what containerd takes, and holds all that its program needs', () => {
    const program = path.join(folder, 'program.mjs');
    writeFileSync(program, 'process.stdout.write("made by itself");\n');
    // A small program linked as Node is stands in for its 125 MB.
    const work = path.join(folder, 'work');
    run('sh', ['-eu'], makeSampleImage({ runtime: '/bin/ls', program }, work, 'amd64'));
    run('mkdir', ['-p', path.join(folder, 'image'), path.join(folder, 'root')]);
    run('tar', ['-C', path.join(folder, 'image'), '-xf', `${work}.tar`]);
    const read = (name: string) => readFileSync(path.join(folder, 'image', name));
    const [manifest] = JSON.parse(read('manifest.json').toString());
    expect(manifest).toEqual({ Config: 'config.json', RepoTags: [sampleImage], Layers: ['layer.tar'] });
    const config = JSON.parse(read('config.json').toString());
    const digest = createHash('sha256').update(read('layer.tar')).digest('hex');
    expect(config).toMatchObject({ architecture: 'amd64', os: 'linux', rootfs: { diff_ids: [`sha256:${digest}`] } });
    run('tar', ['-C', path.join(folder, 'root'), '-xf', path.join(folder, 'image', 'layer.tar')]);
    const root = path.join(folder, 'root');
    expect(readFileSync(path.join(root, program), 'utf8')).toBe(readFileSync(program, 'utf8'));
    // With nothing else around it, it starts.
    if (process.getuid?.() === 0) expect(run('chroot', [root, '/bin/ls', '/'])).toMatch(/^bin\n/);
  });
});
