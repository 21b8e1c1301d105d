import { addHost } from '../../provisioning/day2/add-host.ts';
import type { Operation } from '../../provisioning/day2/operation.ts';
import { removeHost } from '../../provisioning/day2/remove-host.ts';
import { replaceHost } from '../../provisioning/day2/replace-host.ts';
import { resetHost } from '../../provisioning/day2/reset-host.ts';
import { rotateCertificates } from '../../provisioning/day2/rotate-certificates.ts';
import { upgrade } from '../../provisioning/day2/upgrade.ts';
import type { RecipeOptions } from '../../provisioning/phases/support/options.ts';
import type { RunVerb } from '../../provisioning/run/events.ts';
import type { SshOptions } from '../../provisioning/ssh/connection.ts';
import { replaceHostKey } from '../../provisioning/ssh/host-keys.ts';
import type { Host, Testbed } from '../../provisioning/testbed/schema.ts';
import type { OperationInput } from '../contract/testbeds.ts';
import { checkBundlePath, doublesIn } from './create.ts';

const verbs: Record<OperationInput['kind'], RunVerb> = {
  'add-host': 'up',
  'remove-host': 'remove-host',
  'replace-host': 'replace-host',
  'reset-host': 'down',
  upgrade: 'upgrade',
  'rotate-certificates': 'rotate-certificates',
};
export const verbOf = ({ kind }: OperationInput): RunVerb => verbs[kind];

/**
 * What the contract's words mean for a testbed. `prepare` makes a host that is to be added reachable.
 * @throws Failure refused; host-key-changed when a replaced host shows another key than was said
 */
export async function makeOperation(
  operation: OperationInput,
  testbed: Testbed,
  recipe: RecipeOptions,
  { sshOptions, prepare }: { sshOptions: SshOptions; prepare(host: Host): Promise<Host> },
): Promise<Operation> {
  switch (operation.kind) {
    case 'add-host': {
      // Refused before anything is made for it.
      addHost(testbed, operation.host, recipe);
      return addHost(testbed, await prepare(operation.host), recipe);
    }
    case 'remove-host':
      return removeHost(testbed, operation.host, recipe, operation);
    case 'replace-host': {
      const { host: name, fingerprint } = operation;
      const made = replaceHost(testbed, name, recipe);
      const host = testbed.hosts.find((one) => one.name === name);
      if (host !== undefined && fingerprint !== undefined) await replaceHostKey(host, sshOptions, fingerprint);
      return made;
    }
    case 'reset-host':
      return resetHost(testbed, operation.host, recipe);
    case 'upgrade': {
      const { version, bundle, force } = operation;
      if (bundle === undefined) return upgrade(testbed, version, recipe, { force });
      checkBundlePath(bundle);
      await doublesIn(bundle);
      // The testbed names the new bundle once it has that version: an "up" before must not take programs from it.
      return upgrade(testbed, version, recipe, { force, bundle });
    }
    case 'rotate-certificates':
      return rotateCertificates(testbed, recipe);
  }
}
