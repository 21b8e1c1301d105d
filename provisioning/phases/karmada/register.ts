import { Failure } from '../../run/failure.ts';
import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { adminKubeconfig, kubectl, reasonLast } from '../kubernetes/scripts.ts';
import { caCertHash } from '../kubernetes/token.ts';
import { answers } from '../support/answers.ts';
import { addressOf, isAdopted, managementHost } from '../support/hosts.ts';
import { allOf, complain, installedFolder, quote, script, undoing, waitFor } from '../support/shell.ts';
import { podTroubles } from './pod-troubles.ts';
import { forgetMember, joinedNote, karmadaFolder, karmadaKubeconfig, karmadaPort, memberExists } from './scripts.ts';

const inNamespace = `${kubectl()} -n karmada-system`;
/** Karmada's authority as this cluster's agent knows it. */
const authorityFile = '/etc/mlsysops/karmada-authority.crt';
const agentRuns = `[ "$(${inNamespace} get deployment karmada-agent -o jsonpath='{.status.availableReplicas}' 2>/dev/null)" -ge 1 ] 2>/dev/null`;

/**
 * Joins this cluster by pull: an agent in it fetches from Karmada's API what is to run here, so nothing needs to reach the cluster.
 * Runs on the cluster's control plane, once Karmada is there.
 */
export function registerStep(host: Host, context: RunContext): Step {
  const { cluster } = host;
  const management = managementHost(context.testbed);
  const endpoint = `${addressOf(management, context)}:${karmadaPort}`;
  // A Karmada that was made anew has another authority: the agent, which knows the former one, runs on and reaches nothing.
  const knowsKarmada = answers(`https://${endpoint}/readyz`, authorityFile);
  return {
    id: `register-${cluster}`,
    title: `Register ${cluster} with Karmada (pull)`,
    observe: allOf(`[ -e ${authorityFile} ]`, agentRuns, knowsKarmada),
    change: async () => {
      const { token, certificate } = await prepareRegistration(cluster, management, context);
      const register = [
        `karmadactl register ${endpoint} --kubeconfig=${adminKubeconfig} --cluster-name=${cluster}`,
        `--token=${token} --discovery-token-ca-cert-hash=${caCertHash(certificate)}`,
      ].join(' ');
      return script(
        `${answers(`https://${endpoint}/readyz`)} || { ${complain(`Karmada's API at ${endpoint} cannot be reached from ${host.name}`)}; exit 1; }`,
        // karmadactl refuses what is left of an earlier try, and says so with exit code 0.
        `${inNamespace} delete deployment/karmada-agent secret/karmada-kubeconfig serviceaccount/karmada-agent-sa --ignore-not-found >/dev/null`,
        reasonLast(register, podTroubles(inNamespace)),
        waitFor(
          agentRuns,
          120,
          `${podTroubles(inNamespace)}; ${complain(`the agent of Karmada in ${cluster} does not run after 120 s`)}`,
        ),
        `printf '%s\\n' ${quote(certificate)} >${authorityFile}`,
      );
    },
    timeoutS: 300,
    remedies: [
      {
        pattern: /cannot be reached from/,
        remedy: `Open port ${karmadaPort} of ${management.name} to ${host.name}`,
      },
      {
        pattern: /ImagePullBackOff|ErrImagePull/,
        cause: "the image of Karmada's agent could not be pulled",
        remedy:
          'Give the hosts access to the image registry, or add the image to the offline bundle (an "images-karmada-agent" archive)',
      },
    ],
    undo: undoing(
      // A cluster that stays is left without Karmada's agent.
      ...(isAdopted(host, context.testbed)
        ? [
            `if [ -e ${authorityFile} ]; then ${kubectl()} delete namespace/karmada-system clusterrole/karmada-agent clusterrolebinding/karmada-agent --ignore-not-found --wait=false >/dev/null 2>&1; fi`,
          ]
        : []),
      `rm -f ${authorityFile}`,
    ),
  };
}

const karmadactlNote = `${installedFolder}/karmadactl`;
const leave = `if [ -e ${karmadactlNote} ]; then rm -f /usr/local/bin/karmadactl ${karmadactlNote}; fi; rm -f ${authorityFile}`;

/** A member that is joined by push needs nothing on its own hosts: what it had as one joined by pull goes. */
export const noPullStep: Step = {
  id: 'no-pull',
  title: 'Leave nothing of a join by pull',
  observe: allOf(`[ ! -e ${karmadactlNote} ]`, `[ ! -e ${authorityFile} ]`),
  change: script(leave),
  undo: undoing(leave),
};

/** A short-lived token, after what Karmada knew of the cluster before is gone. @throws Failure */
async function prepareRegistration(
  cluster: string,
  management: Host,
  context: RunContext,
): Promise<{ token: string; certificate: string }> {
  const phase = 'karmada';
  const step = `register-${cluster}`;
  const output = await context.execute(
    management.name,
    script(
      `if ${memberExists(cluster)}; then ${forgetMember(cluster)}; fi`,
      `rm -f ${joinedNote(cluster)}`,
      `karmadactl token create --kubeconfig=${karmadaKubeconfig} --ttl=20m`,
      `cat ${karmadaFolder}/pki/ca.crt`,
    ),
    { phase, step, timeoutS: 180 },
  );
  const token = /^[a-z0-9]{6}\.[a-z0-9]{16}$/m.exec(output)?.[0];
  const certificate = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(output)?.[0];
  if (token !== undefined && certificate !== undefined) return { token, certificate };
  const cause = `karmadactl gave no token for ${cluster}: ${output.slice(0, 200)}`;
  throw new Failure({ code: 'step', host: management.name, phase, step, cause, remedy: 'Run again' });
}
