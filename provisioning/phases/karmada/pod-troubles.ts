import { complain } from '../support/shell.ts';

/**
 * On stderr: the pods of a namespace, what happened to them, and the last lines of those that keep dying. Fails at nothing.
 * `inNamespace` is kubectl with its namespace.
 */
export const podTroubles = (inNamespace: string): string => `{
      set +e
      ${complain('pods and what happened to them:')}
      ${inNamespace} get pods -o wide >&2
      ${inNamespace} get events --sort-by=.lastTimestamp 2>/dev/null | grep -v ' Normal ' | tail -n 15 >&2
      for pod in $(${inNamespace} get pods --no-headers 2>/dev/null | awk '$4 > 0 || $3 ~ /Error|BackOff/ {print $1}'); do
        echo "$pod:" >&2
        { ${inNamespace} logs --previous --tail=3 "$pod" || ${inNamespace} logs --tail=3 "$pod"; } >&2 2>/dev/null
      done
      :
    }`;
