import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { busKeysFolder } from '../phases/bus/keys.ts';
import { kubeadmFile, kubectl, waitForApi } from '../phases/kubernetes/scripts.ts';
import { kubernetesPhase } from '../phases/kubernetes.ts';
import { nodeProgram } from '../phases/prepare.ts';
import { isAdopted, isControlPlane } from '../phases/support/hosts.ts';
import { type RecipeOptions, toolsOf } from '../phases/support/options.ts';
import { allOf, complain, script, waitFor } from '../phases/support/shell.ts';
import { makeRecipe } from '../recipe.ts';
import type { Phase, RunContext, Step } from '../run/phase.ts';
import type { Host, Testbed } from '../testbed/schema.ts';
import type { Operation } from './operation.ts';
import { onControlPlane } from './through.ts';
import { phasesFor } from './with-testbed.ts';

/**
 * New certificates for everything that Kubernetes and the bus have, by the same authorities: control planes (kubeadm), kubelets, servers and
 * agents of the bus, and the kubeconfigs on this computer. Pods run on; control planes and agents start anew one after the other.
 * Karmada's own certificates are not among them: karmadactl has no command for that.
 */
export function rotateCertificates(testbed: Testbed, options: RecipeOptions): Operation {
  const controlPlanes = testbed.hosts.filter(isControlPlane);
  const phases: Phase[] = [
    {
      id: 'bus-certificates',
      title: 'Certificates of the bus',
      needs: () => [],
      steps: (host, context) => (host.role === 'management' ? [forgetBusStep(context)] : []),
    },
    {
      id: 'control-planes',
      title: 'Control planes',
      needs: () => [],
      steps: (host) => {
        // The certificates of a cluster that was there before us are those of its makers.
        return isControlPlane(host) && !isAdopted(host, testbed) ? [renewStep(host), restartStep] : [];
      },
      after: async (context) => kubernetesPhase(toolsOf(options)).after?.(context),
    },
    {
      id: 'kubelets',
      title: 'Kubelets',
      needs: () => controlPlanes.map((host) => ({ host: host.name, phase: 'control-planes' })),
      steps: (host, context) => (isAdopted(host, testbed) ? [] : [kubeletStep(host, context)]),
    },
  ];
  const renewed = testbed.hosts.map((host) => ({ host: host.name, phase: 'kubelets' }));
  const recipe = makeRecipe(options);
  const rest = recipe.filter(({ id }) => ['karmada', 'agents', 'verify'].includes(id));
  // The bus is not of Kubernetes: it starts anew as soon as its former certificates are forgotten here, while kubelets get theirs.
  const forgotten = controlPlanes
    .filter(({ role }) => role === 'management')
    .map((host) => ({ host: host.name, phase: 'bus-certificates' }));
  const bus = phasesFor(
    testbed,
    recipe.filter(({ id }) => id === 'bus'),
    forgotten,
  );
  return {
    verb: 'rotate-certificates',
    testbed,
    phases: [...phases, ...bus, ...phasesFor(testbed, rest, renewed)],
    before: testbed,
    after: testbed,
  };
}

/** The bus phase finds them missing on this computer and makes new ones. Its authority and its passwords stay. */
function forgetBusStep(context: RunContext): Step {
  return {
    id: 'bus-certificates',
    title: 'Have new certificates made for the bus',
    observe: 'false',
    change: async () => {
      await forgetBusCertificates(context.stateFolder);
      return ':';
    },
    verify: ':',
  };
}

/** Asked for is asked for: it renews each time. A run that was interrupted renews once more. */
const renewStep = (host: Host): Step => ({
  id: 'renew',
  title: `Renew the certificates of ${host.cluster}'s control plane`,
  observe: 'false',
  change: script('kubeadm certs renew all'),
  verify: allOf('[ -n "$(find /etc/kubernetes/pki/apiserver.crt -mmin -10)" ]'),
  timeoutS: 120,
});

