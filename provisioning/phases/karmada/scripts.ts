import { kubectl } from '../kubernetes/scripts.ts';

export const karmadaFolder = '/etc/karmada';
export const karmadaKubeconfig = `${karmadaFolder}/karmada-apiserver.config`;
export const karmadaPort = 32443;

/** Status of a member's Ready condition: True, False, Unknown, or nothing when there is no such member. */
export const memberReady = (cluster: string): string =>
  `[ "$(${kubectl(karmadaKubeconfig)} get cluster ${cluster} -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" = True ]`;

export const memberExists = (cluster: string): string => `${kubectl(karmadaKubeconfig)} get cluster ${cluster} >/dev/null 2>&1`;
