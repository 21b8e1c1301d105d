import type { FoundSoftware } from '../facts/host-facts.ts';
import { type CheckFamily, error, type Finding, ok, type Subject, warning } from './check.ts';

/**
 * What others have put on the host. Nothing of it is ever removed: what cannot live beside Kubernetes is an error, before anything is changed.
 */
export const existingChecks: CheckFamily = (subject) => {
  const findings = subject.facts.found.flatMap((found) => findingOf(found, subject));
  return findings.length === 0 ? [ok('existing', 'nothing that stands in the way')] : findings;
};

const distribution =
  (name: string, uninstall: string) =>
  (found: FoundSoftware): Finding =>
    found.running
      ? error(
          'existing-kubernetes',
          `${name} is already on it (${found.evidence}), and two Kubernetes on one host take each other's ports and containers`,
          `Take another host, adopt that cluster by its kubeconfig, or remove ${name} yourself when it is not needed any more: ${uninstall}`,
        )
      : warning(
          'existing-kubernetes',
          `${name} was installed on it (${found.evidence}) and does not run`,
          `Leave it off while the testbed is up, or remove it: ${uninstall}`,
        );

const kubernetes: Partial<Record<FoundSoftware['kind'], (found: FoundSoftware) => Finding>> = {
  k3s: distribution('k3s', 'k3s-uninstall.sh, or k3s-agent-uninstall.sh'),
  k0s: distribution('k0s', 'k0s stop; k0s reset'),
  rke2: distribution('RKE2', 'rke2-uninstall.sh'),
  microk8s: distribution('MicroK8s', 'snap remove --purge microk8s'),
  kubernetes: distribution('another Kubernetes node', 'kubeadm reset'),
};

function findingOf(found: FoundSoftware, { host, facts, testbed }: Subject): Finding[] {
  const { evidence, running, kind } = found;
  const ofKubernetes = kubernetes[kind];
  if (ofKubernetes !== undefined) return isAdopted(testbed.clusters[host.cluster]) ? [] : [ofKubernetes(found)];
  switch (kind) {
    case 'docker':
      return [
        running
          ? warning(
              'existing-docker',
              `Docker runs there (${evidence}): its containers go on, and share memory, disk and containerd with the testbed's`,
              'Nothing needs to be done; its containerd is restarted once, which running containers outlive',
            )
          : ok('existing-docker', `Docker is installed (${evidence}) and does not run`),
      ];
    case 'podman':
    case 'containers':
      return [
        warning(
          'existing-containers',
          `${evidence}: they are left alone, and share its memory and disk with the testbed`,
          'Stop them if the testbed is to have the host for itself',
        ),
      ];
    case 'containerd-configuration':
      return [
        warning(
          'existing-containerd',
          `containerd is set up by ${evidence}: it is replaced while the testbed is up, and put back by a reset`,
          'Settings of yours that containers need go into the testbed after it: see containerd config dump',
        ),
      ];
    case 'cni-configuration': {
      const name = evidence.slice(evidence.lastIndexOf('/') + 1);
      // containerd takes the first file by name.
      if (name > ownConfiguration || name.includes('flannel')) return [ok('existing-cni', evidence)];
      return [
        error(
          'existing-cni',
          `${evidence} would be used for pods in place of the testbed's ${ownConfiguration}, since its name comes first`,
          `Move it away (mv ${evidence} ${evidence}.kept) when what made it is not needed any more`,
        ),
      ];
    }
    case 'nats':
      // Who holds a port that is needed is an error of its own.
      return [ok('existing-nats', evidence)];
    case 'ufw':
      return [firewall('ufw', evidence, 'ways that it closes are found by trying each of them')];
    case 'firewalld':
      return [firewall('firewalld', evidence, 'ways that it closes are found by trying each of them')];
    case 'forward-drop':
      return [
        error(
          'existing-forward-drop',
          `packets of pods would not be forwarded: ${evidence}`,
          `Let them through there: nft add rule ${chainOf(evidence)} ip saddr ${testbed.clusters[host.cluster]?.podCidr} accept, and the same with daddr`,
        ),
      ];
    default:
      return [warning('existing', evidence, `See whether it stands in the way of ${facts.hostname}`)];
  }
}

const ownConfiguration = '10-mlsysops.conflist';
const firewall = (name: string, evidence: string, consequence: string): Finding =>
  ok(`existing-${name}`, `${evidence}: ${consequence}`);
const chainOf = (evidence: string): string => /"(.*)"/.exec(evidence)?.[1] ?? 'inet filter forward';

/** An existing cluster that is adopted by its kubeconfig is meant to be there. */
const isAdopted = (cluster: object | undefined): boolean =>
  cluster !== undefined && 'kubeconfig' in cluster && Boolean(cluster.kubeconfig);
