import { arch, hostname } from 'node:os';
import { join } from 'node:path';
import type { Sample } from '../../bus/messages.ts';
import type { ComponentTracking, HostDescription, HostSignals, TrackedComponent } from '../signals.ts';
import {
  type CgroupPlace,
  memoryBytes as cgroupMemory,
  hostCgroup,
  podCgroup,
  processorQuota,
  processorSeconds,
} from './cgroup.ts';
import { type KernelFiles, kernelFiles, readNumber } from './files.ts';
import { parseMemoryInfo, parseNetworkDevices, parseProcessorInfo, parseProcStat } from './proc.ts';

export interface LinuxSignalsOptions {
  files?: KernelFiles;
  /** ms, monotonic. */
  now?: () => number;
  /** Reads a component's own metrics; fails when it cannot be reached. */
  scrape: (component: TrackedComponent) => Promise<Sample[]>;
}

/** Where a reading comes from when it is not the plain counter of a whole machine. */
const fromCgroup = 'cgroup';
/** In a container, what the kernel tells only of the machine around it. */
const fromMachine = 'machine';

/** A counter and when it was read; gives its growth per second from one reading to the next. */
class Rate {
  #last: { value: number; at: number } | undefined;
  next(value: number | undefined, atMs: number): number | undefined {
    const last = this.#last;
    this.#last = value === undefined ? undefined : { value, at: atMs };
    // A counter that went back was reset: there is no telling what came between.
    if (value === undefined || !last || atMs <= last.at || value < last.value) return undefined;
    return ((value - last.value) * 1000) / (atMs - last.at);
  }
}

/** A Linux host through /proc and cgroups. In a container, which a local host is, through the container's own cgroup: /proc/stat there is the whole machine's. */
export class LinuxSignals implements HostSignals, ComponentTracking {
  readonly #files: KernelFiles;
  readonly #now: () => number;
  readonly #scrape: LinuxSignalsOptions['scrape'];
  readonly #busy = new Rate();
  readonly #total = new Rate();
  readonly #used = new Rate();
  readonly #received = new Rate();
  readonly #sent = new Rate();
  readonly #energy = new Rate();
  #components: TrackedComponent[] = [];
  #pods = new Map<string, { rate: Rate; place: CgroupPlace | undefined }>();
  #place: Promise<{ inContainer: boolean; cgroup: CgroupPlace | undefined }> | undefined;

  constructor(options: LinuxSignalsOptions) {
    this.#files = options.files ?? kernelFiles();
    this.#now = options.now ?? (() => performance.now());
    this.#scrape = options.scrape;
  }

