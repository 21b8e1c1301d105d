import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Writes a file that only its user may read, in one piece. */
export async function writePrivate(file: string, content: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await chmod(`${file}.new`, 0o600);
  await rename(`${file}.new`, file);
}

const making = new Map<string, Promise<string>>();

/** Content of a private file, made first when it is not there. Hosts ask for the same one at once: it is made once. */
export function readOrMake(file: string, make: () => Promise<string> | string): Promise<string> {
  const known = making.get(file);
  if (known !== undefined) return known;
  const made = readFile(file, 'utf8')
    .catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      const content = await make();
      await writePrivate(file, content);
      return content;
    })
    .finally(() => making.delete(file));
  making.set(file, made);
  return made;
}

/** Kubeconfig of a cluster ("management", "cluster1", …) or of Karmada ("karmada") on this computer. Its server is the host's own address. */
export const kubeconfigFile = (stateFolder: string, cluster: string): string => path.join(stateFolder, `kubeconfig-${cluster}`);
