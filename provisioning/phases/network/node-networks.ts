import { Failure } from '../../run/failure.ts';
import type { RunContext } from '../../run/phase.ts';
import { adminKubeconfig, kubectl } from '../kubernetes/scripts.ts';
import { controlPlaneOf, hostsOf } from '../support/hosts.ts';
import { script } from '../support/shell.ts';

/** Pod CIDR of each node of a cluster, by host name. */
export type NodeNetworks = ReadonlyMap<string, string>;

const ask = `${kubectl()} get nodes -o jsonpath='{range .items[*]}{.metadata.name}{" "}{.spec.podCIDR}{"\\n"}{end}'`;

/**
 * What a cluster says goes into commands that run as root on other hosts: only what is a CIDR counts.
 * @throws Failure (step) naming the node whose pod CIDR is something else
 */
export function parseNodeNetworks(text: string): NodeNetworks {
  const lines = text.split('\n').map((line) => line.trim().split(' '));
  return new Map(
    lines.flatMap(([name, cidr]) => {
      if (!name || !cidr) return [];
      if (!ipv4Cidr.test(cidr))
        throw new Failure({
          code: 'step',
          phase: 'network',
          cause: `the pod CIDR of node ${name} is ${JSON.stringify(cidr.slice(0, 60))}, which is no IPv4 network`,
          remedy: 'See "kubectl get nodes -o yaml" on the control plane: spec.podCIDR is set by kube-controller-manager',
        });
      return [[name, cidr] as const];
    }),
  );
}

const ipv4Cidr = /^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/;

const complete = (cluster: string, context: RunContext, networks: NodeNetworks): boolean =>
  hostsOf(context.testbed, cluster).every((host) => networks.has(host.name));

const known = new WeakMap<RunContext, Map<string, Promise<NodeNetworks | null>>>();

/** What the cluster says now; null while it is not there or not all of its nodes have their pod CIDR. Asked once for all hosts of a cluster. */
export async function knownNodeNetworks(cluster: string, context: RunContext): Promise<NodeNetworks | null> {
  const ofRun = known.get(context) ?? new Map<string, Promise<NodeNetworks | null>>();
  known.set(context, ofRun);
  const asked = ofRun.get(cluster) ?? readNodeNetworks(cluster, context);
  ofRun.set(cluster, asked);
  const networks = await asked;
  // What was not complete yet is asked again the next time.
  if (networks === null) ofRun.delete(cluster);
  return networks;
}

/** A node that is made anew may get another network: the cluster is asked again. */
export const forgetNodeNetworks = (cluster: string, context: RunContext): void => void known.get(context)?.delete(cluster);

async function readNodeNetworks(cluster: string, context: RunContext): Promise<NodeNetworks | null> {
  const controlPlane = controlPlaneOf(context.testbed, cluster);
  const look = script(`[ ! -e ${adminKubeconfig} ] || ${ask} 2>/dev/null || :`);
  // Before its first run a host has nothing to tell, and one that cannot be reached says so in its own phase.
  const text = await context.execute(controlPlane.name, look, { phase: 'network', timeoutS: 30 }).catch(() => '');
  const networks = parseNodeNetworks(text);
  return complete(cluster, context, networks) ? networks : null;
}

/** Waits until every node of the cluster has its pod CIDR. @throws Failure naming the nodes that have none. */
export async function awaitNodeNetworks(cluster: string, context: RunContext): Promise<NodeNetworks> {
  const controlPlane = controlPlaneOf(context.testbed, cluster);
  const names = hostsOf(context.testbed, cluster).map((host) => host.name);
  const text = await context.execute(
    controlPlane.name,
    script(
      'attempt=0',
      'while :; do',
      `  found=$(${ask} 2>/dev/null || :)`,
      '  missing=0',
      `  for node in ${names.join(' ')}; do printf '%s\\n' "$found" | grep -q "^$node [0-9]" || missing=1; done`,
      '  attempt=$((attempt + 1))',
      '  if [ "$missing" = 0 ] || [ "$attempt" -ge 120 ]; then break; fi',
      '  sleep 0.5',
      'done',
      `printf '%s\\n' "$found"`,
    ),
    { phase: 'network', step: 'pod-cidrs', timeoutS: 120 },
  );
  const networks = parseNodeNetworks(text);
  if (complete(cluster, context, networks)) return networks;
  const missing = names.filter((name) => !networks.has(name)).join(', ');
  throw new Failure({
    code: 'step',
    host: controlPlane.name,
    phase: 'network',
    cause: `Kubernetes has given no pod CIDR to ${missing} within 60 s`,
    remedy: 'See whether kube-controller-manager runs on the control plane (kubectl -n kube-system get pods)',
  });
}
