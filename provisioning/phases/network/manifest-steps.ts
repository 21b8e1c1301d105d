import { sha256Of } from '../../artefacts/digest.ts';
import type { Step } from '../../run/phase.ts';
import { kubectl } from '../kubernetes/scripts.ts';
import { packedCniFolder } from '../runtime/packed.ts';
import { allOf, notesFolder, quote, script, undoing } from '../support/shell.ts';
import { manifestCniFolder, type NetworkManifest } from './manifest.ts';
import { beforeManifest, keepBeforeManifest, keptManifest } from './manifest-traces.ts';

const appliedNote = `${notesFolder}/network-applied`;

/**
 * On every host of the cluster: what is there of pod networks before, so that a reset can tell what came with this one, and the common
 * plugins, which others build upon, where containerd looks. What comes of it goes with the node, see removeManifestTraces.
 */
export function roomStep({ text }: NetworkManifest): Step {
  return {
    id: 'network-room',
    title: 'Make room for the pod network of the manifest',
    observe: allOf(
      `[ -e ${beforeManifest} ]`,
      `[ -e ${manifestCniFolder}/bridge ]`,
      '[ ! -e /etc/cni/net.d/10-mlsysops.conflist ]',
      `[ "$(sha256sum <${keptManifest})" = ${quote(`${sha256Of(text)}  -`)} ]`,
    ),
    files: () => Promise.resolve([{ path: keptManifest, mode: '0600', content: text }]),
    change: script(
      // Ours, when the cluster had that before.
      'if [ -e /etc/systemd/system/mlsysops-network.service ]; then systemctl disable -q --now mlsysops-network; rm -rf /opt/mlsysops/network /etc/systemd/system/mlsysops-network.service; systemctl daemon-reload; fi',
      'rm -f /etc/cni/net.d/10-mlsysops.conflist',
      keepBeforeManifest,
      `mkdir -p ${manifestCniFolder}`,
      `for plugin in ${packedCniFolder}/* /usr/lib/cni/*; do`,
      `  name=${manifestCniFolder}/\${plugin##*/}`,
      '  if [ -x "$plugin" ] && [ ! -e "$name" ]; then ln -s "$plugin" "$name"; fi',
      'done',
    ),
  };
}

/** On the control plane: the manifest as it is. Its pods bring the network to the nodes, which become Ready by that. */
export function applyStep({ text }: NetworkManifest): Step {
  const applied = `${sha256Of(text)}  -`;
  return {
    id: 'network-manifest',
    title: 'Give the cluster the pod network of the manifest',
    observe: allOf(
      `[ "$(cat ${appliedNote} 2>/dev/null)" = ${quote(applied)} ]`,
      `${kubectl()} get -f ${keptManifest} >/dev/null 2>&1`,
    ),
    change: script(`${kubectl()} apply -f ${keptManifest} >/dev/null`, `sha256sum <${keptManifest} >${appliedNote}`),
    timeoutS: 120,
    remedies: [
      {
        pattern: /no matches for kind|error validating/,
        remedy: 'The manifest is not for this version of Kubernetes: take the one that its publisher names for it',
      },
    ],
    undo: undoing(`rm -f ${appliedNote}`),
  };
}
