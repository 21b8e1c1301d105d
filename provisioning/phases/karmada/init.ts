import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { adminKubeconfig, apiReady, kubectl } from '../kubernetes/scripts.ts';
import { addressOf } from '../support/hosts.ts';
import { allOf, complain, notesFolder, script, undoing, waitFor } from '../support/shell.ts';
import { karmadaFolder, karmadaKubeconfig, karmadaPort } from './scripts.ts';

const doneNote = `${notesFolder}/karmada-done`;

/** karmadactl creates or updates every object, so that a half-made Karmada is completed by the next try. */
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
    observe: allOf(`[ -e ${doneNote} ]`, apiReady(karmadaKubeconfig)),
    change: script(
      `if [ ! -e ${doneNote} ]; then`,
      `  umask 077; mkdir -p ${karmadaFolder}`,
      `  if ! ${command}; then`,
      `    ${complain('pods of Karmada and what happened to them:')}`,
      `    ${kubectl()} -n karmada-system get pods -o wide >&2 || :`,
      `    ${kubectl()} -n karmada-system get events --sort-by=.lastTimestamp 2>/dev/null | tail -n 15 >&2`,
      '    exit 1',
      '  fi',
      `  : >${doneNote}`,
      'fi',
      waitFor(
        apiReady(karmadaKubeconfig),
        180,
        `${complain(`Karmada's API at ${address}:${karmadaPort} did not become ready; pods and what happened to them:`)}; ${kubectl()} -n karmada-system get pods >&2; ${kubectl()} -n karmada-system get events --sort-by=.lastTimestamp | tail -n 15 >&2`,
      ),
    ),
    timeoutS: 1200,
    remedies: [
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
      { pattern: /FailedScheduling/, remedy: 'The management host is too small or not Ready: see kubectl describe node on it' },
      {
        pattern: /provided port is already allocated/,
        cause: `port ${karmadaPort} is already taken by another service of the cluster`,
        remedy: 'Remove that service, then run again',
      },
    ],
    undo: undoing(`rm -rf ${karmadaFolder} /var/lib/karmada-etcd ${doneNote}`),
  };
}
