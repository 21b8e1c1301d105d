import { removeManifestTraces } from '../network/manifest-traces.ts';
import { beforeFolder } from '../support/shell.ts';
import { restoreKernelSettings } from './kernel-settings.ts';

/**
 * What Kubernetes leaves on a host that "kubeadm reset" does not take back (it says so itself): network namespaces of pods, kubelet's and
 * kube-proxy's packet filter chains, logs, control groups, settings of the kernel. Kubernetes on this host was ours alone when these run.
 */

const tablesBefore = `${beforeFolder}/nft-tables`;

/** The packet filter's tables as they are before kubelet makes its own, once. */
export const keepPacketFilterTables = `mkdir -p ${beforeFolder}
if [ ! -e ${tablesBefore} ]; then nft list tables >${tablesBefore} 2>/dev/null || : >${tablesBefore}; fi`;

/** Pods that kubeadm could not take down through the runtime leave their network namespace, and with it a pair of interfaces. */
const removePodNamespaces = `for space in /run/netns/cni-*; do
  if [ -e "$space" ]; then ip netns del "\${space##*/}" 2>/dev/null || { umount "$space" 2>/dev/null; rm -f "$space"; }; fi
done`;

/** Chains named KUBE-… and the rules that lead to them; everything else in those tables stays, in its order and with its counters. */
const removeChains = `for tool in iptables ip6tables; do
  command -v $tool >/dev/null || continue
  for table in filter nat mangle; do
    $tool -w 10 -t $table -S 2>/dev/null | sed -n '/-j KUBE-/s/^-A /-D /p' | grep -v '^-D KUBE-' | xargs -r -L 1 $tool -w 10 -t $table
    chains=$($tool -w 10 -t $table -S 2>/dev/null | sed -n 's/^-N \\(KUBE-[A-Z0-9-]*\\)$/\\1/p')
    for chain in $chains; do $tool -w 10 -t $table -F "$chain"; done
    for chain in $chains; do $tool -w 10 -t $table -X "$chain"; done
  done
done 2>/dev/null`;

/** Tables of iptables that came with those chains, once nothing but empty chains is left in them. */
const removeEmptyTables = `if command -v nft >/dev/null && [ -e ${tablesBefore} ]; then
  for family in ip ip6; do
    nft delete table $family kube-proxy 2>/dev/null
    for table in filter nat mangle; do
      if ! grep -qx "table $family $table" ${tablesBefore}; then
        others=$(nft list table $family $table 2>/dev/null | grep -Ev '^(table |\\}|[[:space:]]*(chain [A-Z]+ \\{|\\}|type [a-z]+ hook [a-z]+ priority [a-z0-9+ -]+; policy accept;)?$)')
        if [ -z "$others" ]; then nft delete table $family $table 2>/dev/null; fi
      fi
    done
  done
  rm -f ${tablesBefore}
fi`;

const removeControlGroups = `for group in /sys/fs/cgroup/kubepods* /sys/fs/cgroup/*/kubepods*; do
  if [ -d "$group" ]; then find "$group" -depth -type d -exec rmdir {} \\; 2>/dev/null; fi
done`;

export const removeTraces = `${removePodNamespaces}
ip link del cni0 2>/dev/null
rm -f /etc/cni/net.d/10-mlsysops.conflist
${removeManifestTraces}
${removeChains}
${removeEmptyTables}
${removeControlGroups}
${restoreKernelSettings()}
rm -rf /var/log/pods /var/log/containers`;
