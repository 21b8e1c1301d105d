import type { HostFacts } from '../facts/host-facts.ts';
import { type CheckFamily, error, type Finding, ok, type Subject } from './check.ts';

/** Nodes are told apart by host name, machine id and product UUID: VMs that were cloned share them. */
export const identityChecks: CheckFamily = (subject) => [hostName(subject), machineId(subject), productUuid(subject)];

/** Names of the other hosts that say the same, and what they say. */
function sharedBy({ host, all }: Subject, of: (facts: HostFacts) => string | null): string[] {
  const own = of(all.get(host.name) as HostFacts);
  if (own === null || own === '') return [];
  return [...all].filter(([name, other]) => name !== host.name && of(other) === own).map(([name]) => name);
}

function hostName(subject: Subject): Finding {
  const twins = sharedBy(subject, (facts) => facts.hostname);
  const { host, facts } = subject;
  if (twins.length === 0) return ok('hostname', facts.hostname);
  return error(
    'hostname',
    `it calls itself ${facts.hostname}, as ${twins.join(' and ')} does: are they one machine?`,
    `Give each its own name: hostnamectl set-hostname ${host.name}`,
  );
}

function machineId(subject: Subject): Finding {
  const twins = sharedBy(subject, (facts) => facts.identity.machineId);
  if (twins.length === 0) return ok('machine-id', subject.facts.identity.machineId ?? 'it has none');
  return error(
    'machine-id',
    `its machine id is also that of ${twins.join(' and ')}, as if one had been cloned from the other: addresses given by DHCP and nodes of Kubernetes would be mixed up`,
    'On all of them but one: rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot',
  );
}

/** In a container it is the outer machine's. */
function productUuid(subject: Subject): Finding {
  const twins = sharedBy(subject, (facts) => (facts.container === null ? facts.identity.productUuid : null));
  if (twins.length === 0) return ok('product-uuid', subject.facts.identity.productUuid ?? 'it has none');
  return error(
    'product-uuid',
    `its product UUID is also that of ${twins.join(' and ')}, as if the VM had been cloned: Kubernetes would take them for one machine`,
    'Let the hypervisor give each VM a UUID of its own (virsh edit: <uuid>; VMware: uuid.bios), then start it again',
  );
}
