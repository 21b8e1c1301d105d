import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { parse } from 'yaml';
import { z } from 'zod';
import { sha256Of } from '../../artefacts/digest.ts';
import { Failure } from '../../run/failure.ts';
import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { hostsOf, isControlPlane } from '../support/hosts.ts';
import { installStep } from '../support/install.ts';
import { continuumLayerLabel } from '../support/node-labels.ts';
import type { PhaseTools } from '../support/options.ts';
import { allOf, complain, notesFolder, script, undoing } from '../support/shell.ts';
import { adminKubeconfig, apiReady, kubectl } from './scripts.ts';

const phase = 'kubernetes';
/** Role of the cluster agent in its cluster. */
const agentRole = 'mlsysops-cluster-agent';
/** Says that this cluster is adopted: "own" where it has a kubeconfig of its own, else the digest of the one that we have put in its place. */
const note = `${notesFolder}/adopted-kubeconfig`;

/**
 * Takes a cluster as it is: its control plane's host gets the given kubeconfig where kubeadm would have put its own (one that is there stays),
 * and every host of the testbed file must be one of its nodes. Nothing else of it is changed; taken back are that file and what our agents and
 * we have put into the cluster.
 */
export async function adoptSteps(tools: PhaseTools, context: RunContext, host: Host): Promise<Step[]> {
  if (!isControlPlane(host)) return [];
  const installKubectl = await installStep(tools, context, host, { name: 'kubectl', target: '/usr/local/bin/kubectl' });
  return [
    // One that is there, of whatever version, is the one that its owner uses.
    { ...installKubectl, observe: `{ ${allOf('command -v kubectl >/dev/null')} || ${installKubectl.observe}; }` },
    await adoptStep(host, context),
  ];
}

async function adoptStep(host: Host, context: RunContext): Promise<Step> {
  const kubeconfig = await givenKubeconfig(host.cluster, context);
  const names = hostsOf(context.testbed, host.cluster).map((one) => one.name);
  const isNode = (name: string) => `${kubectl()} get node ${name} >/dev/null 2>&1`;
  const placed = `/etc/mlsysops/adopted.kubeconfig`;
  const given = sha256Of(kubeconfig);
  const folder = adminKubeconfig.replace(/\/[^/]*$/, '');
  return {
    id: 'adopt',
    title: `Adopt ${host.cluster} as it is`,
    observe: allOf(
      `[ -e ${adminKubeconfig} ]`,
      `grep -qx -e own -e ${given} ${note} 2>/dev/null`,
      apiReady(),
      ...names.map(isNode),
    ),
    files: () => Promise.resolve([{ path: placed, mode: '0600', content: kubeconfig, secret: true }]),
    change: script(
      `if [ -e ${adminKubeconfig} ] && { [ ! -e ${note} ] || [ "$(cat ${note})" = own ]; }; then`,
      `  echo own >${note}`,
      'else',
      `  mkdir -p ${folder}`,
      `  echo ${given} >${note}`,
      `  install -m 0600 ${placed} ${adminKubeconfig}`,
      'fi',
      `rm -f ${placed}`,
      `if ! ${apiReady()}; then ${kubectl()} get --raw=/readyz >/dev/null; fi`,
      ...names.map(
        (name) =>
          `if ! ${isNode(name)}; then ${complain(`${name} is no node of ${host.cluster}; it has:`)}; ${kubectl()} get nodes -o name >&2; exit 1; fi`,
      ),
    ),
    timeoutS: 120,
    remedies: [
      {
        pattern: /is no node of/,
        remedy: `Name the hosts of ${host.cluster} in the testbed file as "kubectl get nodes" does`,
      },
      {
        pattern: /Unauthorized|Forbidden|forbidden/,
        cause: `the kubeconfig of ${host.cluster} does not give the right to manage it`,
        remedy: 'Give the kubeconfig of a user with cluster-admin',
      },
    ],
    undo: undoing(
      `if [ -e ${note} ]; then`,
      `  ${kubectl()} label nodes --all ${continuumLayerLabel}- >/dev/null 2>&1`,
      `  ${kubectl()} delete namespace/mlsysops crd/mlsysopsapps.mlsysops.eu clusterrole/${agentRole} clusterrolebinding/${agentRole} --ignore-not-found --wait=false >/dev/null 2>&1`,
      `  if [ "$(cat ${note})" != own ]; then rm -f ${adminKubeconfig}; rmdir ${folder} 2>/dev/null; fi`,
      `  rm -f ${note}`,
      'fi',
    ),
  };
}

const kubeconfigSchema = z.looseObject({
  clusters: z.array(z.looseObject({ cluster: z.looseObject({ server: z.url() }) })).min(1),
  users: z
    .array(z.looseObject({ user: z.looseObject({ exec: z.unknown().optional(), 'auth-provider': z.unknown().optional() }) }))
    .min(1),
});

/** @throws Failure (invalid-file) when it cannot be read, or could not be used from where it will be */
async function givenKubeconfig(cluster: string, context: RunContext): Promise<string> {
  const file = (context.testbed.clusters[cluster]?.kubeconfig ?? '').replace(/^~(?=\/)/, homedir());
  const refuse = (cause: string, remedy: string) =>
    new Failure({ code: 'invalid-file', phase, cause: `clusters.${cluster}.kubeconfig: ${cause}`, remedy });
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw refuse(`${file} cannot be read (${error.code})`, 'Name a kubeconfig file on this computer');
  });
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    value = null;
  }
  const parsed = kubeconfigSchema.safeParse(value);
  if (!parsed.success) throw refuse(`${file} is no kubeconfig`, 'Make one with "kubectl config view --flatten --minify"');
  const server = new URL(parsed.data.clusters[0]!.cluster.server);
  if (/^(127\.|localhost$|\[::1\]$)/.test(server.hostname))
    throw refuse(
      `${server.origin} means another computer wherever it is read`,
      'Put the address of its control plane there, by which the other hosts reach it',
    );
  if (/certificate-authority: |client-certificate: |client-key: /.test(text))
    throw refuse(`${file} names other files`, 'Make one that holds them with "kubectl config view --flatten --minify --raw"');
  if (parsed.data.users.some(({ user }) => user.exec !== undefined || user['auth-provider'] !== undefined))
    throw refuse(
      `${file} asks a program of this computer for its credentials`,
      'Give the kubeconfig of a user with a certificate or a token',
    );
  return text;
}
