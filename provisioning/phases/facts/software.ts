import { begunNote } from '../kubernetes/scripts.ts';
import type { FoundSoftware, HostFacts } from './host-facts.ts';
import type { FactLines } from './lines.ts';
import { packedRuntimeFolder } from './runtime.ts';

/** Processes that mean something, by the name that the kernel has of them (15 characters at most). */
const programs: Record<string, FoundSoftware['kind']> = {
  dockerd: 'docker',
  'k3s-server': 'k3s',
  'k3s-agent': 'k3s',
  k3s: 'k3s',
  k0s: 'k0s',
  rke2: 'rke2',
  kubelite: 'microk8s',
  kubelet: 'kubernetes',
  'nats-server': 'nats',
  firewalld: 'firewalld',
};
const timeKeepers = ['systemd-timesyn', 'chronyd', 'ntpd', 'ntpsec', 'openntpd'];

/** Of the packages that prepare and runtime install where they are missing. */
const neededPrograms = ['conntrack', 'ethtool', 'socat', 'iptables', 'ip', 'ps', 'containerd', 'runc'];

/** Files that mean something, whoever runs. */
const files: [string, FoundSoftware['kind']][] = [
  ['/usr/bin/dockerd', 'docker'],
  ['/usr/local/bin/k3s', 'k3s'],
  ['/etc/rancher/k3s', 'k3s'],
  ['/etc/rancher/rke2', 'rke2'],
  ['/var/lib/k0s', 'k0s'],
  ['/var/snap/microk8s', 'microk8s'],
];

/**
 * What others have put on the host: looked at by files and processes alone, since asking a daemon may take seconds and could start it. What
 * our own provisioning made is told apart by its notes.
 */
export const softwareScript = `
python=$(command -v python3 2>/dev/null) && case $(readlink -f "$python") in
  # A distribution's own: its name tells the version, and pandas is where its packages are. To start it takes longer than all else here.
  /usr/bin/python3.*)
    version=$(readlink -f "$python"); version=\${version#/usr/bin/python}; pandas=-
    for found in /usr/local/lib*/python$version/*-packages/pandas-*-info /usr/lib*/python$version/*-packages/pandas-*-info /usr/lib/python3/dist-packages/pandas-*-info; do
      [ -e "$found" ] || continue
      pandas=\${found##*/pandas-}; pandas=\${pandas%.*-info}; pandas=\${pandas%%-*}; break
    done
    echo "python $version $pandas $python";;
  *) "$python" -I -c 'import sys
try:
    from importlib import metadata
    pandas = metadata.version("pandas")
except Exception:
    pandas = "-"
print("python %d.%d.%d %s %s" % (sys.version_info[0], sys.version_info[1], sys.version_info[2], pandas, sys.executable))' 2>/dev/null &
esac
grep -HxE '${[...Object.keys(programs), ...timeKeepers].join('|')}' /proc/[0-9]*/comm 2>/dev/null | while IFS=: read -r file name; do
  at=\${file%/comm}; echo "running $name \${at#/proc/} $(readlink "$at/exe" 2>/dev/null | tr ' ' '_')"
done
for file in ${files.map(([file]) => file).join(' ')}; do [ ! -e "$file" ] || echo "file $file"; done
if [ -e ${begunNote} ]; then echo node-ours yes; fi
for file in /etc/kubernetes/kubelet.conf /etc/kubernetes/admin.conf; do if [ -e "$file" ]; then echo "node $file"; break; fi; done
for folder in /run/containerd/io.containerd.runtime.v2.task/*/*; do [ ! -d "$folder" ] || { space=\${folder%/*}; echo "container-of \${space##*/}"; }; done
for file in /run/containers/storage/overlay-containers/*/userdata/pidfile; do [ ! -e "$file" ] || echo "container-of podman"; done
if [ -s /etc/containerd/config.toml ] && ! grep -q '^# Written by MLSysOps' /etc/containerd/config.toml; then
  # As its package brought it, nobody has set anything in it.
  sum=$(md5sum </etc/containerd/config.toml)
  dpkg-query -W -f '\${Conffiles}\\n' containerd containerd.io 2>/dev/null | grep -q "config.toml \${sum%% *}" || echo "containerd-configuration /etc/containerd/config.toml"
fi
for file in /etc/cni/net.d/*; do case $file in *.conf|*.conflist) [ ! -e "$file" ] || echo "cni \${file##*/}";; esac; done
if [ -r /etc/ufw/ufw.conf ] && grep -qi '^ENABLED=yes' /etc/ufw/ufw.conf; then echo "ufw yes"; fi
IFS='
'; set -f
for line in $chains; do
  case $line in
    'table '*) table=\${line#table }; table=\${table%% {*};;
    *'chain '*'{') chain=\${line#*chain }; chain=\${chain%% {*};;
    *'type '*'hook forward '*'policy drop'*) echo "forward-drop $table $chain";;
  esac
done
set +f; unset IFS
for tool in ${neededPrograms.join(' ')}; do command -v "$tool" >/dev/null 2>&1 || [ -x "${packedRuntimeFolder}/containerd/bin/$tool" ] || [ -x "${packedRuntimeFolder}/$tool/$tool" ] || echo "missing $tool"; done
grep -hE '^(deb|URIs:) ' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | while read -r line; do echo "package-source $line"; done
grep -HiE '^[^#]*(https?_proxy=|::proxy[[:space:]])' /etc/environment /etc/apt/apt.conf /etc/apt/apt.conf.d/* /etc/systemd/system/containerd.service.d/*.conf 2>/dev/null | while read -r line; do echo "proxy $line"; done
wait
`;

