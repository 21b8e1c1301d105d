import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { adminKubeconfig, apiReady, kubectl, reasonLast } from '../kubernetes/scripts.ts';
import { addressOf } from '../support/hosts.ts';
import { allOf, complain, notesFolder, script, undoing, waitFor } from '../support/shell.ts';
import { karmadaFolder, karmadaKubeconfig, karmadaPort } from './scripts.ts';

const doneNote = `${notesFolder}/karmada-done`;

/** Pods and their events on stderr, with the last lines of containers that died. `inNamespace` is kubectl with its namespace. */
const whatHappened = (inNamespace: string): string => `{
      set +e
      ${complain('pods of Karmada and what happened to them:')}
      ${inNamespace} get pods -o wide >&2
      ${inNamespace} get events --sort-by=.lastTimestamp 2>/dev/null | grep -v ' Normal ' | tail -n 15 >&2
      for pod in $(${inNamespace} get pods --no-headers 2>/dev/null | awk '$4 > 0 || $3 ~ /Error|BackOff/ {print $1}'); do
        echo "$pod:" >&2
        { ${inNamespace} logs --previous --tail=3 "$pod" || ${inNamespace} logs --tail=3 "$pod"; } >&2 2>/dev/null
      done
      :
    }`;

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
      `  ${reasonLast(command, whatHappened(`${kubectl()} -n karmada-system`))}`,
      `  : >${doneNote}`,
      'fi',
      waitFor(
        apiReady(karmadaKubeconfig),
        180,
        `${whatHappened(`${kubectl()} -n karmada-system`)}; ${complain(`Karmada's API at ${address}:${karmadaPort} did not become ready within 180 s`)}`,
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
    undo: undoing(`rm -rf ${karmadaFolder} /var/lib/karmada-etcd ${doneNote}`),
  };
}