  track(components: TrackedComponent[]): void {
    this.#components = components;
    const uids = new Set(components.map(({ podUid }) => podUid));
    for (const uid of this.#pods.keys()) if (!uids.has(uid)) this.#pods.delete(uid);
  }

  async read(): Promise<Sample[]> {
    const { inContainer, cgroup } = await this.#placement();
    const parts = await Promise.all([
      this.#processor(inContainer ? cgroup : undefined),
      this.#memory(inContainer ? cgroup : undefined),
      this.#load(inContainer),
      this.#network(),
      inContainer ? [] : this.#power(),
      ...this.#components.map((component) => this.#component(component, cgroup)),
    ]);
    return parts.flat();
  }

  async describe(): Promise<HostDescription> {
    const files = this.#files;
    const { inContainer, cgroup } = await this.#placement();
    const processors = parseProcStat((await files.read('/proc/stat')) ?? '')?.processors ?? 1;
    const quota = inContainer && cgroup ? await processorQuota(files, cgroup) : undefined;
    const memory = parseMemoryInfo((await files.read('/proc/meminfo')) ?? '')?.total ?? 0;
    const limit = inContainer && cgroup ? (await cgroupMemory(files, cgroup))?.limit : undefined;
    const info = parseProcessorInfo((await files.read('/proc/cpuinfo')) ?? '');
    const kilohertz = await Promise.all(
      ['cpuinfo_min_freq', 'cpuinfo_max_freq'].map((name) => readNumber(files, `/sys/devices/system/cpu/cpu0/cpufreq/${name}`)),
    );
    const scaling = kilohertz.filter((value) => value !== undefined).map((value) => value / 1e6);
    return {
      hostname: ((await files.read('/proc/sys/kernel/hostname')) ?? hostname()).trim(),
      architecture: arch() === 'x64' ? 'amd64' : arch(),
      cpuModel: info.model,
      cores: quota === undefined ? processors : Math.max(1, Math.round(Math.min(quota, processors))),
      frequencyGHz: scaling.length > 0 ? scaling : info.frequencyGHz === undefined ? [] : [info.frequencyGHz],
      memoryBytes: Math.min(memory, limit ?? memory),
    };
  }

  #placement(): Promise<{ inContainer: boolean; cgroup: CgroupPlace | undefined }> {
    this.#place ??= (async () => {
      const files = this.#files;
      // systemd-nspawn and others that follow systemd's container interface; docker has a mark of its own.
      const marks = await Promise.all(['/run/systemd/container', '/run/host/container-manager', '/.dockerenv'].map(files.exists));
      return { inContainer: marks.includes(true), cgroup: await hostCgroup(files) };
    })();
    return this.#place;
  }

  async #processor(cgroup: CgroupPlace | undefined): Promise<Sample[]> {
    const time = parseProcStat((await this.#files.read('/proc/stat')) ?? '');
    const at = this.#now();
    if (cgroup) {
      const seconds = await processorSeconds(this.#files, cgroup);
      const cores = (await processorQuota(this.#files, cgroup)) ?? time?.processors ?? 1;
      const used = this.#used.next(seconds, at);
      if (seconds !== undefined)
        return used === undefined ? [] : [{ metric: 'cpu_used_ratio', value: Math.min(used / cores, 1), source: fromCgroup }];
    }
    const busy = this.#busy.next(time?.busy, at);
    const total = this.#total.next(time?.total, at);
    if (busy === undefined || !total) return [];
    // A container whose cgroup tells nothing still has the machine's reading, named as such.
    const isMachine = (await this.#placement()).inContainer;
    return [{ metric: 'cpu_used_ratio', value: Math.min(busy / total, 1), ...(isMachine && { source: fromMachine }) }];
  }

  async #memory(cgroup: CgroupPlace | undefined): Promise<Sample[]> {
    const machine = parseMemoryInfo((await this.#files.read('/proc/meminfo')) ?? '');
    const own = cgroup && (await cgroupMemory(this.#files, cgroup));
    if (!machine) return [];
    if (own)
      return [
        { metric: 'memory_used_bytes', value: own.used, source: fromCgroup },
        { metric: 'memory_total_bytes', value: Math.min(machine.total, own.limit ?? machine.total), source: fromCgroup },
      ];
    const source = (await this.#placement()).inContainer ? { source: fromMachine } : {};
    return [
      { metric: 'memory_used_bytes', value: machine.total - machine.available, ...source },
      { metric: 'memory_total_bytes', value: machine.total, ...source },
    ];
  }

  async #load(inContainer: boolean): Promise<Sample[]> {
    const value = Number(((await this.#files.read('/proc/loadavg')) ?? '').split(' ')[0] || Number.NaN);
    return Number.isFinite(value) ? [{ metric: 'load_1m', value, ...(inContainer && { source: fromMachine }) }] : [];
  }

  /** Interfaces are of the network namespace, so these are the host's own in a container too. */
  async #network(): Promise<Sample[]> {
    const text = await this.#files.read('/proc/net/dev');
    if (text === undefined) return [];
    const { received, sent } = parseNetworkDevices(text);
    const at = this.#now();
    const rates = [
      ['network_receive_bytes_per_second', this.#received.next(received, at)],
      ['network_transmit_bytes_per_second', this.#sent.next(sent, at)],
    ] as const;
    return rates.flatMap(([metric, value]) => (value === undefined ? [] : [{ metric, value }]));
  }

  /** Packages' energy counters (RAPL), where they can be read. */
  async #power(): Promise<Sample[]> {
    const folder = '/sys/class/powercap';
    const packages = (await this.#files.list(folder)).filter((name) => /^intel-rapl:\d+$/.test(name));
    const counters = await Promise.all(packages.map((name) => readNumber(this.#files, join(folder, name, 'energy_uj'))));
    if (counters.length === 0 || counters.includes(undefined)) return [];
    const microjoules = counters.reduce((sum: number, value) => sum + (value ?? 0), 0);
    const watts = this.#energy.next(microjoules / 1e6, this.#now());
    return watts === undefined ? [] : [{ metric: 'power_w', value: watts, source: 'rapl' }];
  }

  async #component(tracked: TrackedComponent, host: CgroupPlace | undefined): Promise<Sample[]> {
    const { application, component, podUid } = tracked;
    const pod = this.#pods.get(podUid) ?? { rate: new Rate(), place: undefined };
    this.#pods.set(podUid, pod);
    if (host && !pod.place) pod.place = await podCgroup(this.#files, host, podUid);
    const samples: Sample[] = [];
    if (pod.place) {
      const seconds = await processorSeconds(this.#files, pod.place);
      const cores = pod.rate.next(seconds, this.#now());
      const memory = await cgroupMemory(this.#files, pod.place);
      if (cores !== undefined) samples.push({ metric: 'component_cpu_cores', value: cores, application, component });
      if (memory) samples.push({ metric: 'component_memory_bytes', value: memory.used, application, component });
      // A container that was started again may have a cgroup of another name.
      if (seconds === undefined) pod.place = undefined;
    }
    // A component that cannot be reached now has no metrics now; its state is Kubernetes' to tell.
    const scraped = await this.#scrape(tracked).catch(() => []);
    return [...samples, ...scraped];
  }
}
