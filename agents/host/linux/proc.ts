/** Processor time since boot, in clock ticks, and how many processors there are. */
export interface ProcessorTime {
  busy: number;
  total: number;
  processors: number;
  modes: Record<'user' | 'nice' | 'system' | 'idle' | 'iowait' | 'irq' | 'steal', number>;
}

/** /proc/stat (proc(5)). undefined when it has no "cpu" line. */
export function parseProcStat(text: string): ProcessorTime | undefined {
  // After the processors come interrupts, a line of tens of kilobytes on a large machine.
  const lines = text.slice(0, Math.max(text.indexOf('\nintr'), 0) || text.length).split('\n');
  const first = lines.find((line) => line.startsWith('cpu '));
  if (!first) return undefined;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, hardIrq = 0, softIrq = 0, steal = 0] = first
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const irq = hardIrq + softIrq;
  // Guest time is already in user and nice. Waiting for a disk is idle.
  const busy = user + nice + system + irq + steal;
  const processors = lines.filter((line) => /^cpu\d/.test(line)).length;
  return { busy, total: busy + idle + iowait, processors, modes: { user, nice, system, idle, iowait, irq, steal } };
}

/** /proc/meminfo: bytes in all, available without swapping, and swapped out. */
export function parseMemoryInfo(text: string): { total: number; available: number; swapUsed: number | undefined } | undefined {
  const kilobytes = (name: string): number | undefined => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  };
  const total = kilobytes('MemTotal');
  const available = kilobytes('MemAvailable') ?? kilobytes('MemFree');
  if (total === undefined || available === undefined) return undefined;
  const [swap, free] = [kilobytes('SwapTotal'), kilobytes('SwapFree')];
  return { total, available, swapUsed: swap === undefined || free === undefined ? undefined : swap - free };
}

/** Interfaces whose traffic is told again by another one: bridges, pods' ends, tunnels. */
const repeated = /^(lo|veth|cni|docker|br-|virbr|flannel|cali|vxlan|tunl|kube)/;

/** /proc/net/dev: bytes received and sent, and packets dropped, since boot, by the interfaces that lead outside. */
export function parseNetworkDevices(text: string): { received: number; sent: number; dropped: number } {
  let received = 0;
  let sent = 0;
  let dropped = 0;
  for (const line of text.split('\n')) {
    const [, name, numbers] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || numbers === undefined || repeated.test(name)) continue;
    const columns = numbers.trim().split(/\s+/).map(Number);
    received += columns[0] ?? 0;
    sent += columns[8] ?? 0;
    dropped += (columns[3] ?? 0) + (columns[11] ?? 0);
  }
  return { received, sent, dropped };
}

/** /proc/cpuinfo: model name and, as a fallback, the frequency now in GHz. */
export function parseProcessorInfo(text: string): { model: string; frequencyGHz: number | undefined } {
  const field = (name: string): string | undefined => new RegExp(`^${name}\\s*:\\s*(.+)$`, 'm').exec(text)?.[1]?.trim();
  const megahertz = Number(field('cpu MHz'));
  return {
    model: field('model name') ?? field('Hardware') ?? field('Model') ?? 'unknown',
    frequencyGHz: Number.isFinite(megahertz) && megahertz > 0 ? megahertz / 1000 : undefined,
  };
}
