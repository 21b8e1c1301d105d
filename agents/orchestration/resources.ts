import { createHash } from 'node:crypto';
import type { V1Container, V1Deployment, V1Service } from '@kubernetes/client-node';
import type { ApplicationDescription, ComponentDescription } from '../descriptions/application.ts';
import { namespace } from '../descriptions/custom-resource.ts';
import { apiVersion } from '../descriptions/kinds.ts';
import { replicaLimits } from '../descriptions/scaling.ts';
import { devicesWanted, type Offered } from './devices.ts';

export const labels = {
  app: 'mlsysops.eu/app',
  component: 'mlsysops.eu/component',
  componentUid: 'mlsysops.eu/componentUID',
  planUid: 'mlsysops.eu/planUID',
} as const;
export const metricsPortAnnotation = 'mlsysops.eu/metrics-port';
export const hostnameLabel = 'kubernetes.io/hostname';

/** The component's own uid, or one that is the same each time it is made from the same description. */
export function componentUid(application: string, component: ComponentDescription): string {
  if (component.metadata.uid) return component.metadata.uid;
  return createHash('sha256').update(`${application}/${component.metadata.name}`).digest('hex').slice(0, 16);
}

export const deploymentName = (application: string, component: string): string => `${application}-${component}`;

/** The port that node agents scrape: the one named "metrics". */
export const metricsPort = (component: ComponentDescription): number | undefined =>
  component.containers?.flatMap(({ ports }) => ports ?? []).find(({ name }) => name === 'metrics')?.container_port;

/** One Deployment a component, pinned to a node; a change of the pin starts the new pod before the old one ends. */
export function deploymentOf(
  application: ApplicationDescription,
  component: ComponentDescription,
  options: { node: string; planUid: string; ownerUid: string; offered?: Offered },
): V1Deployment {
  const name = component.metadata.name;
  const selector = { [labels.app]: application.name, [labels.component]: name };
  const marks = {
    ...selector,
    [labels.componentUid]: componentUid(application.name, component),
    [labels.planUid]: options.planUid,
  };
  const port = metricsPort(component);
  const runtimeClass = runtimeClassOf(component);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: deploymentName(application.name, name),
      namespace,
      labels: marks,
      ownerReferences: [owner(application.name, options.ownerUid)],
    },
    spec: {
      replicas: replicaLimits(application, component).initial,
      selector: { matchLabels: selector },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: marks, ...(port !== undefined && { annotations: { [metricsPortAnnotation]: String(port) } }) },
        spec: {
          nodeSelector: { [hostnameLabel]: options.node },
          ...(component.host_network && { hostNetwork: true }),
          ...(runtimeClass && { runtimeClassName: runtimeClass }),
          terminationGracePeriodSeconds: 5,
          containers: containersOf(component, options.offered),
        },
      },
    },
  };
}

/** Name of the component's RuntimeClass; undefined for the cluster's own. */
export const runtimeClassOf = ({ runtime_class_name: name }: ComponentDescription): string | undefined =>
  name === 'default' ? undefined : name;

/** `offered` are the devices of the node that they are for. */
export const containersOf = (
  { metadata: { name }, containers = [] }: ComponentDescription,
  offered: Offered = undefined,
): V1Container[] =>
  containers.map((container, index) =>
    containerOf(container, index === 0 ? name : `${name}-${index}`, devicesWanted(container, offered)),
  );

/** A Service with the component's name, so that its peers find it by that; undefined when it opens no port. */
export function serviceOf(
  application: ApplicationDescription,
  component: ComponentDescription,
  ownerUid: string,
): V1Service | undefined {
  const ports = (component.containers ?? []).flatMap((container) => container.ports ?? []);
  if (ports.length === 0) return undefined;
  const selector = { [labels.app]: application.name, [labels.component]: component.metadata.name };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: component.metadata.name,
      namespace,
      labels: selector,
      ownerReferences: [owner(application.name, ownerUid)],
    },
    spec: {
      type: component.external_access ? 'NodePort' : 'ClusterIP',
      selector,
      ports: ports.map((port, index) => ({
        name: port.name ?? `port-${index}`,
        port: port.container_port,
        targetPort: port.container_port,
        protocol: port.protocol ?? 'TCP',
      })),
    },
  };
}

const owner = (application: string, uid: string) => ({ apiVersion, kind: 'MLSysOpsApp', name: application, uid });

function containerOf(
  container: NonNullable<ComponentDescription['containers']>[number],
  name: string,
  devices: Record<string, string>,
): V1Container {
  const { cpu, memory } = container.platform_requirements ?? {};
  // Of a device, requests and limits are one.
  const requests = quantities(cpu?.requests, memory?.requests, devices);
  const limits = quantities(cpu?.limits, memory?.limits, devices);
  return {
    name,
    image: container.image,
    ...(container.command && { command: container.command }),
    ...(container.image_pull_policy && { imagePullPolicy: container.image_pull_policy }),
    ...(container.ports && {
      ports: container.ports.map((port) => ({
        containerPort: port.container_port,
        ...(port.name && { name: port.name }),
        ...(port.host_port && { hostPort: port.host_port }),
        ...(port.host_ip && { hostIP: port.host_ip }),
        protocol: port.protocol ?? 'TCP',
      })),
    }),
    ...(container.env && {
      env: container.env.map((variable) => ({
        name: variable.name,
        ...(variable.value !== undefined && { value: variable.value }),
        ...(variable.value_from && { valueFrom: { fieldRef: { fieldPath: variable.value_from.field_ref.field_path } } }),
      })),
    }),
    ...((requests || limits) && { resources: { ...(requests && { requests }), ...(limits && { limits }) } }),
  };
}

function quantities(
  cpu: string | number | undefined,
  memory: string | number | undefined,
  devices: Record<string, string>,
): Record<string, string> | undefined {
  if (cpu === undefined && memory === undefined && Object.keys(devices).length === 0) return undefined;
  return { ...(cpu !== undefined && { cpu: String(cpu) }), ...(memory !== undefined && { memory: String(memory) }), ...devices };
}
