import { readFile } from 'node:fs/promises';
import { sha256Of } from '../../artefacts/digest.ts';
import type { RunContext, Step, StepFile } from '../../run/phase.ts';
import { adminKubeconfig, kubectl } from '../kubernetes/scripts.ts';
import { controlPlaneOf } from '../support/hosts.ts';
import { allOf, complain, quote, script, undoing, waitFor } from '../support/shell.ts';
import { kubeconfigFile } from '../support/state.ts';
import {
  forgetMember,
  joinedNote,
  karmadaKubeconfig,
  karmadaReady,
  memberExists,
  memberJoinedBy,
  memberReady,
  membersLook,
} from './scripts.ts';

const memberKubeconfigFile = (cluster: string): string => `/etc/mlsysops/members/${cluster}.kubeconfig`;

/**
 * Joins a member by push. A member that is known but does not become Ready (made anew, or joined half-way) is taken out and joined again:
 * `karmadactl join` refuses a member that is known; what an earlier join left in the member itself it takes over.
 */
export async function joinStep(cluster: string, context: RunContext): Promise<Step> {
  // As the kubernetes phase of this run has fetched it. Karmada takes a while to see that a member was made anew: the note knows at once.
  const fetched = await readFile(kubeconfigFile(context.stateFolder, cluster), 'utf8').catch(() => null);
  const note = joinedNote(cluster);
  const memberKubeconfig = memberKubeconfigFile(cluster);
  // Who the member is: its authority and address. Its administrator's certificate is renewed now and then, which is no reason to join again.
  const member = `grep -E '^ *(certificate-authority-data|server):' ${memberKubeconfig} | sha256sum`;
  const joinedWithThis = `[ "$(${member})" = "$(cat ${note} 2>/dev/null)" ]`;
  const join = `karmadactl join ${cluster} --kubeconfig=${karmadaKubeconfig} --cluster-kubeconfig=${memberKubeconfig}`;
  // Told no context, "unjoin" (unlike "join") looks for one of the member's name.
  const itsContext = `--cluster-context="$(kubectl --kubeconfig=${memberKubeconfig} config current-context)"`;
  const unjoin = `karmadactl unjoin ${cluster} --kubeconfig=${karmadaKubeconfig} --cluster-kubeconfig=${memberKubeconfig} ${itsContext} --force`;
  const why = `${kubectl(karmadaKubeconfig)} get cluster ${cluster} -o jsonpath='{.status.conditions[*].message}' >&2`;
  return {
    id: `join-${cluster}`,
    title: `Join ${cluster} to Karmada`,
    asks: membersLook.asks,
    observe: allOf(
      ...(fetched === null
        ? []
        : [`printf '%s\\n' ${quote(`${sha256Of(fetched)}  ${memberKubeconfig}`)} | sha256sum -c --status 2>/dev/null`]),
      `[ -e ${memberKubeconfig} ]`,
      joinedWithThis,
      membersLook.isReadyBy(cluster, 'Push'),
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
      // While Karmada does not answer, a member is not missing: it would be joined once more for nothing.
      waitFor(karmadaReady, 180, complain('Karmada itself did not answer for its members within 180 s')),
      `if ${memberExists(cluster)} && ${memberJoinedBy(cluster, 'Pull')}; then`,
      `  ${forgetMember(cluster)}`,
      `  ${kubectl(memberKubeconfig)} -n karmada-system delete deployment/karmada-agent --ignore-not-found >/dev/null || :`,
      `  rm -f ${note}`,
      'fi',
      `if ${joinedWithThis}; then`,
      // It may only need a moment, e.g. after a reboot.
      '  attempt=0',
      `  while ${memberExists(cluster)} && ! ${memberReady(cluster)} && [ "$attempt" -lt 60 ]; do attempt=$((attempt + 1)); sleep 0.5; done`,
      'fi',
      `if ! ${joinedWithThis} || ! ${memberReady(cluster)}; then`,
      `  if ${memberExists(cluster)}; then ${unjoin} || { ${forgetMember(cluster)}; }; fi`,
      `  ${join}`,
      `  ${member} >${note}`,
      'fi',
      waitFor(memberReady(cluster), 120, `${complain(`Karmada does not see ${cluster} as Ready after 120 s:`)}; ${why}`),
    ),
    // What was fetched may be from before the member was made anew in this run: what counts is that it is joined by what its host says now.
    verify: allOf(joinedWithThis, membersLook.isReadyBy(cluster, 'Push')),
    timeoutS: 600,
    remedies: [
      {
        pattern: /connection refused|i\/o timeout|no route to host|context deadline exceeded/,
        cause: `the API of ${cluster} cannot be reached from the management host`,
        remedy: `Open port 6443 of its master to the management host and its pods; where it cannot be reached (NAT), set clusters.${cluster}.join: pull`,
      },
    ],
    undo: undoing(
      // A cluster that stays is left without a trace of Karmada; those that go need not wait for that.
      ...(context.testbed.clusters[cluster]?.kubeconfig === undefined
        ? []
        : [`if [ -e ${note} ]; then timeout 90 ${unjoin} >/dev/null 2>&1; fi`]),
      `rm -rf /etc/mlsysops/members ${note}`,
    ),
  };
}
