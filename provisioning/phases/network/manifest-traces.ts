import { beforeFolder, notesFolder } from '../support/shell.ts';
import { manifestCniFolder } from './manifest.ts';

/** What the pod network of a manifest leaves on a host: files, interfaces and packet filter chains that its pods make, not kubeadm, nor we. */

/** The manifest on the host, as it was applied. */
export const keptManifest = `${notesFolder}/network-manifest.yaml`;
/** What was there of its kind before, a line each. */
export const beforeManifest = `${beforeFolder}/pod-network`;

const chains = `for tool in iptables ip6tables; do for table in raw mangle nat filter; do
  command -v $tool >/dev/null && $tool -w 10 -t $table -S 2>/dev/null | sed -n "s/^-N /$tool $table /p"
done; done`;
const overlays = "ip -o link show type vxlan | cut -d: -f2 | cut -d@ -f1 | tr -d ' '";

export const keepBeforeManifest = `mkdir -p ${beforeFolder}
if [ ! -e ${beforeManifest} ]; then
  { ls -d /etc/cni/net.d/* ${manifestCniFolder}/* /run/flannel 2>/dev/null; ${overlays}; ${chains}; } >${beforeManifest}.new || :
  mv ${beforeManifest}.new ${beforeManifest}
fi`;

/**
 * Once nothing of the cluster runs on the host any more: its pods would only make it again, and could not be taken down without it. What
 * others have put there since, which the manifest does not know, stays.
 */
export const removeManifestTraces = `if [ -e ${beforeManifest} ]; then
  for file in /etc/cni/net.d/* ${manifestCniFolder}/*; do
    if grep -qxF -- "$file" ${beforeManifest}; then continue; fi
    case $(readlink "$file") in
      /opt/mlsysops/*|/usr/lib/cni/*) rm -f "$file" ;;
      *) if grep -qF -- "\${file##*/}" ${keptManifest}; then rm -f "$file"; fi ;;
    esac
  done
  grep -qx /run/flannel ${beforeManifest} || rm -rf /run/flannel
  for link in $(${overlays}); do grep -qx "$link" ${beforeManifest} || ip link del "$link"; done
  ${chains.replaceAll('\n', '\n  ')} | grep -E ' (FLANNEL|cali|CILIUM|CNI)[-_][A-Za-z0-9_-]+$' | grep -vxFf ${beforeManifest} >${beforeManifest}.chains
  while read -r tool table chain; do
    $tool -w 10 -t $table -S | sed -n "/-j $chain\\( \\|\\$\\)/s/^-A /-D /p" | xargs -r -L 1 $tool -w 10 -t $table
    $tool -w 10 -t $table -F "$chain"
  done <${beforeManifest}.chains
  while read -r tool table chain; do $tool -w 10 -t $table -X "$chain"; done <${beforeManifest}.chains
  rmdir ${manifestCniFolder} /opt/cni
  rm -f ${beforeManifest} ${beforeManifest}.chains ${keptManifest}
fi 2>/dev/null`;
