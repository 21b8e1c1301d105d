import { arch, hostname } from 'node:os';
import { join } from 'node:path';
import type { Sample } from '../../bus/messages.ts';
import type { PowerModel } from '../power-model.ts';
import type { ComponentTracking, HostDescription, HostSignals, TrackedComponent } from '../signals.ts';
import { BatteryReader } from './battery.ts';
import { memoryBytes as cgroupMemory, hostCgroup, processorQuota } from './cgroup.ts';
import { ComponentReader } from './component.ts';
import { DiskReader } from './disk.ts';
import { type KernelFiles, kernelFiles, readNumber } from './files.ts';
import { FrequencyReader } from './frequency.ts';
import { MemoryReader } from './memory.ts';
import { NetworkReader } from './network.ts';
import { PowerReader } from './power.ts';
import { PressureReader } from './pressure.ts';
import { parseMemoryInfo, parseProcessorInfo, parseProcStat } from './proc.ts';
import { ProcessorReader } from './processor.ts';
import { ofMachine, type Place, type Reader, samplesOf } from './reader.ts';
import { TemperatureReader } from './temperature.ts';

export interface LinuxSignalsOptions {
  files?: KernelFiles;
  /** ms, monotonic. */
  now?: () => number;
  /** Reads a component's own metrics; fails when it cannot be reached. */
  scrape: (component: TrackedComponent) => Promise<Sample[]>;
  /** Of this host, where it is known better than by the name of its processor. */
  powerModel?: PowerModel;
}

/** A Linux host through /proc, /sys and cgroups. In a container, which a local host is, through the container's own cgroup: /proc/stat there is the whole machine's. */
export class LinuxSignals implements HostSignals, ComponentTracking {
  readonly #options: LinuxSignalsOptions;
  readonly #now: () => number;
  #host: { place: Place; readers: Reader[] } | undefined;
  readonly #pods = new Map<string, ComponentReader>();
  #components: TrackedComponent[] = [];

  constructor(options: LinuxSignalsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  track(components: TrackedComponent[]): void {
    this.#components = components;
    const uids = new Set(components.map(({ podUid }) => podUid));
    for (const uid of this.#pods.keys()) if (!uids.has(uid)) this.#pods.delete(uid);
  }

  /** Those that were told last. */
  get components(): readonly TrackedComponent[] {
    return this.#components;
  }

  async read(): Promise<Sample[]> {
    // A component that cannot be reached now has no metrics now; its state is Kubernetes' to tell.
    const scraped = Promise.all(this.#components.map((tracked) => this.#options.scrape(tracked).catch(() => [])));
    const { place, readers } = this.#look();
    const at = this.#now();
    const samples: Sample[] = [];
    for (const reader of readers) samples.push(...reader.read(at, samples));
    for (const tracked of this.#components) {
      const reader = this.#pods.get(tracked.podUid) ?? new ComponentReader(place, tracked);
      this.#pods.set(tracked.podUid, reader);
      samples.push(...reader.read(at));
    }
    return [...samples, ...(await scraped).flat()];
  }

  async describe(): Promise<HostDescription> {
    const { files, inContainer, cgroup } = this.#look().place;
    const processors = parseProcStat(files.read('/proc/stat') ?? '')?.processors ?? 1;
    const quota = inContainer && cgroup ? processorQuota(files, cgroup) : undefined;
    const memory = parseMemoryInfo(files.read('/proc/meminfo') ?? '')?.total ?? 0;
    const limit = inContainer && cgroup ? cgroupMemory(files, cgroup)?.limit : undefined;
    const info = parseProcessorInfo(files.read('/proc/cpuinfo') ?? '');
    const kilohertz = ['cpuinfo_min_freq', 'cpuinfo_max_freq'].map((name) =>
      readNumber(files, join('/sys/devices/system/cpu/cpu0/cpufreq', name)),
    );
    const scaling = kilohertz.filter((value) => value !== undefined).map((value) => value / 1e6);
    return {
      hostname: (files.read('/proc/sys/kernel/hostname') ?? hostname()).trim(),
      architecture: arch() === 'x64' ? 'amd64' : arch(),
      cpuModel: info.model,
      cores: quota === undefined ? processors : Math.max(1, Math.round(Math.min(quota, processors))),
      frequencyGHz: scaling.length > 0 ? scaling : info.frequencyGHz === undefined ? [] : [info.frequencyGHz],
      memoryBytes: Math.min(memory, limit ?? memory),
    };
  }

  /** What does not change while the host is up, found out at the first reading. */
  #look(): { place: Place; readers: Reader[] } {
    if (this.#host) return this.#host;
    const files = this.#options.files ?? kernelFiles();
    // systemd-nspawn and others that follow systemd's container interface; docker has a mark of its own.
    const inContainer = ['/run/systemd/container', '/run/host/container-manager', '/.dockerenv'].some(files.exists);
    const place = { files, inContainer, cgroup: hostCgroup(files) };
    const readers = [
      new ProcessorReader(place),
      new FrequencyReader(place),
      new MemoryReader(place),
      { read: () => samplesOf({ load_1m: load(files) }, ofMachine(place)) },
      new PressureReader(place),
      new DiskReader(place),
      new NetworkReader(place),
      new TemperatureReader(place),
      new BatteryReader(place),
      // Last: a model goes on what the others have read.
      new PowerReader(place, this.#options.powerModel),
    ];
    this.#host = { place, readers };
    return this.#host;
  }
}

/** The 1-minute load of /proc/loadavg. */
function load(files: KernelFiles): number | undefined {
  const value = Number((files.read('/proc/loadavg') ?? '').split(' ')[0] || Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}
