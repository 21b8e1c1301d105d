import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Layer } from '../../../agents/decision/record.ts';
import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { clientFiles } from '../bus/client.ts';
import type { BusKeys } from '../bus/keys.ts';
import { karmadaKubeconfig } from '../karmada/scripts.ts';
import { adminKubeconfig } from '../kubernetes/scripts.ts';
import { fileStep, type PlacedFile } from '../support/files.ts';
import { addressOf } from '../support/hosts.ts';
import { allOf, restartIfActive, script, undoing } from '../support/shell.ts';
import { readOrMake } from '../support/state.ts';
import {
  agentConfiguration,
  agentName,
  clusterKubeconfig,
  karmadaKubeconfigCopy,
  nodeDescription,
  nodeDescriptionFile,
  northboundCertificateFile,
  northboundKeyFile,
  northboundTokenFile,
} from './configuration.ts';
import { agentConfigFile, agentProgram, agentService, agentState, agentUnit, agentUser } from './units.ts';

export const northboundTokenFileHere = (stateFolder: string): string => path.join(stateFolder, 'northbound.token');

/** Token of the northbound API, made on this computer and kept there. */
export const northboundToken = (stateFolder: string): Promise<string> =>
  readOrMake(northboundTokenFileHere(stateFolder), () => randomBytes(24).toString('base64url'));

/** Token, certificate and key of the northbound API; by the bus' authority, which the desktop has as well. */
async function northboundFiles(host: Host, context: RunContext, keys: BusKeys): Promise<PlacedFile[]> {
  const names = [...new Set([host.name, addressOf(host, context), 'localhost', '127.0.0.1'])];
  const pair = await keys.certificate('northbound', names);
  const own = { mode: '0640', owner: `root:${agentUser}` };
  return [
    { path: northboundTokenFile, content: await northboundToken(context.stateFolder), secret: true, ...own },
    { path: northboundCertificateFile, content: pair.certificate, ...own },
    { path: northboundKeyFile, content: pair.key, secret: true, ...own },
  ];
}

/** A copy of a kubeconfig that the agents' user may read; agents that use it are started anew when it changes. */
export function kubeconfigStep(copy: { id: string; title: string; from: string; to: string; services: string[] }): Step {
  const { id, title, from, to, services } = copy;
  return {
    id,
    title,
    observe: allOf(`cmp -s ${from} ${to}`, `[ "$(stat -c '%a %G' ${to})" = '640 ${agentUser}' ]`),
    change: script(`install -m 0640 -o root -g ${agentUser} ${from} ${to}`, ...services.map(restartIfActive)),
    undo: undoing(`rm -f ${to}`),
  };
}

export const clusterKubeconfigStep = kubeconfigStep({
  id: 'cluster-kubeconfig',
  title: 'Give the cluster agent access to its cluster',
  from: adminKubeconfig,
  to: clusterKubeconfig,
  services: [agentService('cluster'), agentService('continuum')],
});

export const karmadaKubeconfigStep = kubeconfigStep({
  id: 'karmada-kubeconfig',
  title: 'Give the continuum agent access to Karmada',
  from: karmadaKubeconfig,
  to: karmadaKubeconfigCopy,
  services: [agentService('continuum')],
});

/** Configuration, credentials, unit and the running service of one agent. Started anew when any of it, or its program, has changed. */
export async function agentServiceStep(
  layer: Layer,
  host: Host,
  context: RunContext,
  keys: BusKeys,
  programDigest: string,
): Promise<Step> {
  const owner = `root:${agentUser}`;
  const service = agentService(layer);
  const description = layer === 'node' ? nodeDescription(host, context) : null;
  const files: PlacedFile[] = [
    ...(await clientFiles(agentName(layer, host), owner, keys)),
    {
      path: agentConfigFile(layer),
      mode: '0644',
      content: `${JSON.stringify(agentConfiguration(layer, host, context), null, 2)}\n`,
    },
    ...(layer === 'node' && description !== null ? [{ path: nodeDescriptionFile, mode: '0644', content: description }] : []),
    ...(layer === 'continuum' ? await northboundFiles(host, context, keys) : []),
    { path: `/etc/systemd/system/${service}.service`, mode: '0644', content: agentUnit(layer) },
  ];
  // Which program the running service was started with: a killed run may have replaced the file without starting it anew.
  const startedWith = `/var/lib/mlsysops/provisioning/installed/started-${layer}`;
  return fileStep({
    id: `agent-${layer}`,
    title: `Start the ${layer} agent`,
    files,
    also: [
      `[ "$(cat ${startedWith} 2>/dev/null)" = ${programDigest} ]`,
      `systemctl is-enabled -q ${service} 2>/dev/null`,
      `systemctl is-active -q ${service}`,
    ],
    before: `[ -s ${agentProgram(layer)} ]`,
    afterwards: [
      'systemctl daemon-reload',
      `systemctl enable -q ${service}`,
      `systemctl restart ${service}`,
      `echo ${programDigest} >${startedWith}`,
    ].join('\n'),
    undo: [`systemctl disable -q --now ${service} 2>/dev/null`, `rm -rf /var/lib/${agentState(layer)}`],
  });
}
