import type { FoundSoftware } from '../facts/host-facts.ts';
import { manifestOf } from '../network/manifest.ts';
import { isAdopted } from '../support/hosts.ts';
import { type CheckFamily, error, type Finding, ok, type Subject, warning } from './check.ts';

/**
 * What others have put on the host. Nothing of it is ever removed: what cannot live beside Kubernetes is an error, before anything is changed.
 */
export const existingChecks: CheckFamily = (subject) => {
  if (isAdopted(subject.host, subject.testbed)) return [ok('existing', 'its Kubernetes is adopted as it is')];
  const findings = [...kubernetesFinding(subject), ...subject.facts.found.flatMap((found) => findingOf(found, subject))];
  return findings.length === 0 ? [ok('existing', 'nothing that stands in the way')] : findings;
};

/** Other Kubernetes, what they are called, and how they are removed by who does not need them any more. */
const kubernetes: Partial<Record<FoundSoftware['kind'], { name: string; uninstall: string }>> = {
  k3s: { name: 'k3s', uninstall: 'k3s-uninstall.sh or k3s-agent-uninstall.sh' },
  k0s: { name: 'k0s', uninstall: 'k0s stop && k0s reset' },
  rke2: { name: 'RKE2', uninstall: 'rke2-uninstall.sh' },
  microk8s: { name: 'MicroK8s', uninstall: 'snap remove --purge microk8s' },
  kubernetes: { name: 'a Kubernetes node', uninstall: 'kubeadm reset' },
};

/** A node that this testbed did not make, in one finding. */
function kubernetesFinding({ facts }: Subject): Finding[] {
  const all = facts.found.map((one) => ({ ...one, ...kubernetes[one.kind] }));
  const others = all.filter((one) => one.name !== undefined);
  if (others.length === 0) return [];
  const what = others.map(({ name, evidence }) => `${name} (${evidence})`).join(' and ');
  const uninstall = others.map((one) => one.uninstall).join('; ');
  if (others.some(({ running }) => running))
    return [
      error(
        'existing-kubernetes',
        `it has ${what} already, and two Kubernetes on one host take each other's ports and containers`,
        `Take another host, adopt that cluster by its kubeconfig, or remove it yourself when nobody needs it any more (${uninstall})`,
      ),
    ];
  return [
    warning(
      'existing-kubernetes',
      `it has ${what}, which does not run`,
      `Leave it off while the testbed is up, or remove it (${uninstall})`,
    ),
  ];
}

function findingOf(found: FoundSoftware, { host, testbed }: Subject): Finding[] {
  const { evidence, running, kind } = found;
  switch (kind) {
    case 'docker':
      return [
        running
          ? warning(
              'existing-docker',
              `Docker is there (${evidence}): its containers go on, and share memory, disk and containerd with the testbed's`,
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
      if (name > ownConfiguration || manifestOf(host.cluster, testbed) !== null) return [ok('existing-cni', evidence)];
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
      return [
        firewall(
          'ufw',
          evidence,
          'ways that it closes are found by trying each of them; pods are let through by rules that go with the testbed',
        ),
      ];
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
      // Kubernetes has a finding of its own.
      return [];
  }
}

const ownConfiguration = '10-mlsysops.conflist';
const firewall = (name: string, evidence: string, consequence: string): Finding =>
  ok(`existing-${name}`, `${evidence}: ${consequence}`);
const chainOf = (evidence: string): string => /"(.*)"/.exec(evidence)?.[1] ?? 'inet filter forward';
