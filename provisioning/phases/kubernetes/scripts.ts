import { containerdSocket } from '../runtime.ts';
import { complain, notesFolder, waitFor } from '../support/shell.ts';
import { keepKernelSettings } from './kernel-settings.ts';
import { keepPacketFilterTables, removeTraces } from './traces.ts';

export const adminKubeconfig = '/etc/kubernetes/admin.conf';
export const kubeadmFile = '/etc/mlsysops/kubeadm.yaml';
/** Written when we begin to make a node, and when it is one: what lies between must be reset before the next try. */
export const begunNote = `${notesFolder}/kubernetes-begun`;
export const doneNote = `${notesFolder}/kubernetes-done`;

/** Its cache of what APIs offer would otherwise stay in root's home. */
const kubectlCache = `${notesFolder}/kubectl-cache`;

export const kubectl = (kubeconfig = adminKubeconfig): string =>
  `kubectl --kubeconfig=${kubeconfig} --cache-dir=${kubectlCache} --request-timeout=10s`;

export const apiReady = (kubeconfig = adminKubeconfig): string => `${kubectl(kubeconfig)} get --raw=/readyz >/dev/null 2>&1`;

/** What was built on the cluster and is worthless without it: Karmada's files, and notes of what was done there. */
const builtOnTop = `/etc/karmada /var/lib/karmada-etcd ${notesFolder}/karmada-begun ${notesFolder}/karmada-done ${notesFolder}/joined-*`;

const reset = `kubeadm reset -f --cri-socket=${containerdSocket}`;

/**
 * Leaves a host ready for kubeadm: what an earlier try of ours left half-way is reset; a node that others made is never touched.
 * `leftover` is the file by which a node shows.
 */
export const clearTheWay = (leftover: string): string => `if [ -e ${begunNote} ]; then
  ${reset} || { ${complain('kubeadm reset of the earlier, unfinished try failed')}; exit 1; }
  rm -rf /etc/kubernetes/manifests /etc/kubernetes/*.conf /etc/kubernetes/pki /var/lib/etcd ${builtOnTop} ${doneNote}
elif [ -e ${leftover} ]; then
  ${complain(`this host is already a Kubernetes node that MLSysOps Desktop did not make (${leftover})`)}
  exit 1
fi
${keepPacketFilterTables}
${keepKernelSettings()}
: >${begunNote}`;

/** The last lines of kubelet, and what it died of when it keeps dying: that alone tells why kubeadm waits in vain. */
export const kubeletSays = `journalctl -u kubelet -n 8 -o cat --no-pager >&2
journalctl -u kubelet -n 200 -o cat --no-pager | grep '"command failed"' | tail -n 1 >&2`;

/** Containers of the control plane that have died, with their last lines. */
const deadContainersSay = `for log in $(find /var/log/pods -name '*.log' -mmin -10 2>/dev/null | sort | tail -n 8); do
  if grep -q . "$log"; then echo "$log:" >&2; tail -n 2 "$log" >&2; fi
done`;

/**
 * Runs a tool of Kubernetes, whose stderr is told as it comes. When it fails, its own reason is told once more, last, after what
 * `meanwhile` tells: the last line is the one that people are shown first.
 */
export const reasonLast = (command: string, meanwhile: string): string => `said=$(mktemp)
  { { ${command} && echo 0 >"$said.code" || echo 1 >"$said.code"; } 2>&1 >&3 | tee "$said" >&2; } 3>&1
  if [ "$(cat "$said.code")" != 0 ]; then
    set +e
    ${meanwhile}
    grep -E '^error|\\[ERROR' "$said" >&2
    rm -f "$said" "$said.code"
    exit 1
  fi
  rm -f "$said" "$said.code"`;

/** kubeadm with its file, and on failure what kubelet and the containers say that it waited for. */
export const kubeadm = (verb: 'init' | 'join'): string =>
  reasonLast(`kubeadm ${verb} --config=${kubeadmFile}`, `${deadContainersSay}\n${kubeletSays}`);

export const kubeletRemedies = [
  {
    pattern: /open \/dev\/kmsg/,
    cause: 'kubelet finds no /dev/kmsg (a container without it?)',
    remedy: 'Give the host a /dev/kmsg; in a container, a link to /dev/null will do',
  },
  {
    pattern: /running with swap on is not supported/,
    cause: 'kubelet does not start while swap is on',
    remedy: 'Turn swap off, or set kubernetes.kubeletOverrides.failSwapOn: false',
  },
  {
    pattern: /configured to not run on a host using cgroup v1/,
    cause: 'kubelet does not start on cgroup v1',
    remedy: 'Boot the host with cgroup v2, or set kubernetes.kubeletOverrides.failCgroupV1: false',
  },
];

export const foreignNodeRemedy = {
  pattern: /already a Kubernetes node that MLSysOps Desktop did not make/,
  cause: 'this host is already a Kubernetes node of another cluster',
  remedy: 'Take another host, or run "kubeadm reset" on it yourself when that cluster is not needed any more',
};

export const waitForApi = (kubeconfig = adminKubeconfig): string =>
  waitFor(
    apiReady(kubeconfig),
    240,
    `${complain('the Kubernetes API did not become ready within 240 s; the last lines of kubelet:')}; journalctl -u kubelet -n 15 --no-pager >&2`,
  );

/** Everything kubeadm and kubelet leave behind; what kubeadm reset does not take (etcd's data, CNI files) too. */
export const undoNode = `if [ -e ${begunNote} ]; then
  systemctl stop kubelet 2>/dev/null
  if command -v kubeadm >/dev/null; then ${reset} >/dev/null 2>&1; fi
  sed -n 's#^[^ ]* \\(/var/lib/kubelet/[^ ]*\\) .*#\\1#p' /proc/mounts | sort -r | while read -r mounted; do umount "$mounted" 2>/dev/null; done
  rm -rf /etc/kubernetes /var/lib/kubelet /var/lib/etcd /var/lib/cni /run/kubernetes ${builtOnTop}
  for name in $(ctr -n k8s.io containers ls -q 2>/dev/null); do ctr -n k8s.io tasks rm -f "$name" >/dev/null 2>&1; ctr -n k8s.io containers rm "$name" >/dev/null 2>&1; done
  for name in $(ctr -n k8s.io images ls -q 2>/dev/null); do ctr -n k8s.io images rm "$name" >/dev/null 2>&1; done
  ${removeTraces}
  rm -f ${begunNote} ${doneNote}
fi
rm -f ${kubeadmFile}`;
