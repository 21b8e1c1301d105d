import { customResourceDefinition, namespace } from '../../../agents/descriptions/custom-resource.ts';
import { apiGroup, kinds } from '../../../agents/descriptions/kinds.ts';
import { clusterLeaseName } from '../../../agents/election/kubernetes-lease.ts';
import { clusterStateName } from '../../../agents/election/shared-state.ts';
import { sha256Of } from '../../artefacts/digest.ts';
import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { adminKubeconfig, kubeadmFile, kubectl } from '../kubernetes/scripts.ts';
import { controlPlaneOf, isAdopted } from '../support/hosts.ts';
import { allOf, notesFolder, restartIfActive, script, undoing } from '../support/shell.ts';
import { clusterKubeconfig } from './configuration.ts';
import { agentService, agentUser } from './units.ts';

/** Whom a cluster agent is to its cluster. */
export const clusterAgentUser = 'mlsysops:cluster-agent';
const roleName = 'mlsysops-cluster-agent';
const { plural } = kinds.MLSysOpsApp;

export interface AccessRule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

/** In the whole cluster: it looks at nodes, and makes sure of its own namespace and kind. RBAC cannot bind "create" to a name. */
export const clusterRules: AccessRule[] = [
  { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['node.k8s.io'], resources: ['runtimeclasses'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['create'] },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['create'] },
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    resourceNames: [String(customResourceDefinition('MLSysOpsApp').metadata?.name)],
    verbs: ['get', 'patch'],
  },
];

/** In the namespace of applications alone: what placing, moving, changing and removing takes. No secrets, no other namespace. */
export const namespaceRules: AccessRule[] = [
  { apiGroups: [''], resources: ['pods', 'events'], verbs: ['get', 'list', 'watch'] },
  // A plan's mark, and other resources, on pods that run.
  { apiGroups: [''], resources: ['pods', 'pods/resize'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['get', 'list', 'watch', 'patch'] },
  { apiGroups: [apiGroup], resources: [plural], verbs: ['get', 'list', 'watch', 'patch'] },
  { apiGroups: [apiGroup], resources: [`${plural}/status`], verbs: ['get', 'patch', 'update'] },
  // Where there are two agents: who leads, and what the one has begun that the other must go on with.
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [clusterLeaseName], verbs: ['get', 'update'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: [clusterStateName], verbs: ['get', 'update'] },
];

/** Kubernetes objects that give the agent its rights, as a List in JSON. */
export function accessManifest(): string {
  const authorization = 'rbac.authorization.k8s.io';
  const apiVersion = `${authorization}/v1`;
  const labels = { 'app.kubernetes.io/managed-by': 'mlsysops-desktop' };
  const subjects = [{ kind: 'User', apiGroup: authorization, name: clusterAgentUser }];
  const role = (kind: 'ClusterRole' | 'Role') => ({ kind, name: roleName, apiGroup: authorization });
  const inNamespace = { name: roleName, namespace, labels };
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion, kind: 'ClusterRole', metadata: { name: roleName, labels }, rules: clusterRules },
    { apiVersion, kind: 'ClusterRoleBinding', metadata: { name: roleName, labels }, roleRef: role('ClusterRole'), subjects },
    { apiVersion, kind: 'Role', metadata: inNamespace, rules: namespaceRules },
    { apiVersion, kind: 'RoleBinding', metadata: inNamespace, roleRef: role('Role'), subjects },
  ];
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 2)}\n`;
}

/**
 * A certificate of its own for the agents of a cluster, signed by the cluster, with the rights above and no more: the administrator's stays
 * root's. Made anew when the cluster was made anew, when its certificates were renewed, or when the rights have changed.
 */
export function clusterAccessStep(): Step {
  const manifest = accessManifest();
  const file = '/etc/mlsysops/cluster-agent-access.json';
  const note = `${notesFolder}/cluster-access`;
  // A copy of the administrator's, as former versions made it, has no note.
  const noted = `[ "$(cat ${note} 2>/dev/null)" = "${sha256Of(manifest)} $(sha256sum </etc/kubernetes/pki/ca.crt)" ]`;
  const fresh = `${clusterKubeconfig}.new`;
  const own = kubectl(clusterKubeconfig);
  return {
    id: 'cluster-access',
    title: 'Give the cluster agent rights of its own in its cluster',
    observe: allOf(
      noted,
      `[ "$(stat -c '%a %G' ${clusterKubeconfig})" = '640 ${agentUser}' ]`,
      `[ ! ${adminKubeconfig} -nt ${clusterKubeconfig} ]`,
      `${own} get nodes -o name >/dev/null 2>&1`,
    ),
    files: () => Promise.resolve([{ path: file, mode: '0644', content: manifest }]),
    change: script(
      `${kubectl()} apply -f ${file} >/dev/null`,
      'umask 077',
      `kubeadm kubeconfig user --config=${kubeadmFile} --client-name=${clusterAgentUser} >${fresh}`,
      `grep -q client-certificate-data ${fresh}`,
      `chown root:${agentUser} ${fresh}`,
      `chmod 0640 ${fresh}`,
      `mv -f ${fresh} ${clusterKubeconfig}`,
      `${own} get nodes -o name >/dev/null`,
      ...(['cluster', 'continuum'] as const).map((layer) => restartIfActive(agentService(layer))),
      `mkdir -p ${notesFolder}`,
      `echo "${sha256Of(manifest)} $(sha256sum </etc/kubernetes/pki/ca.crt)" >${note}`,
    ),
    timeoutS: 120,
    undo: undoing(`rm -f ${clusterKubeconfig} ${fresh} ${file} ${note}`),
  };
}

/** A month, in seconds: what ends sooner is fetched anew. */
const soonS = 30 * 24 * 3600;

/** The same access for the agent that stands by on another host of the cluster, as the master has it. */
export function standbyAccessStep(host: Host, context: RunContext): Step {
  const own = kubectl(clusterKubeconfig);
  const certificate = `sed -n 's/.*client-certificate-data: //p' ${clusterKubeconfig} | base64 -d`;
  return {
    id: 'standby-access',
    title: 'Give the stand-by agent the rights of the cluster agent',
    observe: allOf(
      `[ "$(stat -c '%a %G' ${clusterKubeconfig})" = '640 ${agentUser}' ]`,
      `${own} get nodes -o name >/dev/null 2>&1`,
      // The kubeconfig of a cluster that was there before us may hold something else than a certificate.
      ...(isAdopted(host, context.testbed) ? [] : [`${certificate} | openssl x509 -noout -checkend ${soonS} >/dev/null 2>&1`]),
    ),
    files: async () => {
      const controlPlane = controlPlaneOf(context.testbed, host.cluster);
      const content = await context.execute(controlPlane.name, `cat ${clusterKubeconfig}`, {
        phase: 'agents',
        step: 'standby-access',
      });
      return [{ path: clusterKubeconfig, mode: '0600', content, secret: true }];
    },
    change: script(
      `chown root:${agentUser} ${clusterKubeconfig}`,
      `chmod 0640 ${clusterKubeconfig}`,
      `${own} get nodes -o name >/dev/null`,
      restartIfActive(agentService('cluster')),
    ),
    undo: undoing(`rm -f ${clusterKubeconfig}`),
  };
}
