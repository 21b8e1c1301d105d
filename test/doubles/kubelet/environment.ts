import type { Container, Pod, Service } from './types.ts';

/** What a container cannot be started with; Kubernetes calls it CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  override readonly name = 'ContainerConfigError';
}

/**
 * Environment of a container: the Services of its namespace, then its own variables, `$(NAME)` expanded
 * (kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
 * @throws ContainerConfigError for sources that the double does not know.
 */
export function environmentOf(pod: Pod, container: Container, services: Service[], hostIp: string): Record<string, string> {
  const values: Record<string, string> = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    HOSTNAME: pod.metadata?.name ?? '',
    ...serviceVariables(pod, services),
  };
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) values[name] = fieldOf(pod, valueFrom.fieldRef.fieldPath, hostIp);
    else if (valueFrom) throw new ContainerConfigError(`env ${name}: only value and fieldRef are known to the kubelet double`);
    else values[name] = expand(value ?? '', values);
  }
  return values;
}

/** `$(NAME)` of variables that are known; others stay as they are, `$$(` is a literal `$(`. */
export const expand = (text: string, values: Record<string, string>): string =>
  text.replace(/\$(\$)?\(([A-Za-z_][A-Za-z0-9_.-]*)\)/g, (whole, escaped: string | undefined, name: string) =>
    escaped ? `$(${name})` : (values[name] ?? whole),
  );

function serviceVariables(pod: Pod, services: Service[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const service of services) {
    const name = service.metadata?.name ?? '';
    const isApi = service.metadata?.namespace === 'default' && name === 'kubernetes';
    const isOwn = service.metadata?.namespace === pod.metadata?.namespace && pod.spec?.enableServiceLinks !== false;
    const ip = service.spec?.clusterIP;
    const ports = service.spec?.ports ?? [];
    if ((!isApi && !isOwn) || !ip || ip === 'None' || !ports[0]) continue;
    const upper = name.toUpperCase().replaceAll('-', '_');
    values[`${upper}_SERVICE_HOST`] = ip;
    values[`${upper}_SERVICE_PORT`] = String(ports[0].port);
    for (const port of ports)
      if (port.name) values[`${upper}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`] = String(port.port);
  }
  return values;
}

function fieldOf(pod: Pod, path: string, hostIp: string): string {
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed) return pod.metadata?.[keyed[1] as 'labels' | 'annotations']?.[keyed[2]!] ?? '';
  const fields: Record<string, string | undefined> = {
    'metadata.name': pod.metadata?.name,
    'metadata.namespace': pod.metadata?.namespace,
    'metadata.uid': pod.metadata?.uid,
    'spec.nodeName': pod.spec?.nodeName,
    'spec.serviceAccountName': pod.spec?.serviceAccountName ?? 'default',
    // Pods of the double have their host's network.
    'status.podIP': hostIp,
    'status.podIPs': hostIp,
    'status.hostIP': hostIp,
    'status.hostIPs': hostIp,
  };
  const value = fields[path];
  if (value === undefined) throw new ContainerConfigError(`fieldPath "${path}" is not known`);
  return value;
}
