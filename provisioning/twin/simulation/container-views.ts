import type { ComponentDescription } from '../../../agents/descriptions/application.ts';
import type { Amounts, ContainerView, WorkloadChange } from '../../../agents/orchestration/workloads.ts';

/** Containers of a component as they are described. */
export const containerViewsOf = ({ metadata, containers = [] }: ComponentDescription): ContainerView[] =>
  containers.map(({ image, platform_requirements: needs }, index) => ({
    name: index === 0 ? metadata.name : `${metadata.name}-${index}`,
    image,
    requests: amountsOf(needs?.cpu?.requests, needs?.memory?.requests),
    limits: amountsOf(needs?.cpu?.limits, needs?.memory?.limits),
  }));

const amountsOf = (cpu: string | number | undefined, memory: string | number | undefined): Amounts => ({
  ...(cpu !== undefined && { cpu: String(cpu) }),
  ...(memory !== undefined && { memory: String(memory) }),
});

/** What is changed of them; what is not named stays. */
export const withChange = (
  containers: readonly ContainerView[],
  changes: NonNullable<WorkloadChange['containers']>,
): ContainerView[] =>
  containers.map((container) => {
    const change = changes.find(({ name }) => name === container.name);
    return { ...container, ...(change?.image !== undefined && { image: change.image }), ...change?.resources };
  });
