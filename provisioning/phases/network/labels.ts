import type { Step } from '../../run/phase.ts';
import type { Host, HostRole } from '../../testbed/schema.ts';
import { kubectl } from '../kubernetes/scripts.ts';
import { allOf, quote, script } from '../support/shell.ts';

export const continuumLayerLabel = 'mlsysops.eu/continuumLayer';
const layers: Record<HostRole, string> = { management: 'continuum', master: 'cluster', worker: 'node' };

export const labelsOf = (host: Host): Record<string, string> => ({ ...host.labels, [continuumLayerLabel]: layers[host.role] });

/** Labels of all nodes of a cluster, set from its control plane. Labels that others have set stay. */
export function labelStep(hosts: readonly Host[]): Step {
  const keys = [...new Set(hosts.flatMap((host) => Object.keys(labelsOf(host))))].sort();
  const columns = ['.metadata.name', ...keys.map((key) => `.metadata.labels.${key.replaceAll('.', '\\.')}`)];
  const query = `{range .items[*]}${columns.map((column) => `{${column}}`).join('{"|"}')}{"\\n"}{end}`;
  // A host that does not set a key of another one may have it otherwise: only what is set is compared.
  const line = (host: Host) =>
    [host.name, ...keys.map((key) => labelsOf(host)[key])]
      .map((value) => (value === undefined ? '[^|]*' : escapePattern(value)))
      .join('|');
  return {
    id: 'labels',
    title: 'Label the nodes',
    observe: allOf(
      `found=$(${kubectl()} get nodes -o jsonpath=${quote(query)} 2>/dev/null)`,
      ...hosts.map((host) => `printf '%s\\n' "$found" | grep -qx ${quote(line(host))}`),
    ),
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

const escapePattern = (text: string): string => text.replace(/[.*[\]\\^$]/g, '\\$&');
