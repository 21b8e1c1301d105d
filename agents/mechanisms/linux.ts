import type { Clock } from '../clock.ts';
import type { NodeDescription } from '../descriptions/node.ts';
import { kernelFiles } from '../host/linux/files.ts';
import { GpuFiles } from '../host/linux/gpu-files.ts';
import { NvidiaClocks } from '../host/linux/nvidia.ts';
import { PolicyRoutes } from '../host/linux/policy-routes.ts';
import { CpusetCgroups } from '../host/linux/processor-sets.ts';
import { hostPrograms, type Programs } from '../host/linux/programs.ts';
import { kernelSettings } from '../host/linux/settings.ts';
import { TrafficControl } from '../host/linux/traffic-control.ts';
import type { TrackedComponent } from '../host/signals.ts';
import { CpuFrequencyMechanism } from './cpu-frequency.ts';
import { CpusetMechanism } from './cpuset.ts';
import { GpuFrequencyMechanism } from './gpu-frequency.ts';
import type { Mechanism } from './mechanism.ts';
import { ForbiddenMechanism, nodePermits } from './permission.ts';
import { PowerCapMechanism } from './power-cap.ts';
import { TrafficRedirectionMechanism } from './traffic-redirection.ts';
import { TrafficShapingMechanism } from './traffic-shaping.ts';

export interface LinuxMechanismsOptions {
  /** Of this host: what it permits, and which interfaces and accelerators it has for applications. */
  description?: NodeDescription | undefined;
  /** Components that run here now, as the cluster agent has told them. */
  components: () => readonly TrackedComponent[];
  clock: Clock;
  /** Where "/" of the kernel's files is; another in tests. */
  root?: string;
  /** tc, nft and ip of the host; others in tests. */
  programs?: Programs;
}

/** The knobs of a Linux host. What its kernel or hardware lacks, or its description forbids, is there as an absent one. */
export function linuxMechanisms(options: LinuxMechanismsOptions): Mechanism[] {
  const { description, components, clock, root, programs = hostPrograms() } = options;
  const settings = kernelSettings(root);
  const offered: [Mechanism, Parameters<typeof nodePermits>[1]][] = [
    [new CpuFrequencyMechanism(settings), 'cpu_frequency'],
    [new PowerCapMechanism(settings), 'set_power_cap'],
    [new GpuFrequencyMechanism({ sources: [new GpuFiles(settings), new NvidiaClocks(programs)], clock }), 'gpu_frequency'],
    [new CpusetMechanism({ sets: new CpusetCgroups(kernelFiles(root), settings), components }), 'change_container_cpu_set'],
    // The framework has no action of its own for holding traffic back.
    [new TrafficShapingMechanism({ shaping: new TrafficControl(programs), components, clock }), 'traffic_redirection'],
    [
      new TrafficRedirectionMechanism({ redirection: new PolicyRoutes(programs), components, description, clock }),
      'traffic_redirection',
    ],
  ];
  return offered.map(([mechanism, action]) =>
    nodePermits(description, action) ? mechanism : new ForbiddenMechanism(mechanism, action),
  );
}
