/** What the facts phase reads of a host, in one script. */
export interface HostFacts {
  hostname: string;
  os: { id: string; version: string; pretty: string };
  kernel: string;
  architecture: 'amd64' | 'arm64';
  cgroup: 'v1' | 'v2';
  /** cgroup controllers that the kernel has switched on. Empty: it did not say. */
  controllers: string[];
  boot: {
    /** Of the kernel. */
    parameters: string[];
    /** Where a Raspberry Pi keeps them. */
    file: string | null;
    /** What the firmware says that the board is, e.g. "Raspberry Pi 4 Model B Rev 1.4". */
    board: string | null;
  };
  /** Whether it finds its own name without asking a name server, as sudo does each time. */
  knowsOwnName: boolean;
  identity: { machineId: string | null; productUuid: string | null };
  cpuModel: string;
  cores: number;
  memoryBytes: number;
  memoryAvailableBytes: number;
  /** What the host's own control group allows, when that is less than the memory. */
  memoryLimitBytes: number | null;
  /** Under /var. */
  diskFreeBytes: number;
  mounts: MountFacts[];
  swap: boolean;
  /** Host clock minus ours, seconds. */
  clockOffsetS: number;
  /** Service that sets the clock, e.g. "systemd-timesyncd". */
  timeKeeper: string | null;
  container: string | null;
  /** Kind of virtual machine, e.g. "kvm"; null on hardware of its own. */
  virtualMachine: string | null;
  addresses: string[];
  interfaces: InterfaceFacts[];
  /** IPv4, of the main table. `via` is null where the destination is on the link itself. */
  routes: { destination: string; device: string; via: string | null }[];
  nameServers: string[];
  /** TCP. `ours`: a process that provisioning or Kubernetes on this host has started. */
  listening: { port: number; process: string; pid?: number; ours?: boolean }[];
  listeningUdp: { port: number; process: string; pid?: number; ours?: boolean }[];
  /** 'fixed': off, and cannot be written. */
  forwarding: 'on' | 'off' | 'fixed';
  features: Record<string, 'ready' | 'loadable' | 'missing' | 'unknown'>;
  /** HTTP proxies that the host is set up with, and where that stands. */
  proxies: { file: string; url: string }[];
  python: { path: string; version: string; pandas: string | null } | null;
  found: FoundSoftware[];
  packages: {
    /** Programs of the distribution that a run needs and the host lacks. */
    missing: string[];
    /** Where its package manager looks for them: origins such as "http://deb.debian.org". */
    sources: string[];
  };
  /** Of the container runtime; absent: not looked at. */
  runtime?: RuntimeFacts;
  hardware: HardwareFacts;
  /** Whether systemd is its init. */
  systemd?: boolean;
  shellStartMs: number;
}

/** Versions of a part of the runtime: as it is on the host ("unknown": it does not say), and as a package of the distribution would be. */
export interface PartFacts {
  installed: string | null;
  offered: string | null;
}

export interface RuntimeFacts {
  /** Whether packages can be installed by apt. */
  apt: boolean;
  containerd: PartFacts;
  runc: PartFacts;
  'cni-plugins': PartFacts;
}

/** A path that will be written to, and the file system that it lies on. */
export interface MountFacts {
  path: string;
  mount: string;
  device: string;
  sizeBytes: number;
  freeBytes: number;
  /** 0–1; null where the file system does not count inodes. */
  freeInodes: number | null;
  readOnly: boolean;
}

export interface InterfaceFacts {
  name: string;
  kind: 'ethernet' | 'wifi' | 'mobile' | 'bluetooth' | 'virtual';
  macAddress: string | null;
  up: boolean;
  speedMbps: number | null;
}

/** Something that somebody else has put on the host. `evidence` is a file, a process or an interface. */
export interface FoundSoftware {
  kind:
    | 'docker'
    | 'podman'
    | 'k3s'
    | 'k0s'
    | 'rke2'
    | 'microk8s'
    | 'kubernetes'
    | 'containers'
    | 'containerd-configuration'
    | 'cni-configuration'
    | 'nats'
    | 'ufw'
    | 'firewalld'
    | 'forward-drop';
  evidence: string;
  running: boolean;
}

export interface HardwareFacts {
  /** Lowest first; empty when the kernel does not say. */
  frequenciesGhz: number[];
  diskBytes: number;
  gpus: { model: string; memoryBytes: number | null }[];
  /** Intel's or AMD's energy counters, by name, and the power that each may take at most. */
  rapl: { name: string; mostW: number | null }[];
  batteries: { name: string; fullWh: number | null }[];
  /** Sensors that measure power, by the name of their chip. */
  powerSensors: string[];
  /** null: no power supply says so. */
  mains: boolean | null;
}
