import { readFile } from 'node:fs/promises';
import { sha256Of } from '../../artefacts/digest.ts';
import type { RunContext, Step, StepFile } from '../../run/phase.ts';
import { adminKubeconfig, kubectl } from '../kubernetes/scripts.ts';
import { controlPlaneOf } from '../support/hosts.ts';
import { allOf, complain, notesFolder, quote, script, undoing, waitFor } from '../support/shell.ts';
import { kubeconfigFile } from '../support/state.ts';
import { karmadaKubeconfig, memberExists, memberReady } from './scripts.ts';

const memberKubeconfigFile = (cluster: string): string => `/etc/mlsysops/members/${cluster}.kubeconfig`;

/**
 * Joins a member by push. A member that is known but does not become Ready (made anew, or joined half-way) is taken out and joined again:
 * `karmadactl join` itself refuses what is left of an earlier try.
 */
export async function joinStep(cluster: string, context: RunContext): Promise<Step> {
  // As the kubernetes phase of this run has fetched it. Karmada takes a while to see that a member was made anew: the note knows at once.
  const fetched = await readFile(kubeconfigFile(context.stateFolder, cluster), 'utf8').catch(() => null);
  const note = `${notesFolder}/joined-${cluster}`;
  const joinedWithThis = `[ "$(sha256sum <${memberKubeconfigFile(cluster)})" = "$(cat ${note} 2>/dev/null)" ]`;
  const memberKubeconfig = memberKubeconfigFile(cluster);
  const join = `karmadactl join ${cluster} --kubeconfig=${karmadaKubeconfig} --cluster-kubeconfig=${memberKubeconfig}`;
  const unjoin = `karmadactl unjoin ${cluster} --kubeconfig=${karmadaKubeconfig} --cluster-kubeconfig=${memberKubeconfig} --force`;
  const why = `${kubectl(karmadaKubeconfig)} get cluster ${cluster} -o jsonpath='{.status.conditions[*].message}' >&2`;
  return {
    id: `join-${cluster}`,
    title: `Join ${cluster} to Karmada`,
    observe: allOf(
      ...(fetched === null
        ? []
        : [`printf '%s\\n' ${quote(`${sha256Of(fetched)}  ${memberKubeconfig}`)} | sha256sum -c --status 2>/dev/null`]),
      `[ -e ${memberKubeconfig} ]`,
      joinedWithThis,
      memberReady(cluster),
    ),
    files: async (): Promise<StepFile[]> => {
      const controlPlane = controlPlaneOf(context.testbed, cluster);
      const content = await context.execute(controlPlane.name, `cat ${adminKubeconfig}`, {
        phase: 'karmada',
        step: `join-${cluster}`,
      });
      return [{ path: memberKubeconfig, mode: '0600', content, secret: true }];
    },
    change: script(
      `if ${joinedWithThis}; then`,
      // It may only need a moment, e.g. after a reboot.
      '  attempt=0',
      `  while ${memberExists(cluster)} && ! ${memberReady(cluster)} && [ "$attempt" -lt 60 ]; do attempt=$((attempt + 1)); sleep 0.5; done`,
      'fi',
      `if ! ${joinedWithThis} || ! ${memberReady(cluster)}; then`,
      `  if ${memberExists(cluster)}; then ${unjoin}; fi`,
      `  ${join} || { ${unjoin} || :; ${join}; }`,
      `  sha256sum <${memberKubeconfig} >${note}`,
      'fi',
      waitFor(memberReady(cluster), 120, `${complain(`Karmada does not see ${cluster} as Ready after 120 s:`)}; ${why}`),
    ),
    timeoutS: 600,
    remedies: [
      {
        pattern: /connection refused|i\/o timeout|no route to host|context deadline exceeded/,
        cause: `the API of ${cluster} cannot be reached from the management host`,
        remedy: 'Open port 6443 of its master to the management host and its pods',
      },
    ],
    undo: undoing(`rm -rf /etc/mlsysops/members ${note}`),
  };
}
