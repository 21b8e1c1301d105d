import type { OutputOf } from '../../contract/contract.ts';
import type { SshPools } from '../ssh.ts';
import type { TestbedEntry, Testbeds } from '../testbeds.ts';
import type { Vault } from '../vault.ts';
import { archivedAgentLogs } from './agent-logs.ts';
import { tarGz } from './archive.ts';
import { supportFiles } from './support.ts';

interface Subject {
  dataFolder: string;
  checks: OutputOf<'system.diagnose'>;
  info: OutputOf<'system.info'>;
  /** The testbed that it is about; null: the app alone. */
  entry: TestbedEntry | null;
}

/** Packs what helps somebody else to help, without any secret that the app knows of. */
export async function supportArchive(
  { dataFolder, checks, info, entry }: Subject,
  { testbeds, ssh, vault }: { testbeds: Testbeds; ssh: SshPools; vault: Vault },
): Promise<OutputOf<'system.support'>> {
  const files = await supportFiles({
    ...{ dataFolder, checks, info, entry },
    agents: entry === null ? [] : await archivedAgentLogs(entry, { testbeds, ssh }),
    testbeds: testbeds.summaries().map(({ name, kind, state }) => ({ name, kind, state })),
    secretFolders: testbeds.all().map(({ folder }) => folder.secrets),
    secrets: [...vault.values(), ...ssh.knownSecrets()],
  });
  const name = `mlsysops-support-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}`;
  const packed = tarGz(
    files.map((file) => ({ ...file, name: `${name}/${file.name}` })),
    Date.now(),
  );
  return { name: `${name}.tar.gz`, data: packed.toString('base64') };
}
