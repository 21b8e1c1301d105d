import type { HostFacts, RuntimeFacts } from './host-facts.ts';
import type { FactLines } from './lines.ts';

/** What our own runtime phase puts on hosts where the distribution's package does not fit, in one folder. */
export const packedRuntimeFolder = '/opt/mlsysops/runtime';

/**
 * Versions of containerd, runc and the CNI plugins: of packages as the package manager has noted them, since to start a program takes longer;
 * of programs that came without one, as they say themselves. Where one is missing, which version a package of the distribution would have.
 */
export const runtimeScript = `
if command -v apt-get >/dev/null 2>&1; then echo apt yes; fi
packages=$(dpkg-query -W -f '\${db:Status-Abbrev} \${Package} \${Version}\\n' containerd containerd.io runc containernetworking-plugins 2>/dev/null | sed -n 's/^ii *//p')
absent=
for part in containerd:containerd:containerd,containerd.io runc:runc:runc cni-plugins:/usr/lib/cni/bridge:containernetworking-plugins; do
  names=\${part##*:}; name=\${part%%:*}; program=\${part#*:}; program=\${program%%:*}
  version=$(printf '%s\\n' "$packages" | while read -r package found; do case ",$names," in *",$package,"*) echo "$found"; break;; esac; done)
  if [ -z "$version" ] && command -v "$program" >/dev/null 2>&1; then version=$("$program" --version 2>&1 </dev/null | sed -n '1s/.*[ v]\\([0-9][0-9]*\\.[0-9][^ ]*\\).*/\\1/p'); version=\${version:-unknown}; fi
  if [ -n "$version" ]; then echo "runtime $name $version"; else absent="$absent \${names%%,*}"; fi
done
[ -z "$absent" ] || apt-cache policy $absent 2>/dev/null | while read -r first second _; do
  case $first in Candidate:) [ "$second" = '(none)' ] || echo "runtime-offered $package $second";; Installed:) ;; *:) package=\${first%:};; esac
done
`;

const packages = { containerd: 'containerd', runc: 'runc', 'cni-plugins': 'containernetworking-plugins' } as const;

export function runtimeFacts(lines: FactLines): Pick<HostFacts, 'runtime'> {
  const versionIn = (name: string, of: string): string | null =>
    lines
      .all(name)
      .map((line) => line.split(' '))
      .find(([one]) => one === of)?.[1] ?? null;
  const part = (name: keyof typeof packages): RuntimeFacts[keyof typeof packages] => ({
    installed: versionIn('runtime', name),
    offered: versionIn('runtime-offered', packages[name]),
  });
  return {
    runtime: {
      apt: lines.one('apt') === 'yes',
      containerd: part('containerd'),
      runc: part('runc'),
      'cni-plugins': part('cni-plugins'),
    },
  };
}
