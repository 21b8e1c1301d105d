import { ignoredPreflightErrors } from '../phases/kubernetes/kubeadm-configuration.ts';
import { adminKubeconfig, kubectl, kubeletSays, reasonLast, waitForApi } from '../phases/kubernetes/scripts.ts';
import { appliedNote } from '../phases/kubernetes/version.ts';
import { neededFacts } from '../phases/prepare.ts';
import { runtimeSteps } from '../phases/runtime.ts';
import { companionSteps } from '../phases/support/companions.ts';
import { factsOf, isControlPlane } from '../phases/support/hosts.ts';
import { installStep } from '../phases/support/install.ts';
import type { PhaseTools } from '../phases/support/options.ts';
import { allOf, complain, notesFolder, quote, script, waitFor } from '../phases/support/shell.ts';
import type { RunContext, Step } from '../run/phase.ts';
import type { Host } from '../testbed/schema.ts';
import { type DrainOptions, drainStep } from './drain.ts';
import { onControlPlane } from './through.ts';
import { minorOf, versionPattern } from './versions.ts';

/** Whether its node took pods before we drained it: "yes" or "no". Gone once it does again. */
const tookPodsNote = `${notesFolder}/upgrade-took-pods`;

/** Refuses before anything is touched: a node that is too far behind, a bundle that holds another version. */
export async function fitsStep(host: Host, context: RunContext, tools: PhaseTools): Promise<Step> {
  const { version } = context.testbed.kubernetes;
  const architecture = factsOf(host, context)?.architecture;
  const kubeadm = architecture === undefined ? null : await (await tools.artefacts(context)).identify('kubeadm', architecture);
  const offered = kubeadm?.version ?? `v${version}`;
  const fits = new RegExp(`^v?${version.replaceAll('.', '\\.')}([-+].*)?$`).test(offered);
  const versions = `${kubectl()} get nodes -o jsonpath='{range .items[*]}{.metadata.name}{" "}{.status.nodeInfo.kubeletVersion}{"\\n"}{end}'`;
  const isFar = `awk -v target=${minorOf(version)} '{ split($2, part, "."); if (part[2] < target - 1 || part[2] > target) print $1, "has", $2 }'`;
  const offer = `the offline bundle offers kubeadm ${offered}, not ${version}`;
  return {
    id: 'fits',
    title: `See that ${host.cluster} can go to ${version}`,
    observe: allOf(fits ? ':' : 'false', `found=$(${versions})`, `[ -z "$(printf '%s\\n' "$found" | ${isFar})" ]`),
    change: fits
      ? script(
          // Of a control plane that has just been restarted the API takes a while.
          waitForApi(),
          `found=$(${versions})`,
          `far=$(printf '%s\\n' "$found" | ${isFar} | tr '\\n' ',')`,
          `if [ -n "$far" ]; then ${complain('Kubernetes goes up one minor version at a time:')}; echo "\${far%,}, which cannot go to ${version}" >&2; exit 1; fi`,
        )
      : script(complain(offer), 'exit 1'),
    remedies: [
      { pattern: /which cannot go to/, remedy: `Bring those nodes to 1.${minorOf(version) - 1} first` },
      { pattern: /the offline bundle offers/, remedy: `Make a bundle with Kubernetes ${version} and name its folder` },
    ],
  };
}

const install = (name: string, host: Host, context: RunContext, tools: PhaseTools): Promise<Step> =>
  installStep(tools, context, host, {
    name,
    target: `/usr/local/bin/${name}`,
    restart: name === 'kubelet' ? 'kubelet' : undefined,
  });

/** A control plane by kubeadm, then its kubelet. */
export async function controlPlaneSteps(host: Host, context: RunContext, tools: PhaseTools): Promise<Step[]> {
  return [
    ...(await companionSteps(tools, context, host)),
    ...(await runtimeSteps(tools, context, host)),
    await install('kubeadm', host, context, tools),
    applyStep(host, context),
    await install('kubelet', host, context, tools),
    await install('kubectl', host, context, tools),
    nodeVersionStep(host, context),
  ];
}

function ignoring(host: Host, context: RunContext): string {
  const ignored = ignoredPreflightErrors(context.testbed, neededFacts(host, context));
  return ignored.length === 0 ? '' : ` --ignore-preflight-errors=${quote(ignored.join(','))}`;
}

