import type { Clock } from '../clock.ts';
import type { NodeDescription } from '../descriptions/node.ts';
import type { ClusterOrchestrator } from '../orchestration/orchestrator.ts';
import { AcceleratorMechanism } from './accelerator.ts';
import { ComponentSleepMechanism } from './component-sleep.ts';
import { ImageMechanism } from './image.ts';
import type { Mechanism } from './mechanism.ts';
import { ReplicasMechanism } from './replicas.ts';
import { ResourcesMechanism } from './resources.ts';
import { RuntimeClassMechanism } from './runtime-class.ts';

/** The knobs of components that run in a cluster, besides where they do; none where the orchestrator cannot change them. */
export function workloadMechanisms(
  orchestrator: ClusterOrchestrator,
  clock: Clock,
  descriptionOf: (node: string) => NodeDescription | undefined,
): Mechanism[] {
  const { workloads } = orchestrator;
  if (!workloads) return [];
  const cluster = {
    workloads,
    applications: () => orchestrator.applications(),
    onChange: (listener: () => void) => orchestrator.onChange(listener),
  };
  const node = (name: string) => {
    const found = orchestrator.nodes().find((one) => one.name === name);
    return found && { ...found, description: descriptionOf(name) };
  };
  return [
    new ReplicasMechanism(cluster, clock),
    new ResourcesMechanism(cluster, clock),
    new ImageMechanism({ ...cluster, descriptionOf }, clock),
    new RuntimeClassMechanism(cluster, clock),
    new ComponentSleepMechanism(cluster, clock),
    new AcceleratorMechanism({ ...cluster, node }, clock),
  ];
}
