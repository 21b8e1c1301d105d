import type { Step } from '../../run/phase.ts';
import { podTroubles } from '../karmada/pod-troubles.ts';
import { kubectl } from '../kubernetes/scripts.ts';
import { nodeProgram } from '../prepare.ts';
import { allOf, complain, script, waitFor } from '../support/shell.ts';

const waitS = 120;
const name = 'kubernetes.default.svc';

/** The domain may be another than cluster.local: kubelet knows it. */
const domain = `$(sed -n 's/^clusterDomain: *//p' /var/lib/kubelet/config.yaml 2>/dev/null | tr -d '"')`;
/** Exit 0 when the DNS server that is its first argument knows an address of the second. */
export const lookUp = `${nodeProgram} -e '
const [server, name] = process.argv.slice(1);
const resolver = new (require("dns").promises.Resolver)({ timeout: 3000, tries: 2 });
resolver.setServers([server]);
resolver.resolve4(name).then((found) => process.exit(found.length > 0 ? 0 : 1), () => process.exit(1));'`;
const answersNames = `{ server=$(${kubectl()} -n kube-system get service kube-dns -o jsonpath='{.spec.clusterIP}' 2>/dev/null) && [ -n "$server" ] && domain=${domain} && ${lookUp} "$server" "${name}.\${domain:-cluster.local}"; }`;

/** Cluster DNS answers at its Service's address: asked from the control plane's host, by the way that pods' questions go too. */
export const dnsStep = (cluster: string): Step => ({
  id: 'cluster-dns',
  title: `See the DNS of ${cluster} answer`,
  observe: allOf(answersNames),
  change: script(
    waitFor(
      answersNames,
      waitS,
      `${podTroubles(`${kubectl()} -n kube-system`)}; ${complain(`the DNS of ${cluster} does not answer for ${name} within ${waitS} s`)}`,
    ),
  ),
  timeoutS: waitS * 3,
});
