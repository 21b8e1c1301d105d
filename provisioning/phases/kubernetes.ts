import { Failure } from '../run/failure.ts';
import type { Phase, RunContext, Step } from '../run/phase.ts';
import type { Host } from '../testbed/schema.ts';
import { adoptSteps } from './kubernetes/adopt.ts';
import { imageSteps } from './kubernetes/images.ts';
import { initConfiguration, joinConfiguration } from './kubernetes/kubeadm-configuration.ts';
import { kubeletServiceStep } from './kubernetes/kubelet-service.ts';
import { nodesLook, ownNodeLook } from './kubernetes/looks.ts';
import {
  adminKubeconfig,
  apiReady,
  clearTheWay,
  doneNote,
  foreignNodeRemedy,
  kubeadm,
  kubeadmFile,
  kubectl,
  kubeletRemedies,
  kubeletSays,
  undoNode,
  waitForApi,
} from './kubernetes/scripts.ts';
import { bootstrapToken, caCertHash } from './kubernetes/token.ts';
import { appliedNote, sameMinorStep } from './kubernetes/version.ts';
import { forgetNodeNetworks } from './network/node-networks.ts';
import { neededFacts } from './prepare.ts';
import { companionSteps } from './support/companions.ts';
import { addressOf, controlPlaneOf, hostsOf, isAdopted, isControlPlane } from './support/hosts.ts';
import { installStep } from './support/install.ts';
import type { PhaseTools } from './support/options.ts';
import { allOf, complain, quote, script, undoing, waitFor } from './support/shell.ts';
import { kubeconfigFile, writePrivate } from './support/state.ts';

const phase = 'kubernetes';

/** One cluster per cluster id: the management host its own, the others with a control plane and workers. By kubeadm, unless it is there already and is adopted. */
export const kubernetesPhase = (tools: PhaseTools): Phase => ({
  id: phase,
  title: 'Kubernetes',
  needs: (host, testbed) => [
    { host: host.name, phase: 'runtime' },
    ...(isControlPlane(host) ? [] : [{ host: controlPlaneOf(testbed, host.cluster).name, phase }]),
  ],
  steps: async (host, context) => {
    if (isAdopted(host, context.testbed)) return adoptSteps(tools, context, host);
    return [
      sameMinorStep(host, context.testbed.kubernetes.version),
      ...(await companionSteps(tools, context, host)),
      ...(await Promise.all(
        ['kubectl', 'kubelet', 'kubeadm'].map((name) =>
          installStep(tools, context, host, {
            name,
            target: `/usr/local/bin/${name}`,
            restart: name === 'kubelet' ? 'kubelet' : undefined,
          }),
        ),
      )),
      ...(await imageSteps(tools, context, host)),
      kubeletServiceStep,
      isControlPlane(host) ? initStep(host, context) : joinStep(host, context),
    ];
  },
  after: async (context) => {
    const clusters = new Set(context.testbed.hosts.map((host) => host.cluster));
    await Promise.all([...clusters].map((cluster) => fetchKubeconfig(cluster, context)));
  },
});

async function fetchKubeconfig(cluster: string, context: RunContext): Promise<void> {
  const controlPlane = controlPlaneOf(context.testbed, cluster);
  const read = script(`[ ! -e ${adminKubeconfig} ] || cat ${adminKubeconfig}`);
  const kubeconfig = await context.execute(controlPlane.name, read, { phase, step: 'kubeconfig' });
  // A control plane that could not be made has said so itself.
  if (kubeconfig.trim() !== '') await writePrivate(kubeconfigFile(context.stateFolder, cluster), kubeconfig);
}

async function clusterInitConfiguration(host: Host, context: RunContext): Promise<string> {
  const { testbed } = context;
  const cidrs = testbed.clusters[host.cluster];
  if (cidrs === undefined) {
    throw new Failure({
      code: 'invalid-file',
      host: host.name,
      phase,
      cause: `the testbed file gives no CIDRs for cluster "${host.cluster}"`,
      remedy: `Add clusters.${host.cluster} with podCidr and serviceCidr`,
    });
  }
  return initConfiguration(testbed, {
    host,
    address: addressOf(host, context),
    facts: neededFacts(host, context),
    ...cidrs,
    token: await bootstrapToken(context.stateFolder, host.cluster),
    tainted: hostsOf(testbed, host.cluster).some((other) => other.role === 'worker'),
  });
}

const kubeadmRemedies = [
  foreignNodeRemedy,
  ...kubeletRemedies,
  {
    pattern: /\[ERROR Port-6443\]|6443 is in use/,
    cause: 'port 6443 is in use by another program',
    remedy: 'Stop that program (see "ss -ltnp sport = :6443" on the host), then run again',
  },
  {
    pattern: /\[ERROR Port-10250\]/,
    cause: 'port 10250 is in use, probably by another kubelet',
    remedy: 'Stop the other kubelet, then run again',
  },
  {
    // A warning of the same name comes with every success on cgroup v1.
    pattern: /\[ERROR SystemVerification\]/,
    remedy:
      'The kernel lacks something that Kubernetes needs; see the line above, or list SystemVerification in kubernetes.ignorePreflightErrors',
  },
  {
    pattern: /\[ERROR (NumCPU|Mem)\]/,
    remedy: 'Give the host 2 CPUs and 2 GB of memory, or list the check in kubernetes.ignorePreflightErrors',
  },
  {
    pattern: /\[ERROR ImagePull\]|failed to pull image|ErrImagePull|ImagePullBackOff/,
    cause: 'container images could not be pulled',
    remedy: 'Give the host access to registry.k8s.io, or add the images to the offline bundle (an "images" archive)',
  },
  {
    pattern: /x509: certificate has expired or is not yet valid/,
    remedy: "The host's clock differs from the control plane's: set it, then run again",
  },
  {
    pattern: /couldn't validate the identity of the API Server|failed to request the cluster-info ConfigMap/,
    remedy: 'The control plane cannot be reached or was made anew: run again, and check port 6443 between the hosts',
  },
];

