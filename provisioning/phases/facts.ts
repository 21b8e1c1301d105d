import { z } from 'zod';
import { Failure } from '../run/failure.ts';
import type { HostFacts } from '../run/phase.ts';
import type { ExecuteResult } from '../ssh/execute.ts';
import type { Host } from '../testbed/schema.ts';

export const factsPhase = { id: 'facts', title: 'Facts' } as const;

/** Reads everything that HostFacts holds: lines of "name value". Changes nothing, and goes on past what a host does not have. */
export const factsScript = `
echo "time $(date +%s.%N)"
echo "hostname $(cat /proc/sys/kernel/hostname)"
if [ -r /etc/os-release ]; then ( . /etc/os-release; echo "os.id $ID"; echo "os.version $VERSION_ID"; echo "os.pretty $PRETTY_NAME" ); fi
echo "kernel $(uname -r)"
echo "machine $(uname -m)"
echo "cgroup $(stat -f -c %T /sys/fs/cgroup 2>/dev/null)"
sed -n 's/^model name[^:]*: */cpu /p' /proc/cpuinfo | head -n 1
echo "cores $(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)"
sed -n 's/^MemTotal: *\\([0-9]*\\) kB/memory \\1/p' /proc/meminfo
df -Pk /var 2>/dev/null | { read -r line; read -r device size used available rest && echo "disk $available"; }
[ "$(wc -l </proc/swaps)" -le 1 ] || echo swap yes
if [ -d /run/systemd/system ]; then echo systemd yes; fi
container=$(systemd-detect-virt --container 2>/dev/null) && echo "container $container"
ip -o address show 2>/dev/null | while read -r number name family address rest; do echo "address $name $address"; done
if command -v ss >/dev/null 2>&1; then
  ss -Hltnp 2>/dev/null | while read -r line; do echo "listen $line"; done
  ss -Hltnp 2>/dev/null | grep -o 'pid=[0-9]*' | sort -u | cut -d = -f 2 | while read -r pid; do
    echo "process $pid $(readlink /proc/$pid/exe 2>/dev/null | tr ' ' '_') $(tr '\\n' ',' </proc/$pid/cgroup 2>/dev/null)"
  done
fi
echo end
`;

const seconds = z.coerce.number().positive();
const count = z.coerce.number().int().nonnegative();
const linesSchema = z.object({
  time: seconds,
  hostname: z.string().min(1),
  'os.id': z.string().default('unknown'),
  'os.version': z.string().default(''),
  'os.pretty': z.string().default('unknown system'),
  kernel: z.string().min(1),
  machine: z.string().min(1),
  cgroup: z.string().default(''),
  cpu: z.string().default('unknown'),
  cores: count,
  memory: count,
  disk: count.default(0),
  swap: z.string().optional(),
  systemd: z.string().optional(),
  container: z.string().optional(),
  end: z.string(),
});

const architectures: Record<string, HostFacts['architecture']> = {
  x86_64: 'amd64',
  amd64: 'amd64',
  aarch64: 'arm64',
  arm64: 'arm64',
};
/** Interfaces of our own pod network: their addresses are not the host's. */
const ourInterface = /^(cni0|veth|kube-|flannel)/;
const ourProgram = /^\/opt\/mlsysops\/|^\/usr\/local\/bin\/(kube|nats-server|karmada|etcd)/;
const ourGroup = /kubepods|mlsysops|kubelet/;

/** @throws Failure (preflight) when the host is of an architecture for which nothing can be installed, or its answer makes no sense */
export function parseFacts(host: Host, result: Pick<ExecuteResult, 'stdout' | 'beganAt' | 'startMs'>): HostFacts {
  const single = new Map<string, string>();
  const several = { address: [] as string[], listen: [] as string[], process: [] as string[] };
  for (const line of result.stdout.split('\n')) {
    const space = line.indexOf(' ');
    const name = space < 0 ? line : line.slice(0, space);
    const value = space < 0 ? '' : line.slice(space + 1).trim();
    if (name === 'address' || name === 'listen' || name === 'process') several[name].push(value);
    else if (name !== '') single.set(name, value);
  }
  const parsed = linesSchema.safeParse(Object.fromEntries(single));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Failure({
      code: 'preflight',
      host: host.name,
      phase: factsPhase.id,
      cause: `what the host says of itself cannot be understood (${issue?.path.join('.')}: ${issue?.message})`,
      remedy: 'Is it a Linux with /proc? See the log for what it said',
    });
  }
  const facts = parsed.data;
  const architecture = architectures[facts.machine];
  if (architecture === undefined) {
    throw new Failure({
      code: 'preflight',
      host: host.name,
      phase: factsPhase.id,
      cause: `its architecture ${facts.machine} is not supported`,
      remedy: 'Use a host with amd64 or arm64',
    });
  }
  return {
    hostname: facts.hostname,
    os: { id: facts['os.id'], version: facts['os.version'], pretty: facts['os.pretty'] },
    kernel: facts.kernel,
    architecture,
    cgroup: facts.cgroup === 'cgroup2fs' ? 'v2' : 'v1',
    cpuModel: facts.cpu,
    cores: facts.cores,
    memoryBytes: facts.memory * 1024,
    diskFreeBytes: facts.disk * 1024,
    swap: facts.swap === 'yes',
    clockOffsetS: Math.round((facts.time - result.beganAt / 1000) * 1000) / 1000,
    container: facts.container && facts.container !== 'none' ? facts.container : null,
    addresses: addressesOf(several.address),
    listening: listeningOf(several.listen, several.process),
    systemd: facts.systemd === 'yes',
    shellStartMs: Math.round(result.startMs),
  };
}

const addressesOf = (lines: string[]): string[] =>
  lines.flatMap((line) => {
    const [name = '', address = ''] = line.split(' ');
    return ourInterface.test(name) ? [] : [address.replace(/\/.*$/, '')];
  });

/** Lines of `ss -Hltnp`: State Recv-Q Send-Q Local:Port Peer:Port users:(("sshd",pid=1,fd=3)). */
function listeningOf(lines: string[], processes: string[]): HostFacts['listening'] {
  const ours = new Set(
    processes.flatMap((line) => {
      const [pid, program = '', ...groups] = line.split(' ');
      return ourProgram.test(program) || ourGroup.test(groups.join(' ')) ? [Number(pid)] : [];
    }),
  );
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