const apiCertificate = '/etc/kubernetes/pki/apiserver.crt';
/** Exit 0 when the API shows the certificate that lies on the disk. */
const showsItsCertificate = `${nodeProgram} -e '
const { X509Certificate } = require("crypto");
const wanted = new X509Certificate(require("fs").readFileSync("${apiCertificate}")).fingerprint256;
const socket = require("tls").connect({ host: "127.0.0.1", port: 6443, rejectUnauthorized: false }, () => process.exit(socket.getPeerCertificate().fingerprint256 === wanted ? 0 : 1));
socket.on("error", () => process.exit(1));
socket.setTimeout(5000, () => process.exit(1));'`;

/** Programs of the control plane by what tells them from Karmada's, which may run on the same host: the folder of their certificates. */
const controlPlanePrograms = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'].map(
  (program) => `(^|[/ ])${program} .*/etc/kubernetes/`,
);

/** They read their certificates when they start. Ended by themselves they are started anew (by kubelet): nothing is missing should this stop half-way. */
const restartStep: Step = {
  id: 'restart',
  title: 'Start the control plane anew with them',
  observe: allOf(showsItsCertificate),
  change: script(
    ...controlPlanePrograms.map((pattern) => `pkill -f '${pattern}' || :`),
    waitFor(
      `{ ${showsItsCertificate}; }`,
      180,
      `${complain('the Kubernetes API does not come back with its new certificate within 180 s')}; journalctl -u kubelet -n 10 -o cat --no-pager >&2`,
    ),
    waitForApi(),
  ),
  timeoutS: 500,
};

const kubeletConf = '/etc/kubernetes/kubelet.conf';
const newConf = `${kubeletConf}.renewed`;
const kubeletPki = '/var/lib/kubelet/pki';

/** As the manual of kubeadm recommends: kubelet starts with a certificate by the cluster's authority, and asks the cluster for its own at once. */
function kubeletStep(host: Host, context: RunContext): Step {
  const own = kubectl(kubeletConf);
  const current = `${kubeletPki}/kubelet-client-current.pem`;
  const isReady = `[ "$(${own} get node ${host.name} -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" = True ]`;
  return {
    id: 'kubelet',
    title: `Give kubelet of ${host.name} a new certificate`,
    observe: 'false',
    files: async () => {
      const make = `kubeadm kubeconfig user --config=${kubeadmFile} --org=system:nodes --client-name=system:node:${host.name}`;
      return [{ path: newConf, mode: '0600', content: await onControlPlane(host, context, script(make)), secret: true }];
    },
    change: script(
      `grep -q client-certificate-data ${newConf}`,
      `rm -f ${kubeletPki}/kubelet-client-*`,
      `mv -f ${newConf} ${kubeletConf}`,
      'systemctl restart kubelet',
      // A kubelet that renews by itself keeps its certificate in a file of its own, which its kubeconfig then names.
      'if grep -q "^rotateCertificates: true" /var/lib/kubelet/config.yaml 2>/dev/null; then',
      waitFor(
        `[ -e ${current} ]`,
        60,
        `journalctl -u kubelet -n 10 -o cat --no-pager >&2; ${complain('kubelet has not asked for a certificate within 60 s')}`,
      ),
      `  sed -i 's#client-certificate-data:.*#client-certificate: ${current}#; s#client-key-data:.*#client-key: ${current}#' ${kubeletConf}`,
      'fi',
      waitFor(
        `{ ${isReady}; }`,
        120,
        `journalctl -u kubelet -n 10 -o cat --no-pager >&2; ${complain(`${host.name} is not Ready after 120 s`)}`,
      ),
    ),
    verify: allOf(`[ -n "$(find ${kubeletConf} -mmin -10)" ]`, isReady),
    timeoutS: 300,
  };
}

async function forgetBusCertificates(stateFolder: string): Promise<void> {
  const folder = busKeysFolder(stateFolder);
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const pairs = names.filter((name) => name.endsWith('.json') && name !== 'authority.json');
  await Promise.all(pairs.map((name) => rm(path.join(folder, name), { force: true })));
}
