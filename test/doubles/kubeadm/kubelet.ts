import { mkdirSync, writeFileSync } from 'node:fs';
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
