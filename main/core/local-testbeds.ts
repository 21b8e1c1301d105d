import { chmod, readFile } from 'node:fs/promises';
import ssh2 from 'ssh2';
import { type LocalHost, LocalHosts } from '../../provisioning/local-hosts/local-hosts.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import { hostSchema, type Testbed } from '../../provisioning/testbed/schema.ts';
import { ContractError } from '../contract/contract.ts';
import { type TestbedFolder, writeInOnePiece } from './testbed-folder.ts';

/** The testbed of four that is made on this computer unless it has hosts already. */
const localHosts = [
  { name: 'management', role: 'management', cluster: 'management' },
  { name: 'master-1', role: 'master', cluster: 'cluster1' },
  { name: 'worker-1', role: 'worker', cluster: 'cluster1' },
  { name: 'worker-2', role: 'worker', cluster: 'cluster1' },
] as const;

/** Hosts that the app makes on this computer: made or started when a testbed needs them, destroyed with it. */
export class LocalTestbeds {
  readonly #helper: string;

  readonly #cores: () => number;

  /** `helper` is the built helper (dist/local-hosts/helper.mjs). `cores`: what each host that is made may use. */
  constructor(helper: string, cores: () => number) {
    this.#helper = helper;
    this.#cores = cores;
  }

  /** null when local hosts can be made here; else one sentence why not, with the command that helps. */
  unavailable(): Promise<string | null> {
    return new LocalHosts({ helper: this.#helper }).unavailable();
  }

  /**
   * Makes the hosts of a testbed (the four, when it has none yet), or starts those that are there, and gives the testbed with their
   * addresses. Their true keys go into the testbed's known_hosts: nobody has to trust what answers first.
   * @throws ContractError local-hosts-unavailable; LocalHostsError
   */
  async make(folder: TestbedFolder, testbed: Testbed, progress: (text: string) => void = () => {}): Promise<Testbed> {
    const local = new LocalHosts({ helper: this.#helper, progress });
    const unavailable = await local.unavailable();
    if (unavailable !== null) throw new ContractError('local-hosts-unavailable', unavailable);
    const authorizedKey = await publicKey(folder.identityFile, testbed.name);
    const wanted = testbed.hosts.length > 0 ? testbed.hosts : localHosts;
    const cpus = this.#cores();
    // Those that are there already keep what they have.
    const hosts = wanted.map(({ name }) => ({ name, cpus }));
    const made = await local.create({ testbed: testbed.name, hosts, authorizedKey });
    await knowHosts(new KnownHosts(folder.knownHosts), made);
    return {
      ...testbed,
      hosts: wanted.map((host) => {
        const known = made.find(({ name }) => name === host.name);
        if (!known) throw new Error(`the helper made no host "${host.name}"`);
        const { address, port, user } = known;
        return hostSchema.parse({ ...host, address, port, user, identityFile: folder.identityFile });
      }),
    };
  }

  /** Harmless when there are none. @throws LocalHostsError */
  async destroy(testbed: string): Promise<void> {
    const local = new LocalHosts({ helper: this.#helper });
    // Without the programs that make hosts there can be none.
    if ((await local.unavailable()) === null) await local.destroy(testbed);
  }
}

/** The public half of the testbed's own key, made when it is not there: 0600, for this user alone. */
async function publicKey(file: string, testbed: string): Promise<string> {
  try {
    return (await readFile(`${file}.pub`, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment: `mlsysops-${testbed}` });
  await writeInOnePiece(file, pair.private);
  await chmod(file, 0o600);
  // Last, since its presence says that the pair is complete.
  await writeInOnePiece(`${file}.pub`, `${pair.public}\n`);
  return pair.public;
}

async function knowHosts(knownHosts: KnownHosts, hosts: readonly LocalHost[]): Promise<void> {
  for (const { address, port, hostKeys } of hosts) {
    await knownHosts.remove(address, port);
    for (const line of hostKeys) await knownHosts.add(address, port, Buffer.from(line.split(/\s+/)[1] ?? '', 'base64'));
  }
}
