import type { TestHosts } from './fixture.ts';

/** Where a node leaves files. containerd makes /opt/containerd whenever it starts. */
const folders =
  '/etc /opt /root /usr/local /var/log/pods /var/log/containers /var/lib/mlsysops /var/lib/mlsysops-bus /var/lib/kubelet /var/lib/etcd /var/lib/cni /run/mlsysops /usr/libexec/kubernetes';
const tools = 'for tool in iptables ip6tables; do for table in filter nat mangle; do $tool -t $table -S; done; done';

/** What a node may change on a host, as lines: files, their digests in /etc, units, users, packet filter, interfaces, routes, namespaces, control groups, settings, processes. */
const commands = [
  `find ${folders} 2>/dev/null | grep -Ev "^/opt/containerd|^/etc/systemd/system/.*wants$" | sort`,
  // useradd and userdel each keep the former file as one with "-".
  'find /etc -type f ! -name "*-" ! -name ".*" ! -name "ld.so.cache" -exec sha256sum {} + | sort -k 2',
  'systemctl list-unit-files --no-legend "mlsysops*" "kube*" "karmada*" "nats*"; systemctl list-units --all --no-legend "mlsysops*" "kube*" "karmada*" "nats*"; systemctl list-units --failed --no-legend',
  'getent passwd; getent group',
  tools,
  'nft list tables',
  'ip -o link | cut -d: -f2 | cut -d@ -f1; ip -4 -o addr show | tr -s " " | cut -d" " -f2-4; ip route; ip rule; ls /run/netns 2>/dev/null',
  'find /sys/fs/cgroup -maxdepth 2 -name "kubepods*"',
  'sysctl net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.ipv4.conf.all.rp_filter kernel.panic kernel.panic_on_oops 2>/dev/null',
  'ps -eo args | grep -E "kube|nats-server|/opt/mlsysops|flannel" | grep -v grep',
];

export const pictureOf = (fixture: TestHosts, host: string): string[] =>
  fixture
    .ssh(host, `sudo sh -c '${commands.join('\n')}\ntrue' 2>/dev/null`)
    .trim()
    .split('\n');

/** What is there and was not, and what was and is not. */
export const difference = (was: readonly string[], is: readonly string[]) => ({
  left: is.filter((line) => !was.includes(line)),
  lost: was.filter((line) => !is.includes(line)),
});
