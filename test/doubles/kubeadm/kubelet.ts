import { mkdirSync, writeFileSync } from 'node:fs';
import { clientFrom } from '../support/kubeconfig.ts';
import { systemctl } from '../support/systemd.ts';

/** Writes what kubelet is started with, and starts it, as kubeadm does. */
export function startKubelet(options: {
  registration: { name: string; kubeletExtraArgs: { name: string; value: string }[] };
  taints: { key: string; effect: string; value?: unknown }[];
  labels: string[];
  configuration: string | null;
}): void {
  mkdirSync('/var/lib/kubelet', { recursive: true });
  writeFileSync(
    '/var/lib/kubelet/config.yaml',
    options.configuration ?? 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n',
  );
  const taints = options.taints.map((taint) => `${taint.key}=${taint.value ?? ''}:${taint.effect}`).join(',');
  const args = [
    `--hostname-override=${options.registration.name}`,
    ...options.registration.kubeletExtraArgs.map(({ name, value }) => `--${name}=${value}`),
    ...(taints === '' ? [] : [`--register-with-taints=${taints}`]),
    ...(options.labels.length === 0 ? [] : [`--node-labels=${options.labels.join(',')}`]),
  ];
  writeFileSync('/var/lib/kubelet/kubeadm-flags.env', `KUBELET_KUBEADM_ARGS="${args.join(' ')}"\n`);
  systemctl('daemon-reload');
  systemctl('restart', 'kubelet');
}

/** kubeadm annotates the Node that kubelet registers, so it waits until there is one. @throws Error after a minute */
export async function awaitNode(name: string): Promise<void> {
  const client = clientFrom('/etc/kubernetes/kubelet.conf');
  try {
    for (let attempt = 0; attempt < 600; attempt++) {
      if (await client.get(`/api/v1/nodes/${name}`)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    client.close();
  }
  throw new Error(`[patchnode] timed out waiting for kubelet to register the node ${name}`);
}
