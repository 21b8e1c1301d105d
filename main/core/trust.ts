import { reportHostKeys, trustHostKey } from '../../provisioning/ssh/host-keys.ts';
import { ContractError, type OutputOf } from '../contract/contract.ts';
import type { SshPools } from './ssh.ts';
import type { TestbedEntry } from './testbeds.ts';

/** Keys that the hosts show now, compared with what is known of them. Nobody logs in anywhere. */
export async function hostKeys(entry: TestbedEntry, ssh: SshPools): Promise<OutputOf<'testbeds.hostKeys'>> {
  if (entry.testbed.kind === 'twin') return [];
  const reports = await reportHostKeys(entry.testbed.hosts, ssh.optionsOf(entry));
  return reports.map((report) =>
    report.state === 'revoked'
      ? { ...report, state: 'changed', error: 'this key has been revoked' }
      : { ...report, state: report.state },
  );
}

/** @throws ContractError no-such-host, no-shell; Failure host-key-changed when the host shows another key; unreachable */
export async function trustHost(entry: TestbedEntry, host: string, fingerprint: string, ssh: SshPools): Promise<void> {
  const found = entry.testbed.hosts.find(({ name }) => name === host);
  if (!found || entry.testbed.kind === 'twin')
    throw new ContractError('no-such-host', `There is no host "${host}" with a key in testbed "${entry.testbed.name}".`);
  await trustHostKey(found, fingerprint, ssh.optionsOf(entry));
}
