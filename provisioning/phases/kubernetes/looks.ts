import type { Host } from '../../testbed/schema.ts';
import { labelsOf } from '../support/node-labels.ts';
import { quote } from '../support/shell.ts';
import { kubectl } from './scripts.ts';

/**
 * What steps ask an API when they look whether they are in place: one question for all of them, since to start kubectl takes longer than
 * everything else that is looked at on a host.
 */
export interface Look {
  /** Variable of the shell that holds the answer, for `Step.asks`. */
  asks: Readonly<Record<string, string>>;
  /** A condition with a question of its own before it, to be polled. */
  fresh(condition: string): string;
}

export function lookOf(variable: string, command: string): Look {
  const quiet = `${command} 2>/dev/null`;
  return { asks: { [variable]: quiet }, fresh: (condition) => `{ ${variable}=$(${quiet}) || ${variable}=; ${condition}; }` };
}

/** Whether a line of the answer matches, as grep has it (basic). */
export const hasLine = (variable: string, pattern: string): string =>
  `printf '%s\\n' "$${variable}" | grep -q ${quote(`^${pattern}`)}`;

/** All nodes of a cluster, asked on its control plane: lines of "<name>|<Ready>|<keys of taints>|<label>|…". */
export interface NodesLook extends Look {
  /** The API answers, and has nodes. */
  answers: string;
  isReady(name: string): string;
  /** Kubernetes takes the "not-ready" taint off some seconds after a node has said that it is Ready: only then it takes pods. */
  takesPods(name: string): string;
  hasLabels(host: Host): string;
}

/** @param hosts all hosts of the cluster: what is asked must be the same for all */
export function nodesLook(hosts: readonly Host[]): NodesLook {
  const keys = [...new Set(hosts.flatMap((host) => Object.keys(labelsOf(host))))].sort();
  const labels = keys.map((key) => `{.metadata.labels.${key.replaceAll('.', '\\.')}}|`).join('');
  const query = `{range .items[*]}{.metadata.name}|{.status.conditions[?(@.type=="Ready")].status}|{.spec.taints[*].key}|${labels}{"\\n"}{end}`;
  const has = (pattern: string) => hasLine('m_nodes', pattern);
  return {
    ...lookOf('m_nodes', `${kubectl()} get nodes -o jsonpath=${quote(query)}`),
    answers: '[ -n "$m_nodes" ]',
    isReady: (name) => has(`${name}|True|`),
    takesPods: (name) => `{ ${has(`${name}|True|`)} && ! ${has(`${name}|True|[^|]*${notReady}`)}; }`,
    // A host that does not set a key of another one may have it otherwise: only what is set is compared.
    hasLabels(host) {
      const own = labelsOf(host);
      const values = keys.map((key) => (own[key] === undefined ? '[^|]*' : escapePattern(own[key])));
      return has(`${host.name}|[^|]*|[^|]*|${values.map((value) => `${value}|`).join('')}$`);
    },
  };
}

const notReady = 'node[.]kubernetes[.]io/not-ready';
const escapePattern = (text: string): string => text.replace(/[.*[\]\\^$]/g, '\\$&');

/** A worker's own node, asked with kubelet's own credentials, which every node may do: "|<Ready>|<keys of taints>|"; nothing when the cluster does not know it. */
export interface OwnNodeLook extends Look {
  isKnown: string;
  takesPods: string;
}

export function ownNodeLook(host: Host): OwnNodeLook {
  const query = '|{.status.conditions[?(@.type=="Ready")].status}|{.spec.taints[*].key}|';
  const has = (pattern: string) => hasLine('m_node', pattern);
  return {
    ...lookOf('m_node', `${kubectl('/etc/kubernetes/kubelet.conf')} get node ${host.name} -o jsonpath=${quote(query)}`),
    isKnown: '[ -n "$m_node" ]',
    takesPods: `{ ${has('|True|')} && ! ${has(`|True|[^|]*${notReady}`)}; }`,
  };
}
