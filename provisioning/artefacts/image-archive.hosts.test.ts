import { execFileSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { useHosts } from '../../test/hosts/fixture.ts';
import { testbedOf } from '../../test/hosts/provision.ts';
import { exampleTestbed } from '../phases/support/context-double.ts';
import { KnownHosts } from '../ssh/known-hosts.ts';
import { SshPool } from '../ssh/pool.ts';
import { createBundle } from './create-bundle.ts';
import { createFetch } from './http.ts';
import { startRegistry } from './registry-double.ts';

// biome-ignore lint/correctness/useHookAtTopLevel: a fixture of tests, not a hook of React
const fixture = useHosts(['management']);

/** A layer with one file in it. */
async function layerOf(folder: string): Promise<Buffer> {
  await mkdir(path.join(folder, 'layer', 'bin'), { recursive: true });
  await writeFile(path.join(folder, 'layer', 'bin', 'program'), 'content of the image');
  await chmod(path.join(folder, 'layer', 'bin', 'program'), 0o755);
  return execFileSync('tar', ['-cf', '-', '-C', path.join(folder, 'layer'), 'bin']);
}

describe('an archive of images from a registry', () => {
  it('is imported by containerd of a real host, under the names that kubeadm asks for', async () => {
    const registry = await startRegistry();
    const pool = new SshPool({ knownHosts: new KnownHosts(fixture.knownHostsFile), agent: null });
    try {
      const layer = await layerOf(fixture.folder);
      for (const [repository, tag] of [
        ['pause', '3.10.2'],
        ['kube-proxy', 'v1.36.2'],
      ] as const)
        registry.publish(repository, tag, layer);
      const names = [`${registry.host}/pause:3.10.2`, `${registry.host}/kube-proxy:v1.36.2`];
      const bundle = await createBundle({
        testbed: exampleTestbed(),
        arches: ['amd64'],
        folder: path.join(fixture.folder, 'bundle'),
        fetch: createFetch(),
        catalogue: {
          artefacts: {},
          distribution: {},
          kubernetes: { '1.36': [{ from: 0, etcd: '3.6.8-0', coredns: 'v1.14.2', pause: '3.10.2' }] },
          images: { images: names as [string, ...string[]] },
        },
      });
      const entry = bundle.entries[0]!;
      const host = testbedOf(fixture, fixture.folder).hosts[0]!;
      const source = path.join(bundle.folder, entry.file);
      await pool.transfer(host, { source, path: '/var/tmp/images.tar', mode: '0600', sha256: entry.sha256 });
      const { stdout, stderr, code } = await pool.execute(
        host,
        `systemctl start containerd || exit 3
ctr -n k8s.io images import /var/tmp/images.tar >&2 || exit 4
ctr -n k8s.io images ls -q | grep -v '^sha256:'
ctr -n k8s.io images check >&2
mkdir -p /mnt/image && ctr -n k8s.io images mount ${names[1]} /mnt/image >&2 && cat /mnt/image/bin/program; umount /mnt/image`,
      );
      // containerd's CRI plugin also names each by the digest of its configuration; those are left out.
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stdout.trim().split('\n').sort()).toEqual([names[1], 'content of the image', names[0]].sort());
    } finally {
      await pool.close();
      registry.close();
    }
  });
});