/** An init that died half-way is reset before the next try; one that is done is only started and waited for. */
function initStep(host: Host, context: RunContext): Step {
  const nodes = nodesLook(hostsOf(context.testbed, host.cluster));
  return {
    id: 'kubeadm-init',
    title: `Make the control plane of ${host.cluster}`,
    asks: nodes.asks,
    observe: allOf(`[ -e ${doneNote} ]`, nodes.answers),
    verify: allOf(`[ -e ${doneNote} ]`, apiReady()),
    files: async () => [
      { path: kubeadmFile, mode: '0600', content: await clusterInitConfiguration(host, context), secret: true },
    ],
    change: script(
      `if [ -e ${doneNote} ] && [ -e ${adminKubeconfig} ]; then`,
      '  systemctl start containerd kubelet',
      'else',
      clearTheWay(adminKubeconfig),
      `  ${kubeadm('init')}`,
      `  echo ${context.testbed.kubernetes.version} >${appliedNote}`,
      `  : >${doneNote}`,
      'fi',
      waitForApi(),
    ),
    timeoutS: 900,
    remedies: kubeadmRemedies,
    undo: undoing(undoNode),
  };
}

function joinStep(host: Host, context: RunContext): Step {
  const kubelet = '/etc/kubernetes/kubelet.conf';
  // True on a worker whose cluster knows it by the credentials that it has.
  const own = ownNodeLook(host);
  const isMember = own.fresh(own.isKnown);
  return {
    id: 'kubeadm-join',
    title: `Join ${host.cluster} as a worker`,
    asks: own.asks,
    observe: allOf(`[ -e ${doneNote} ]`, 'systemctl is-active -q kubelet', own.isKnown),
    files: async () => {
      // A node that is made anew gets another pod network than the one that its cluster was asked for before.
      forgetNodeNetworks(host.cluster, context);
      return [{ path: kubeadmFile, mode: '0600', content: await workerJoinConfiguration(host, context), secret: true }];
    },
    change: script(
      // A stopped kubelet is started; only a node that its cluster does not know (any more) is made anew.
      `if [ -e ${doneNote} ] && ${isMember}; then`,
      '  systemctl start containerd kubelet',
      'else',
      clearTheWay(kubelet),
      `  ${kubeadm('join')}`,
      `  echo ${context.testbed.kubernetes.version} >${appliedNote}`,
      `  : >${doneNote}`,
      'fi',
      `rm -f ${kubeadmFile}`,
      // kubeadm is done when kubelet has its certificate: the node itself comes a moment later.
      waitFor(
        isMember,
        120,
        `${complain(`${host.name} is not a node of ${host.cluster} after 120 s; the last lines of kubelet:`)}; ${kubeletSays}`,
      ),
    ),
    timeoutS: 900,
    remedies: kubeadmRemedies,
    undo: undoing(undoNode),
  };
}

/** Makes sure that the token is known to the cluster (it is dropped after a day), and pins the cluster's CA. */
async function workerJoinConfiguration(host: Host, context: RunContext): Promise<string> {
  const controlPlane = controlPlaneOf(context.testbed, host.cluster);
  const token = await bootstrapToken(context.stateFolder, host.cluster);
  const configuration = await clusterInitConfiguration(controlPlane, context);
  const place = { phase, step: 'kubeadm-join', timeoutS: 60 };
  const own = ownNodeLook(host);
  const standing = await context.execute(
    host.name,
    script(`if [ -e ${doneNote} ] && ${own.fresh(own.isKnown)}; then echo member; fi`),
    place,
  );
  // A host that was reset or re-imaged may still stand in its cluster as Ready; kubeadm refuses to join a second one of that name.
  const forget = standing.includes('member') ? ':' : `${kubectl()} delete node ${host.name} --ignore-not-found >/dev/null`;
  const [id] = token.split('.');
  const certificate = await context.execute(
    controlPlane.name,
    script(
      `if ! ${kubectl()} -n kube-system get secret bootstrap-token-${id} >/dev/null 2>&1; then`,
      '  umask 077; file=$(mktemp)',
      `  printf '%s' ${quote(configuration)} >"$file"`,
      '  kubeadm token create --config="$file" >/dev/null || { rm -f "$file"; exit 1; }',
      '  rm -f "$file"',
      'fi',
      forget,
      'cat /etc/kubernetes/pki/ca.crt',
    ),
    place,
  );
  return joinConfiguration(context.testbed, {
    host,
    address: addressOf(host, context),
    facts: neededFacts(host, context),
    controlPlane: addressOf(controlPlane, context),
    token,
    caCertHash: caCertHash(certificate),
  });
}
