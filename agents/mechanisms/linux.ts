import type { NodeDescription } from '../descriptions/node.ts';
import { kernelFiles } from '../host/linux/files.ts';
import { CpusetCgroups } from '../host/linux/processor-sets.ts';
import { kernelSettings } from '../host/linux/settings.ts';
import { CpuFrequencyMechanism } from './cpu-frequency.ts';
import { CpusetMechanism } from './cpuset.ts';
import type { Mechanism } from './mechanism.ts';
import { ForbiddenMechanism, nodePermits, type PermittedComponent } from './permission.ts';
import { PowerCapMechanism } from './power-cap.ts';

export interface LinuxMechanismsOptions {
  /** Of this host: what it permits, and which interfaces and accelerators it has for applications. */
  description?: NodeDescription | undefined;
  /** Components that run here now, as the cluster agent has told them. */
  components: () => PermittedComponent[];
  /** Where "/" of the kernel's files is; another in tests. */
  root?: string;
}

/** The knobs of a Linux host. What its kernel or hardware lacks, or its description forbids, is there as an absent one. */
export function linuxMechanisms({ description, components, root }: LinuxMechanismsOptions): Mechanism[] {
  const settings = kernelSettings(root);
  const offered: [Mechanism, Parameters<typeof nodePermits>[1]][] = [
    [new CpuFrequencyMechanism(settings), 'cpu_frequency'],
    [new PowerCapMechanism(settings), 'set_power_cap'],
    [new CpusetMechanism({ sets: new CpusetCgroups(kernelFiles(root), settings), components }), 'change_container_cpu_set'],
  ];
  return offered.map(([mechanism, action]) =>
    nodePermits(description, action) ? mechanism : new ForbiddenMechanism(mechanism, action),
  );
}
