import type { HostFacts, InterfaceFacts } from './host-facts.ts';
import { asNumber, type FactLines } from './lines.ts';

/** Addresses, links, routes, who listens, names, forwarding. */
export const networkScript = `
# Long answers are cut into lines by the shell itself: its "read" asks the kernel for each byte.
IFS='
'; set -f
for line in $(ip -o address show 2>/dev/null); do
  line=\${line#*: }
  case $line in *' inet '*) address=\${line#* inet };; *' inet6 '*) address=\${line#* inet6 };; *) continue;; esac
  echo "address \${line%% *} \${address%% *}"
done
set +f; unset IFS
ip -4 route show table main 2>/dev/null | sed 's/^/route /'
for link in /sys/class/net/*; do
  name=\${link##*/}
  [ "$name" != lo ] || continue
  kind=virtual
  if [ -e "$link/wireless" ] || [ -e "$link/phy80211" ]; then kind=wifi
  else
    [ ! -e "$link/device" ] || kind=ethernet
    while read -r line; do case $line in DEVTYPE=wwan) kind=mobile;; DEVTYPE=bluetooth) kind=bluetooth;; esac; done 2>/dev/null <"$link/uevent"
  fi
  read -r address 2>/dev/null <"$link/address" || address=-
  read -r state 2>/dev/null <"$link/operstate" || state=-
  { read -r speed <"$link/speed"; } 2>/dev/null || speed=-
  echo "interface $name $kind \${address:--} \${state:--} \${speed:--}"
done
if command -v ss >/dev/null 2>&1; then
  # No program for each of them: a node has dozens.
  pids=' ' exes=
  IFS='
'; set -f
  for line in $(ss -Hltunp 2>/dev/null); do
    case $line in tcp*) echo "listen \${line#tcp}";; udp*) echo "listen-udp \${line#udp}";; *) continue;; esac
    while :; do
      case $line in *pid=*) line=\${line#*pid=}; pid=\${line%%[!0-9]*};; *) break;; esac
      case $pids in *" $pid "*) ;; *) pids="$pids$pid "; exes="$exes /proc/$pid/exe";; esac
    done
  done
  set +f; unset IFS
  for pid in $pids; do while read -r line; do echo "group $pid $line"; done 2>/dev/null <"/proc/$pid/cgroup"; done
  [ -z "$exes" ] || ls -l $exes 2>/dev/null | while read -r line; do echo "program $line"; done
fi
if [ -r /etc/resolv.conf ]; then while read -r word address rest; do [ "$word" != nameserver ] || echo "name-server $address"; done </etc/resolv.conf; fi
read -r forwarding </proc/sys/net/ipv4/ip_forward
if [ "$forwarding" = 1 ]; then echo forwarding on; elif [ -w /proc/sys/net/ipv4/ip_forward ]; then echo forwarding off; else echo forwarding fixed; fi
`;

export function networkFacts(lines: FactLines) {
  const ours = ourProcesses(lines);
  const forwarding = lines.one('forwarding');
  return {
    addresses: addressesOf(lines.all('address')),
    interfaces: lines.all('interface').flatMap(interfaceOf),
    routes: lines.all('route').flatMap((line) => {
      const route = routeOf(line);
      return route === null || ourInterface.test(route.device) ? [] : [route];
    }),
    nameServers: lines.all('name-server'),
    listening: listeningOf(lines.all('listen'), ours),
    listeningUdp: listeningOf(lines.all('listen-udp'), ours),
    forwarding: forwarding === 'on' || forwarding === 'fixed' ? forwarding : 'off',
  } satisfies Partial<HostFacts>;
}

/** Interfaces of our own pod network, or of one that a manifest brings: their addresses are not the host's. */
const ourInterface = /^(cni0|veth|kube-|flannel|mlsysops-|cali|vxlan[.]calico|tunl|cilium|lxc)/;

const addressesOf = (lines: string[]): string[] =>
  lines.flatMap((line) => {
    const [name = '', address = ''] = line.split(' ');
    return ourInterface.test(name) ? [] : [address.replace(/\/.*$/, '')];
  });

/** A line of `ip route`: "default via 10.0.0.1 dev eth0", "10.0.0.0/24 dev eth0 proto kernel …", "blackhole 10.1.0.0/16". */
function routeOf(line: string): HostFacts['routes'][number] | null {
  const words = line.split(/\s+/);
  const [destination = ''] = words;
  const after = (word: string): string | undefined => (words.includes(word) ? words[words.indexOf(word) + 1] : undefined);
  const device = after('dev');
  if (device === undefined) return null;
  return {
    destination: destination === 'default' ? '0.0.0.0/0' : destination.includes('/') ? destination : `${destination}/32`,
    device,
    via: after('via') ?? null,
  };
}

const kinds = new Set<string>(['ethernet', 'wifi', 'mobile', 'bluetooth', 'virtual'] satisfies InterfaceFacts['kind'][]);

function interfaceOf(line: string): InterfaceFacts[] {
  const [name = '', kind = '', mac = '', state, speed] = line.split(' ');
  if (name === '' || !kinds.has(kind) || ourInterface.test(name)) return [];
  return [
    {
      name,
      kind: kind as InterfaceFacts['kind'],
      macAddress: /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) ? mac : null,
      up: state === 'up',
      // A link that is down says -1.
      speedMbps: asNumber(speed) ?? null,
    },
  ];
}

const ourProgram = /^\/opt\/mlsysops\/|^\/usr\/local\/bin\/(kube|nats-server|karmada|etcd)/;
const ourGroup = /kubepods|mlsysops|kubelet/;

/** Lines of `ls -l /proc/PID/exe`, and of /proc/PID/cgroup behind their PID. */
const ourProcesses = (lines: FactLines): Set<number> =>
  new Set([
    ...lines.all('program').flatMap((line) => {
      const [, pid, program = ''] = /\/proc\/(\d+)\/exe -> (.*)$/.exec(line) ?? [];
      return ourProgram.test(program) ? [Number(pid)] : [];
    }),
    ...lines.all('group').flatMap((line) => {
      const [, pid, group = ''] = /^(\d+) (.*)$/.exec(line) ?? [];
      return ourGroup.test(group) ? [Number(pid)] : [];
    }),
  ]);

/** Lines of `ss -Hltnp`: State Recv-Q Send-Q Local:Port Peer:Port users:(("sshd",pid=1,fd=3)). */
function listeningOf(lines: string[], ours: ReadonlySet<number>): HostFacts['listening'] {
  const found = new Map<number, HostFacts['listening'][number]>();
  for (const line of lines) {
    const port = Number(/:(\d+)$/.exec(line.split(/\s+/)[3] ?? '')?.[1]);
    if (!Number.isInteger(port)) continue;
    const process = /"([^"]+)",pid=(\d+)/.exec(line);
    const pid = process ? Number(process[2]) : undefined;
    if (found.get(port)?.ours === false) continue;
    found.set(port, { port, process: process?.[1] ?? 'unknown', pid, ours: pid !== undefined && ours.has(pid) });
  }
  return [...found.values()];
}