function applyStep(host: Host, context: RunContext): Step {
  const { version } = context.testbed.kubernetes;
  const ignored = ignoring(host, context);
  return {
    id: 'upgrade-apply',
    title: `Upgrade the control plane of ${host.cluster} to ${version}`,
    observe: allOf(
      `[ "$(cat ${appliedNote} 2>/dev/null)" = ${version} ]`,
      `${kubectl()} get --raw=/version 2>/dev/null | grep -Eq ${quote(`"gitVersion": *"${versionPattern(version)}"`)}`,
    ),
    change: script(
      // An upgrade that was cut off may have left etcd or the API on their way from one version to the other.
      waitForApi(),
      reasonLast(`kubeadm upgrade plan v${version}${ignored}`, ':'),
      reasonLast(`kubeadm upgrade apply v${version} --yes${ignored}`, kubeletSays),
      waitForApi(),
      `echo ${version} >${appliedNote}`,
    ),
    timeoutS: 1200,
    remedies: [
      {
        pattern: /\[ERROR CreateJob\]/,
        cause: `kubeadm's health check, a pod that has to run in ${host.cluster} and end by itself, did not`,
        remedy: `See what stands in its way on ${host.name}: kubectl --kubeconfig=${adminKubeconfig} -n kube-system get events; then run again`,
      },
      {
        pattern: /only 1 minor version at a time|one minor release higher/,
        cause: 'Kubernetes goes up one minor version at a time',
        remedy: 'Upgrade to the next minor version first',
      },
      {
        pattern: /ImagePull|failed to pull/,
        cause: 'images of the new control plane could not be pulled',
        remedy: 'Give the host access to registry.k8s.io, or make a bundle with the images of that version',
      },
    ],
  };
}

/** Drained before its kubelet is exchanged; it takes pods again when it did before. */
export async function workerSteps(host: Host, context: RunContext, tools: PhaseTools, how: DrainOptions): Promise<Step[]> {
  const { version } = context.testbed.kubernetes;
  const newKubelet = `/usr/local/bin/kubelet --version 2>/dev/null | grep -Eq ${quote(` ${versionPattern(version)}$`)}`;
  const unschedulable = `${kubectl()} get node ${host.name} -o jsonpath='{.spec.unschedulable}'`;
  const drain = drainStep(host.name, how);
  return [
    ...(await companionSteps(tools, context, host)),
    await install('kubeadm', host, context, tools),
    {
      id: 'upgrade-node',
      title: `Upgrade the configuration of ${host.name} to ${version}`,
      observe: allOf(`[ "$(cat ${appliedNote} 2>/dev/null)" = ${version} ]`),
      change: script(
        reasonLast(`kubeadm upgrade node${ignoring(host, context)}`, kubeletSays),
        `echo ${version} >${appliedNote}`,
      ),
      timeoutS: 300,
    },
    {
      id: 'remember',
      title: `Remember whether ${host.name} takes pods`,
      observe: allOf(`{ [ -e ${tookPodsNote} ] || ${newKubelet}; }`),
      change: async () => {
        const answer = await onControlPlane(host, context, script(unschedulable));
        return script(`echo ${answer.trim() === 'true' ? 'no' : 'yes'} >${tookPodsNote}`);
      },
      verify: allOf(`[ -s ${tookPodsNote} ]`),
    },
    {
      id: 'drain',
      title: drain.title,
      observe: allOf(newKubelet),
      change: async () => {
        await onControlPlane(host, context, String(drain.change), drain);
        return ':';
      },
      // kubectl itself has waited until the pods were gone.
      verify: ':',
    },
    ...(await runtimeSteps(tools, context, host)),
    await install('kubelet', host, context, tools),
    await install('kubectl', host, context, tools),
    nodeVersionStep(host, context),
    {
      id: 'uncordon',
      title: `Let ${host.name} take pods again`,
      observe: allOf(`[ ! -e ${tookPodsNote} ]`),
      change: async () => {
        const took = await context.execute(host.name, `cat ${tookPodsNote}`, { phase: 'workers', step: 'uncordon' });
        // Whoever kept pods from it before wants it so.
        if (took.trim() === 'yes') await onControlPlane(host, context, script(`${kubectl()} uncordon ${host.name} >/dev/null`));
        return script(`rm -f ${tookPodsNote}`);
      },
    },
  ];
}

function nodeVersionStep(host: Host, context: RunContext): Step {
  const { version } = context.testbed.kubernetes;
  const kubeconfig = isControlPlane(host) ? adminKubeconfig : '/etc/kubernetes/kubelet.conf';
  const state = `${kubectl(kubeconfig)} get node ${host.name} -o jsonpath='{.status.nodeInfo.kubeletVersion} {.status.conditions[?(@.type=="Ready")].status}'`;
  const isNew = `${state} 2>/dev/null | grep -Eq ${quote(`^${versionPattern(version)} True$`)}`;
  return {
    id: 'node-version',
    title: `See ${host.name} Ready with ${version}`,
    observe: allOf(isNew),
    change: script(
      'systemctl start kubelet',
      waitFor(
        `{ ${isNew}; }`,
        120,
        `journalctl -u kubelet -n 10 -o cat --no-pager >&2; ${complain(`${host.name} is not Ready with ${version} after 120 s`)}; ${state} >&2`,
      ),
    ),
    timeoutS: 180,
  };
}
