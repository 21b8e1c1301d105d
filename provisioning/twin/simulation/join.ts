import { type Behaviour, cameraBehaviours } from './behaviour.ts';
import type { FlowModel } from './service.ts';
import type { Workload } from './workload.ts';

export const behaviourOf = ({ role, behaviour }: Workload): Behaviour | undefined =>
  behaviour ?? (role && cameraBehaviours[role]);
const componentOf = ({ role, component }: Workload): string => role ?? component;

/** The workloads that traffic goes to: of each component those that serve and are of its newest revision. The older are about to end. */
export function workingOf(workloads: readonly Workload[]): Set<Workload> {
  const newest = new Map<string, Workload[]>();
  for (const workload of workloads) {
    if (!workload.serving || !behaviourOf(workload)) continue;
    const component = componentOf(workload);
    const others = newest.get(component);
    const isSame = workload.revision !== undefined && others?.[0]?.revision === workload.revision;
    newest.set(component, isSame ? [...others, workload] : [workload]);
  }
  return new Set([...newest.values()].flat());
}

/**
 * Joins working workloads into an application: services, each after those it gets requests from, and the flows between them. Requests are
 * shared evenly by the pods of a component; what would close a circle is left out.
 */
export function join(
  working: ReadonlySet<Workload>,
  serviceOf: (uid: string) => number,
): { services: number[]; flows: FlowModel[]; isBroken: boolean; hasSource: boolean } {
  const byComponent = new Map<string, Workload[]>();
  for (const workload of working)
    byComponent.set(componentOf(workload), [...(byComponent.get(componentOf(workload)) ?? []), workload]);
  const ordered: string[] = [];
  const visiting = new Set<string>();
  let isBroken = false;
  const flows: FlowModel[] = [];
  const visit = (component: string): void => {
    visiting.add(component);
    for (const { component: target, requests = 1, bytes = 0, bytesPerItem = 0 } of sendsTo(component)) {
      const receivers = byComponent.get(target);
      if (!receivers) {
        isBroken = true;
        continue;
      }
      if (visiting.has(target) && !ordered.includes(target)) continue;
      if (!visiting.has(target)) visit(target);
      for (const sender of byComponent.get(component)!)
        for (const receiver of receivers)
          flows.push({
            from: serviceOf(sender.uid),
            to: serviceOf(receiver.uid),
            requests: requests / receivers.length,
            bytes,
            bytesPerItem,
          });
    }
    ordered.push(component);
  };
  const sendsTo = (component: string) => behaviourOf(byComponent.get(component)![0]!)!.sendsTo;
  for (const component of byComponent.keys()) if (!visiting.has(component)) visit(component);
  const services = ordered.reverse().flatMap((component) => byComponent.get(component)!.map(({ uid }) => serviceOf(uid)));
  return { services, flows, isBroken, hasSource: [...working].some((workload) => (behaviourOf(workload)?.makes ?? 0) > 0) };
}
