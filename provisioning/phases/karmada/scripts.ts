import { hasLine, lookOf } from '../kubernetes/looks.ts';
import { kubectl } from '../kubernetes/scripts.ts';
import { notesFolder } from '../support/shell.ts';

export const karmadaFolder = '/etc/karmada';
export const karmadaKubeconfig = `${karmadaFolder}/karmada-apiserver.config`;
export const karmadaPort = 32443;
/** Written when we begin to make Karmada, and when it is there: what lies between is taken away before the next try. */
export const begunNote = `${notesFolder}/karmada-begun`;
export const doneNote = `${notesFolder}/karmada-done`;

/** Karmada answers for its clusters: an API server of its own behind the first, which comes up a minute later than that one. */
export const karmadaReady = `${kubectl(karmadaKubeconfig)} get --raw=/apis/cluster.karmada.io/v1alpha1 >/dev/null 2>&1`;

/** Karmada's members, asked on the management host: a line "members", then "<name>|<Push or Pull>|<Ready>" for each. */
export const membersLook = {
  ...lookOf(
    'm_members',
    `${kubectl(karmadaKubeconfig)} get clusters -o jsonpath='members{"\\n"}{range .items[*]}{.metadata.name}|{.spec.syncMode}|{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'`,
  ),
  answers: hasLine('m_members', 'members$'),
  isReady: (cluster: string): string => hasLine('m_members', `${cluster}|[^|]*|True$`),
  isReadyBy: (cluster: string, mode: 'Push' | 'Pull'): string => hasLine('m_members', `${cluster}|${mode}|True$`),
};

/** The Ready condition of a member is True. */
export const memberReady = (cluster: string): string =>
  `[ "$(${kubectl(karmadaKubeconfig)} get cluster ${cluster} -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" = True ]`;

export const memberExists = (cluster: string): string => `${kubectl(karmadaKubeconfig)} get cluster ${cluster} >/dev/null 2>&1`;

/** Whether a member is worked with in that way. */
export const memberJoinedBy = (cluster: string, mode: 'Push' | 'Pull'): string =>
  `[ "$(${kubectl(karmadaKubeconfig)} get cluster ${cluster} -o jsonpath='{.spec.syncMode}' 2>/dev/null)" = ${mode} ]`;

/** On the management host: says with which of a member's kubeconfigs it was joined by push. */
export const joinedNote = (cluster: string): string => `${notesFolder}/joined-${cluster}`;

/**
 * Takes a cluster out of Karmada. Its work must be taken down by whoever brings it there; an agent that is no more never does, so what
 * waits for it longer than a moment is let go.
 */
export const forgetMember = (cluster: string): string => {
  const karmada = kubectl(karmadaKubeconfig);
  const release = `-p '{"metadata":{"finalizers":null}}' --type=merge`;
  return `${karmada} delete cluster ${cluster} --wait=false >/dev/null
  attempt=0
  while ${memberExists(cluster)} && [ "$attempt" -lt 30 ]; do attempt=$((attempt + 1)); sleep 0.5; done
  if ${memberExists(cluster)}; then
    for work in $(${karmada} -n karmada-es-${cluster} get works -o name 2>/dev/null); do ${karmada} -n karmada-es-${cluster} patch "$work" ${release} >/dev/null || :; done
    ${karmada} patch cluster ${cluster} ${release} >/dev/null || :
  fi
  ${karmada} -n karmada-cluster delete secret ${cluster} ${cluster}-impersonator --ignore-not-found >/dev/null`;
};
