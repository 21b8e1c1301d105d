import { beforeFolder } from '../support/shell.ts';

/**
 * What kubelet and kube-proxy set in the kernel of a host as they start, and never take back: by setupKernelTunables of kubelet's container
 * manager and by kube-proxy's conntrack settings.
 */
const settings = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
  'net/netfilter/nf_conntrack_max',
  'net/netfilter/nf_conntrack_tcp_timeout_established',
  'net/netfilter/nf_conntrack_tcp_timeout_close_wait',
  'net/ipv4/conf/all/route_localnet',
];

/** Folders that kubelet, or the runtime for it, makes where there are none, and leaves empty. */
const folders = ['/usr/libexec/kubernetes', '/lib/modules'];

/** `root` is where folders and /proc are looked for. */
interface Where {
  root?: string;
  before?: string;
}

/** Notes both as they are before kubelet starts for the first time, once: a line "= NAME VALUE" each, "- FOLDER" for one that is not there. */
export const keepKernelSettings = ({ root = '', before = beforeFolder }: Where = {}): string => `mkdir -p ${before}
if [ ! -e ${before}/kernel-settings ]; then
  for name in ${settings.join(' ')}; do
    if [ -r ${root}/proc/sys/$name ]; then echo "= $name $(cat ${root}/proc/sys/$name)"; fi
  done >${before}/kernel-settings.new
  for folder in ${folders.join(' ')}; do
    if [ ! -e ${root}$folder ]; then echo "- $folder"; fi
  done >>${before}/kernel-settings.new
  mv ${before}/kernel-settings.new ${before}/kernel-settings
fi`;

/** A folder that somebody has put something into since stays. */
export const restoreKernelSettings = ({
  root = '',
  before = beforeFolder,
}: Where = {}): string => `if [ -e ${before}/kernel-settings ]; then
  while read -r kind name value; do
    case $kind in
      =) [ "$(cat ${root}/proc/sys/$name)" = "$value" ] || echo "$value" >${root}/proc/sys/$name || : ;;
      -) find ${root}$name -depth -type d -empty -delete || : ;;
    esac
  done <${before}/kernel-settings
  rm -f ${before}/kernel-settings
fi 2>/dev/null`;
