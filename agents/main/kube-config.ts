import { KubeConfig } from '@kubernetes/client-node';

/** @throws Error when no file is named, or it cannot be read. */
export async function readKubeConfig(path: string | undefined, what: string): Promise<KubeConfig> {
  if (path === undefined) throw new Error(`the config names no ${what}`);
  const kubeConfig = new KubeConfig();
  // Paths in it are relative to it.
  kubeConfig.loadFromFile(path);
  return kubeConfig;
}
