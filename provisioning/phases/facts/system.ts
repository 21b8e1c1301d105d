import type { HostFacts } from './host-facts.ts';
import type { FactLines } from './lines.ts';

/** What runs there, on what, and which machine it is. */
export const systemScript = `
echo "time $(date +%s.%N)"
say() { if { read -r line <"$2"; } 2>/dev/null && [ -n "$line" ]; then echo "$1 $line"; fi; }
say hostname /proc/sys/kernel/hostname
own= known=
{ read -r own </proc/sys/kernel/hostname; } 2>/dev/null
while read -r address names; do for name in $names; do [ "$name" != "$own" ] || known=yes; done; done 2>/dev/null </etc/hosts
while read -r database services; do case "$database $services " in hosts:*' myhostname '*|hosts:*' resolve '*) known=yes;; esac; done 2>/dev/null </etc/nsswitch.conf
[ -n "$known" ] || echo "own-name unknown"
if [ -r /etc/os-release ]; then ( . /etc/os-release; echo "os.id $ID"; echo "os.version $VERSION_ID"; echo "os.pretty $PRETTY_NAME" ); fi
read -r release </proc/sys/kernel/osrelease && echo "kernel $release"
echo "machine $(uname -m)"
if [ -r /sys/fs/cgroup/cgroup.controllers ]; then echo "cgroup v2"; say controllers /sys/fs/cgroup/cgroup.controllers
elif [ -r /proc/cgroups ]; then while read -r name hierarchy groups enabled; do [ "$enabled" != 1 ] || echo "controllers $name"; done </proc/cgroups
fi
say boot /proc/cmdline
for file in /boot/firmware/cmdline.txt /boot/cmdline.txt; do if [ -f "$file" ]; then echo "boot-file $file"; break; fi; done
if [ -r /proc/device-tree/model ]; then echo "board $(tr -d '\\0' </proc/device-tree/model)"; fi
say machine-id /etc/machine-id
say product-uuid /sys/class/dmi/id/product_uuid
# Where systemd runs it has already found out whether it is in a container.
if [ -d /run/systemd/system ]; then echo systemd yes; say container /run/systemd/container
else container=$(systemd-detect-virt --container 2>/dev/null) && echo "container $container"
fi
machine=$(systemd-detect-virt --vm 2>/dev/null) && echo "virtual-machine $machine"
chains= answers=
if command -v nft >/dev/null 2>&1; then chains=$(nft list chains 2>/dev/null) && answers=yes; fi
for feature in overlay bridge veth br_netfilter nf_tables vxlan; do
  if [ -e "/sys/module/$feature" ] || { [ "$feature" = br_netfilter ] && [ -d /proc/sys/net/bridge ]; }; then echo "feature $feature ready"
  elif [ "$feature" = overlay ] && grep -qw overlay /proc/filesystems; then echo "feature overlay ready"
  elif [ ! -e "/lib/modules/$release/modules.dep" ]; then
    if [ "$feature" = nf_tables ] && [ -n "$answers" ]; then echo "feature nf_tables ready"; else echo "feature $feature unknown"; fi
  elif modprobe -n -q "$feature" 2>/dev/null; then echo "feature $feature loadable"
  else echo "feature $feature missing"
  fi
done
`;

export function systemFacts(lines: FactLines) {
  const container = lines.one('container');
  const machine = lines.one('virtual-machine');
  return {
    os: {
      id: lines.one('os.id') || 'unknown',
      version: lines.one('os.version') ?? '',
      pretty: lines.one('os.pretty') || 'unknown system',
    },
    cgroup: lines.one('cgroup') === 'v2' ? 'v2' : 'v1',
    controllers: [...new Set(lines.all('controllers').flatMap(words))],
    boot: {
      parameters: words(lines.one('boot') ?? ''),
      file: lines.one('boot-file') || null,
      board: lines.one('board') || null,
    },
    knowsOwnName: lines.one('own-name') !== 'unknown',
    identity: { machineId: identity(lines.one('machine-id')), productUuid: identity(lines.one('product-uuid')) },
    container: container && container !== 'none' ? container : null,
    virtualMachine: machine && machine !== 'none' ? machine : null,
    features: Object.fromEntries(
      lines.all('feature').flatMap((line) => {
        const [name = '', state = ''] = words(line);
        return states.has(state) ? [[name, state as HostFacts['features'][string]] as const] : [];
      }),
    ),
    systemd: lines.one('systemd') === 'yes',
  } satisfies Partial<HostFacts>;
}

const states = new Set<string>(['ready', 'loadable', 'missing', 'unknown'] satisfies HostFacts['features'][string][]);
const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** Firmware that was never given an identity says zeros, or an invention of its maker's that is the same everywhere. */
function identity(text: string | undefined): string | null {
  const value = (text ?? '').toLowerCase();
  if (!/^[0-9a-f-]{32,36}$/.test(value) || value.startsWith('03000200-0400-0500')) return null;
  return new Set(value.replaceAll('-', '')).size < 3 ? null : value;
}
