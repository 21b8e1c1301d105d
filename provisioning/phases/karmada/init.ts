import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { adminKubeconfig, kubectl, reasonLast } from '../kubernetes/scripts.ts';
import { addressOf, isAdopted } from '../support/hosts.ts';
import { allOf, complain, script, undoing, waitFor } from '../support/shell.ts';
import { podTroubles } from './pod-troubles.ts';
import { begunNote, doneNote, karmadaFolder, karmadaPort, karmadaReady, membersLook } from './scripts.ts';

const etcdFolder = '/var/lib/karmada-etcd';
const karmadaNamespace = `${kubectl()} get namespace karmada-system >/dev/null 2>&1`;

/**
 * karmadactl makes its authorities anew each time, and leaves pods running that trust the former ones: what an earlier, unfinished try of
 * ours has begun is taken away before the next. A Karmada that others made is never touched.
 */
const clearTheWay = `if [ -e ${begunNote} ]; then
    ${kubectl()} delete namespace karmada-system --ignore-not-found --wait=false >/dev/null
    ${waitFor(`! ${karmadaNamespace}`, 180, `${podTroubles(`${kubectl()} -n karmada-system`)}; ${complain('what an earlier try left of Karmada does not go within 180 s')}`)}
    rm -rf ${karmadaFolder} ${etcdFolder}
  elif ${karmadaNamespace}; then
    ${complain('there is already a Karmada that MLSysOps Desktop did not make (namespace karmada-system)')}
    exit 1
  fi
  : >${begunNote}`;

/** Karmada's own control plane, as pods of the management cluster. */
export function initStep(host: Host, context: RunContext, crds: string | null): Step {
  const address = addressOf(host, context);
  const command = [
    'karmadactl init',
    `--kubeconfig=${adminKubeconfig}`,
    `--karmada-apiserver-advertise-address=${address}`,
    // Told, it asks no outside name for the own public address.
    `--cert-external-ip=${address}`,
    `--port=${karmadaPort}`,
    `--karmada-data=${karmadaFolder}`,
    `--karmada-pki=${karmadaFolder}/pki`,
    ...(crds === null ? [] : [`--crds=${crds}`]),
    '--wait-component-ready-timeout=300',
  ].join(' ');
  return {
    id: 'karmada-init',
    title: 'Start Karmada in the management cluster',
    asks: membersLook.asks,
    observe: allOf(`[ -e ${doneNote} ]`, membersLook.answers),
    verify: allOf(`[ -e ${doneNote} ]`, karmadaReady),
    change: script(
      `if [ ! -e ${doneNote} ]; then`,
      `  ${clearTheWay}`,
      `  umask 077; mkdir -p ${karmadaFolder}`,
      `  ${reasonLast(command, podTroubles(`${kubectl()} -n karmada-system`))}`,
      `  : >${doneNote}`,
      'fi',
      waitFor(
        karmadaReady,
        300,
        `${podTroubles(`${kubectl()} -n karmada-system`)}; ${complain(`Karmada's API at ${address}:${karmadaPort} did not become ready within 300 s`)}`,
      ),
    ),
    timeoutS: 1200,
    remedies: [
      {
        pattern: /already a Karmada that MLSysOps Desktop did not make/,
        cause: 'the management cluster has a Karmada of its own already',
        remedy: 'Remove it with "karmadactl deinit" when it is not needed any more, or take another management host',
      },
      {
        pattern: /ImagePullBackOff|ErrImagePull/,
        cause: 'images of Karmada could not be pulled',
        remedy:
          'Give the host access to the image registry, or add the images to the offline bundle (an "images-karmada" archive)',
      },
      {
        pattern: /no such host|BackOff/,
        cause: 'pods of Karmada keep restarting, most often because cluster DNS does not answer',
        remedy: 'See whether CoreDNS runs: kubectl -n kube-system get pods',
      },
      {
        pattern: /failed to find a healthy node/,
        cause: 'the management node takes no pods (it has a taint, or runs out of memory, disk or processes)',
        remedy: 'See "kubectl describe node" on the management host; "kubectl uncordon" a node that was cordoned',
      },
      { pattern: /FailedScheduling/, remedy: 'The management host is too small or not Ready: see kubectl describe node on it' },
      {
        pattern: /provided port is already allocated/,
        cause: `port ${karmadaPort} is already taken by another service of the cluster`,
        remedy: 'Remove that service, then run again',
      },
    ],
    undo: undoing(
      // Its pods go with the cluster, and so does the note that they are ours: until then the next "up" must know it.
      ...(isAdopted(host, context.testbed)
        ? [
            `if [ -e ${begunNote} ]; then ${kubectl()} delete namespace karmada-system --ignore-not-found --wait=false >/dev/null; fi`,
            `rm -f ${begunNote}`,
          ]
        : []),
      `rm -rf ${karmadaFolder} ${etcdFolder} ${doneNote}`,
    ),
  };
}
