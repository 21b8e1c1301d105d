import { createReadStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { blobPath, type Descriptor, type PulledImage } from './registry.ts';

/** What becomes a member of the archive. */
type Content = Buffer | { file: string; size: number };

/**
 * Writes images as one tar archive in the OCI image layout, which "ctr images import" takes (containerd ≥ 1.5): layers that several images
 * share are in it once. The same images give the same bytes: no times, no owners, sorted.
 * @param blobFolder where RegistryClient.pull put the blobs; `manifests` by digest are the manifests' own bytes
 */
export async function writeImageArchive(
  target: string,
  images: readonly PulledImage[],
  manifests: ReadonlyMap<string, Buffer>,
  blobFolder: string,
): Promise<void> {
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: images.map(({ name, manifest }) => ({
      ...manifest,
      annotations: {
        'io.containerd.image.name': name,
        'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
      },
    })),
  };
  const members = new Map<string, Content>();
  for (const [digest, body] of manifests) members.set(digest, body);
  for (const blob of images.flatMap(({ blobs }) => blobs)) members.set(blob.digest, fileOf(blob, blobFolder));
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
  const file = await open(`${target}.part`, 'w');
  try {
    const add = async (name: string, content: Content) => {
      const size = Buffer.isBuffer(content) ? content.length : content.size;
      await file.appendFile(tarHeader(name, size));
      if (Buffer.isBuffer(content)) await file.appendFile(content);
      else for await (const chunk of createReadStream(content.file, { highWaterMark: 1024 * 1024 })) await file.appendFile(chunk);
      await file.appendFile(Buffer.alloc((512 - (size % 512)) % 512));
    };
    await add('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
    await add('index.json', Buffer.from(JSON.stringify(index)));
    for (const [digest, content] of sorted) await add(`blobs/${digest.replace(':', '/')}`, content);
    // Two empty blocks end an archive.
    await file.appendFile(Buffer.alloc(1024));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${target}.part`, target);
}

const fileOf = (blob: Descriptor, folder: string): Content => ({ file: blobPath(folder, blob), size: blob.size });

/** Header of a regular file in POSIX ustar (IEEE 1003.1, pax): names below 100 bytes, sizes below 8 GiB, which all of ours are. */
function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  header.write(name, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(size, 12), 124);
  header.write(octal(0, 12), 136);
  // The checksum counts itself as spaces.
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