export function softwareFacts(lines: FactLines) {
  const running = lines.all('running').map((line) => {
    const [name = '', pid = '', program = ''] = line.split(' ');
    return { name, pid, program };
  });
  const keeper = running.find(({ name }) => timeKeepers.includes(name));
  return {
    timeKeeper: keeper === undefined ? null : keeper.name.replace('systemd-timesyn', 'systemd-timesyncd').slice(0, 17),
    python: pythonOf(lines.one('python')),
    proxies: lines.all('proxy').flatMap(proxyOf),
    found: foundOf(lines, running),
    packages: {
      missing: lines.all('missing'),
      sources: [...new Set(lines.all('package-source').flatMap((line) => line.match(/https?:\/\/[^/\s]+/g) ?? []))],
    },
  } satisfies Partial<HostFacts>;
}

/** "/etc/environment:https_proxy=http://proxy.lab:3128", as grep tells it. */
function proxyOf(line: string): HostFacts['proxies'] {
  const [, file = '', setting = ''] = /^([^:]+):(.*)$/.exec(line) ?? [];
  const url = /[a-z0-9]+:\/\/[^\s"';]+/i.exec(setting)?.[0];
  // A proxy's password is nobody's business but the host's.
  return url === undefined ? [] : [{ file, url: url.replace(/\/\/[^/]*@/, '//…@') }];
}

function foundOf(lines: FactLines, running: { name: string; pid: string; program: string }[]): FoundSoftware[] {
  const found: FoundSoftware[] = [];
  const add = (kind: FoundSoftware['kind'], evidence: string, isRunning: boolean) => {
    const known = found.find((one) => one.kind === kind);
    if (known === undefined) found.push({ kind, evidence, running: isRunning });
  };
  const ours = lines.one('node-ours') === 'yes';
  const isOurs = (kind: string, program: string) =>
    (kind === 'kubernetes' && ours) ||
    program.startsWith('/opt/mlsysops/') ||
    (kind === 'nats' && program.startsWith('/usr/local/bin/'));
  for (const { name, pid, program } of running) {
    const kind = programs[name];
    if (kind !== undefined && !isOurs(kind, program)) add(kind, `${name} runs, pid ${pid}`, true);
  }
  for (const [file, kind] of files) if (lines.all('file').includes(file)) add(kind, `${file} is there`, false);
  const node = lines.one('node');
  if (node !== undefined && !ours) add('kubernetes', `${node} is there`, true);
  const spaces = lines.all('container-of');
  for (const space of new Set(spaces)) {
    const count = spaces.filter((one) => one === space).length;
    // Those of our own node are in the namespace of every Kubernetes.
    if (space === 'k8s.io' && ours) continue;
    const what = `${count} container${count > 1 ? 's' : ''}`;
    if (space === 'podman') add('podman', `${what} of Podman run there`, true);
    else if (space === 'moby') add('docker', `${what} of Docker run there`, true);
    else add('containers', `${what} in containerd's namespace ${space} run there`, true);
  }
  const configuration = lines.one('containerd-configuration');
  if (configuration !== undefined) add('containerd-configuration', configuration, false);
  for (const file of lines.all('cni').filter((name) => name !== '10-mlsysops.conflist'))
    found.push({ kind: 'cni-configuration', evidence: `/etc/cni/net.d/${file}`, running: false });
  if (lines.one('ufw') === 'yes') add('ufw', '/etc/ufw/ufw.conf says ENABLED=yes', true);
  for (const chain of lines.all('forward-drop')) {
    // In iptables' own table our rule that lets pods through stands before the policy; elsewhere nothing of ours can.
    if (!/^ip6? filter /.test(chain)) add('forward-drop', `the policy of nftables chain "${chain}" is drop`, true);
  }
  return found;
}

function pythonOf(line: string | undefined): HostFacts['python'] {
  const [version = '', pandas = '', ...path] = (line ?? '').split(' ');
  if (!/^\d+\.\d+(\.\d+)?$/.test(version)) return null;
  return { version, pandas: pandas === '-' || pandas === '' ? null : pandas, path: path.join(' ') };
}
