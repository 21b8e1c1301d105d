import { kubectl } from '../phases/kubernetes/scripts.ts';
import { allOf, script } from '../phases/support/shell.ts';
import type { Step } from '../run/phase.ts';

export interface DrainOptions {
  /** Pods that no controller would make again are lost with the node: only when told to. */
  force?: boolean;
  /** How long budgets and grace periods may keep it waiting, s. */
  timeoutS?: number;
}

/** Budgets let pods go once their replacements are Ready elsewhere, which takes images and probes. */
const defaultTimeoutS = 300;

const known = (node: string): string => `${kubectl()} get nodes -o name | grep -qx node/${node}`;
/** False too when the API does not answer: then nobody can tell. */
export const nodeUnknown = (node: string): string =>
  `nodes=$(${kubectl()} get nodes -o name 2>/dev/null) && ! printf '%s\\n' "$nodes" | grep -qx node/${node}`;

/** "namespace/name" of every pod on a node that has to leave it: those of DaemonSets and static ones belong to the node. */
const podsOn = (node: string): string =>
  `${kubectl()} get pods --all-namespaces --field-selector=spec.nodeName=${node} -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {.metadata.ownerReferences[0].kind}{"\\n"}{end}' | grep -Ev ' (DaemonSet|Node)$' | sed '/^$/d; s/ .*//'`;

const isCordoned = (node: string): string =>
  `[ "$(${kubectl()} get node ${node} -o jsonpath='{.spec.unschedulable}' 2>/dev/null)" = true ]`;

/** Keeps new pods from a node. Carried out on the control plane of its cluster. */
export const cordonStep = (node: string): Step => ({
  id: 'cordon',
  title: `Keep new pods from ${node}`,
  observe: allOf(`{ ${isCordoned(node)} || { ${nodeUnknown(node)}; }; }`),
  change: script(`if ${known(node)}; then ${kubectl()} cordon ${node} >/dev/null; fi`),
});

/**
 * Evicts what runs on a node through the eviction API, so that disruption budgets hold. Bounded; a failure names the pods that are left and why.
 * Carried out on the control plane of its cluster.
 */
export function drainStep(node: string, { force = false, timeoutS = defaultTimeoutS }: DrainOptions = {}): Step {
  const drain = `${kubectl()} drain ${node} --ignore-daemonsets --delete-emptydir-data --timeout=${timeoutS}s${force ? ' --force' : ''}`;
  return {
    id: 'drain',
    title: `Move the pods of ${node} elsewhere`,
    observe: allOf(`{ { ${nodeUnknown(node)}; } || { pods=$(${podsOn(node)}) || :; [ -z "$pods" ] && ${known(node)}; }; }`),
    change: script(
      'said=$(mktemp)',
      `if ! ${drain} >/dev/null 2>"$said"; then`,
      '  tail -n 20 "$said" >&2',
      // Of pods that nobody would make again kubectl says so before it evicts any.
      `  if grep -Eq 'declare no controller|not managed by' "$said"; then why='no controller would make them again'; pods=$(sed -nE 's/.*use --force to override\\): ([^;]*).*/\\1/p' "$said" | tail -n 1)`,
      `  elif grep -q 'disruption budget' "$said"; then why='their disruption budget keeps them'; pods=$(sed -nE 's/^error when evicting pods?\\/?"?([^" ]+)"? -n "?([^" ]+)"? .*disruption budget.*/\\2\\/\\1/p' "$said" | sort -u)`,
      `  else why='they have not ended'; pods=$(${podsOn(node)} || :); fi`,
      '  rm -f "$said"',
      `  printf '%s: %s still has %s\\n' "$why" ${node} "$(printf '%s' "$pods" | tr '\\n' ' ')" >&2`,
      '  exit 1',
      'fi',
      'rm -f "$said"',
    ),
    timeoutS: timeoutS + 60,
    remedies: [
      {
        pattern: /no controller would make them again/,
        remedy: `Delete those pods yourself, or run again with force (they are lost then). "kubectl uncordon ${node}" takes pods again`,
      },
      {
        pattern: /disruption budget keeps them/,
        remedy: `Let more replicas run elsewhere, or loosen the PodDisruptionBudget, then run again. "kubectl uncordon ${node}" takes pods again`,
      },
    ],
  };
}

/** Makes a cluster forget a node: pods that it still counts there are gone. Carried out on the control plane. */
export const forgetStep = (node: string): Step => ({
  id: 'forget',
  title: `Take ${node} out of its cluster`,
  observe: allOf(nodeUnknown(node)),
  change: script(
    // The host is reset or lost: nobody is left there to end them, and they would stand as "Terminating" for ever.
    `${kubectl()} get pods --all-namespaces --field-selector=spec.nodeName=${node} -o jsonpath='{range .items[*]}{.metadata.namespace}{" "}{.metadata.name}{"\\n"}{end}' | while read -r namespace pod; do`,
    `  [ -z "$pod" ] || ${kubectl()} -n "$namespace" delete pod "$pod" --grace-period=0 --force --ignore-not-found --wait=false >/dev/null`,
    'done',
    `${kubectl()} delete node ${node} --ignore-not-found --wait=false >/dev/null`,
  ),
  remedies: [{ pattern: /connection refused|i\/o timeout|no such file/, remedy: apiRemedy }],
});

const apiRemedy = 'The control plane of its cluster does not answer: see "systemctl status kubelet" there, then run again';
