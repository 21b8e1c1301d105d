import type { Clock } from '../clock.ts';
import {
  type ApplicationAction,
  type ApplicationDescription,
  type ComponentDescription,
  permits,
} from '../descriptions/application.ts';
import type { ClusterOrchestrator, DescribedApplication } from '../orchestration/orchestrator.ts';
import type { WorkloadPod, Workloads, WorkloadView } from '../orchestration/workloads.ts';
import { MechanismError, type PlanSteps } from './mechanism.ts';
import { waitUntil } from './steps.ts';

/** Pulling an image over a slow link takes this long at worst. */
export const startTimeoutMs = 120_000;
export const endTimeoutMs = 60_000;
/** Of a new pod beside one that serves: what keeps it from starting now will keep it later, and going back costs nothing. */
const hopeless =
  /^(ErrImageNeverPull|InvalidImageName|ImagePullBackOff|CrashLoopBackOff|CreateContainer(Config)?Error|RunContainerError)/;
const noRoom = /nodes are available/;

/** What the four mechanisms that change running components need of their cluster. */
export type WorkloadCluster = Pick<ClusterOrchestrator, 'applications' | 'onChange'> & { workloads: Workloads };

/** One component that a command names, as it runs and as it is described. */
export interface Named {
  view: WorkloadView;
  application: ApplicationDescription;
  component: ComponentDescription;
}

export function described(cluster: WorkloadCluster, application: string, component: string): Omit<Named, 'view'> | undefined {
  const found = cluster.applications().find(({ description }: DescribedApplication) => description.name === application);
  const one = found?.description.components.find(({ metadata }) => metadata.name === component);
  return found && one && { application: found.description, component: one };
}

export const viewOf = ({ workloads }: WorkloadCluster, application: string, component: string): WorkloadView | undefined =>
  workloads.views().find((view) => view.application === application && view.component === component);

/**
 * The component that a command is for.
 * @throws MechanismError when it does not run, is described no more, or its application does not permit `action`
 */
export function named(cluster: WorkloadCluster, application: string, component: string, action: ApplicationAction | null): Named {
  const view = viewOf(cluster, application, component);
  if (!view) throw new MechanismError(`${component} of ${application} does not run in this cluster`);
  const description = described(cluster, application, component);
  if (!description) throw new MechanismError(`${component} of ${application} is not described any more`);
  if (action && !permits(description.application, action)) throw new MechanismError(`${application} does not permit ${action}`);
  return { view, ...description };
}

/** The container that a command names; the only or first one when it names none. @throws MechanismError */
export function containerIn(view: WorkloadView, name: string | undefined): WorkloadView['containers'][number] {
  const found = name === undefined ? view.containers[0] : view.containers.find((container) => container.name === name);
  if (found) return found;
  const there = view.containers.map((container) => container.name).join(', ') || 'none';
  throw new MechanismError(`${view.component} has no container ${name ?? ''}; there are: ${there}`);
}

/**
 * Changes the template of a component: as many new pods as it has replicas become ready, then the former ones end. Until they are ready a
 * failure puts back what was.
 */
export async function replacePods(
  plan: PlanSteps,
  { cluster, clock }: { cluster: WorkloadCluster; clock: Clock },
  { application, component }: WorkloadView,
  titles: { change: string; putBack: string },
  change: () => Promise<() => Promise<void>>,
): Promise<void> {
  let putBack = (): Promise<void> => Promise.resolve();
  await plan.run(
    titles.change,
    async () => {
      putBack = await change();
    },
    { title: titles.putBack, run: () => putBack() },
  );
  const fresh = () =>
    (viewOf(cluster, application, component)?.pods ?? []).filter((pod) => pod.planUid === plan.planId && !pod.leaving);
  await plan.run(`Start ${component} as it is now`, () =>
    waitUntil({
      what: `${component} does not start`,
      isTrue: () => ready(fresh()) >= (viewOf(cluster, application, component)?.replicas ?? Number.POSITIVE_INFINITY),
      failed: () => gone(cluster, application, component) ?? reasonOf(fresh()),
      onChange: (listener) => cluster.onChange(listener),
      clock,
      timeoutMs: startTimeoutMs,
    }),
  );
  plan.keep();
  const former = () => viewOf(cluster, application, component)?.pods.some((pod) => pod.planUid !== plan.planId) ?? false;
  await plan.run(`End ${component} as it was`, () =>
    waitUntil({
      what: `${component} does not end`,
      isTrue: () => !former(),
      onChange: (listener) => cluster.onChange(listener),
      clock,
      timeoutMs: endTimeoutMs,
    }),
  );
}

export const ready = (pods: readonly WorkloadPod[]): number => pods.filter((pod) => pod.ready).length;

/** Why pods will not start, however long one waits; undefined while they may. */
export const reasonOf = (pods: readonly WorkloadPod[]): string | undefined =>
  pods.find(({ reason, node }) => reason && (hopeless.test(reason) || (node === null && noRoom.test(reason))))?.reason;

export const gone = (cluster: WorkloadCluster, application: string, component: string): string | undefined =>
  viewOf(cluster, application, component) ? undefined : 'its Deployment has been deleted';
