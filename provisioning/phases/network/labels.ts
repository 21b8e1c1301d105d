import type { Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { nodesLook } from '../kubernetes/looks.ts';
import { kubectl } from '../kubernetes/scripts.ts';
import { labelsOf } from '../support/node-labels.ts';
import { allOf, quote, script } from '../support/shell.ts';

/** Labels of all nodes of a cluster, set from its control plane. Labels that others have set stay. */
export function labelStep(hosts: readonly Host[]): Step {
  const nodes = nodesLook(hosts);
  return {
    id: 'labels',
    title: 'Label the nodes',
    asks: nodes.asks,
    observe: allOf(...hosts.map((host) => nodes.hasLabels(host))),
    change: script(
      ...hosts.map((host) => {
        const labels = Object.entries(labelsOf(host)).map(([key, value]) => quote(`${key}=${value}`));
        return `${kubectl()} label node ${host.name} --overwrite ${labels.join(' ')} >/dev/null`;
      }),
    ),
    remedies: [
      {
        pattern: /invalid label|a valid label must|Invalid value/,
        remedy: 'Correct the labels of that host in the testbed file (letters, digits, "-", "_", ".")',
      },
    ],
  };
}
