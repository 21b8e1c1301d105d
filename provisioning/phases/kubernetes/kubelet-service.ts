import type { Step } from '../../run/phase.ts';
import { fileStep } from '../support/files.ts';

/** As the packages of Kubernetes ship it, with kubelet in /usr/local/bin. */
const unit = `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
`;

const dropIn = `# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# This is a file that "kubeadm init" and "kubeadm join" generates at runtime, populating the KUBELET_KUBEADM_ARGS variable dynamically
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`;

export const kubeletServiceStep: Step = fileStep({
  id: 'kubelet-service',
  title: "Set up kubelet's service",
  files: [
    { path: '/etc/systemd/system/kubelet.service', mode: '0644', content: unit },
    { path: '/etc/systemd/system/kubelet.service.d/10-kubeadm.conf', mode: '0644', content: dropIn },
  ],
  also: ['systemctl is-enabled -q kubelet 2>/dev/null'],
  afterwards: 'systemctl daemon-reload\nsystemctl enable -q kubelet',
  undo: ['systemctl disable -q --now kubelet 2>/dev/null'],
});
