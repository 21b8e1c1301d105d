/** Processor time since boot, in clock ticks, and how many processors there are. */
export interface ProcessorTime {
  busy: number;
  total: number;
  processors: number;
}

/** /proc/stat (proc(5)). undefined when it has no "cpu" line. */
export function parseProcStat(text: string): ProcessorTime | undefined {
  const lines = text.split('\n');
  const first = lines.find((line) => line.startsWith('cpu '));
  if (!first) return undefined;
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, steal = 0] = first
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  // Guest time is already in user and nice. Waiting for a disk is idle.
  const busy = user + nice + system + irq + softIrq + steal;
  return { busy, total: busy + idle + ioWait, processors: lines.filter((line) => /^cpu\d/.test(line)).length };
}

/** /proc/meminfo: bytes in all, and available without swapping. */
export function parseMemoryInfo(text: string): { total: number; available: number } | undefined {
  const kilobytes = (name: string): number | undefined => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  };
  const total = kilobytes('MemTotal');
  const available = kilobytes('MemAvailable') ?? kilobytes('MemFree');
  return total === undefined || available === undefined ? undefined : { total, available };
}

/** Interfaces whose traffic is told again by another one: bridges, pods' ends, tunnels. */
const repeated = /^(lo|veth|cni|docker|br-|virbr|flannel|cali|vxlan|tunl|kube)/;

/** /proc/net/dev: bytes received and sent since boot by the interfaces that lead outside. */
export function parseNetworkDevices(text: string): { received: number; sent: number } {
  let received = 0;
  let sent = 0;
  for (const line of text.split('\n')) {
    const [, name, numbers] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || numbers === undefined || repeated.test(name)) continue;
    const columns = numbers.trim().split(/\s+/).map(Number);
    received += columns[0] ?? 0;
    sent += columns[8] ?? 0;
  }
  return { received, sent };
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
