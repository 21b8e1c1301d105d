import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { Failure } from '../../run/failure.ts';
import { expandHome } from '../../ssh/target.ts';
import type { Testbed } from '../../testbed/schema.ts';

/** Where the manifests of flannel, Calico and Cilium put their plugins, and so where containerd looks for all of them then. */
export const manifestCniFolder = '/opt/cni/bin';

/** Somebody else's pod network for a cluster: the manifest that its publisher has, e.g. flannel's kube-flannel.yml. */
export interface NetworkManifest {
  text: string;
  /** Of all containers, each once. */
  images: string[];
  /** Of flannel's own configuration, where the manifest has it: what it takes pods' addresses from, and whether they travel by VXLAN on UDP 8472. */
  flannel: { network: string; vxlan: boolean } | null;
}

const flannelSchema = z.looseObject({
  Network: z.string(),
  Backend: z.looseObject({ Type: z.string(), Port: z.number().optional() }).optional(),
});
const configurationSchema = z.looseObject({ kind: z.literal('ConfigMap'), data: z.looseObject({ 'net-conf.json': z.string() }) });

const objectSchema = z.looseObject({ apiVersion: z.string().min(1), kind: z.string().min(1) });

/** Name of the manifest's file, where the cluster has one. */
export function manifestOf(cluster: string, testbed: Pick<Testbed, 'clusters'>): string | null {
  const network = testbed.clusters[cluster]?.network;
  return typeof network === 'object' ? network.manifest : null;
}

/** @throws Failure (invalid-file) when it cannot be read, or is no list of Kubernetes objects */
export async function readNetworkManifest(name: string): Promise<NetworkManifest> {
  const refuse = (cause: string, error?: unknown) =>
    new Failure(
      {
        code: 'invalid-file',
        cause: `${name}, the manifest of a pod network, ${cause}`,
        remedy:
          'Name a YAML file with Kubernetes objects, as the publisher of the network has it (flannel: kube-flannel.yml of its release)',
      },
      { cause: error },
    );
  const text = await readFile(expandHome(name), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw refuse(`cannot be read (${error.code ?? error.message})`, error);
  });
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) throw refuse('is empty');
  const images = new Set<string>();
  let flannel: NetworkManifest['flannel'] = null;
  let objects = 0;
  for (const document of documents) {
    const [problem] = document.errors;
    if (problem !== undefined) throw refuse(`is no YAML: ${problem.message.split('\n')[0]}`, problem);
    let value: unknown;
    try {
      // A bounded number of aliases: a file can be made that grows without end.
      value = document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      throw refuse(`cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
    }
    if (value === null) continue;
    if (!objectSchema.safeParse(value).success) throw refuse('has something in it that is no Kubernetes object');
    objects++;
    collectImages(value, images);
    flannel ??= flannelOf(value);
  }
  if (objects === 0) throw refuse('is empty');
  return { text, images: [...images], flannel };
}

function flannelOf(value: unknown): NetworkManifest['flannel'] {
  const configuration = configurationSchema.safeParse(value);
  if (!configuration.success) return null;
  let told: unknown;
  try {
    told = JSON.parse(configuration.data.data['net-conf.json']);
  } catch {
    // Flannel will refuse it itself; nothing can be said of it here.
    return null;
  }
  const read = flannelSchema.safeParse(told);
  if (!read.success) return null;
  const { Network: network, Backend: backend } = read.data;
  return { network, vxlan: backend?.Type === 'vxlan' && (backend.Port === undefined || backend.Port === 8472) };
}

function collectImages(value: unknown, images: Set<string>): void {
  if (Array.isArray(value)) for (const one of value) collectImages(one, images);
  else if (typeof value === 'object' && value !== null)
    for (const [key, one] of Object.entries(value)) {
      if (/^(initC|c)ontainers$/.test(key) && Array.isArray(one))
        for (const container of one) {
          const image: unknown = container?.image;
          if (typeof image === 'string' && image !== '') images.add(image);
        }
      collectImages(one, images);
    }
}
