import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { doublesOf, openBundle } from '../../provisioning/artefacts/bundle.ts';
import { parseTestbedFile } from '../../provisioning/testbed/parse.ts';
import { type Testbed, testbedSchema } from '../../provisioning/testbed/schema.ts';
import { twinHosts, twinNode } from '../../provisioning/twin/hosts.ts';
import { ContractError, type ParsedInputOf } from '../contract/contract.ts';
import type { LocalTestbeds } from './local-testbeds.ts';
import type { TestbedEntry, Testbeds } from './testbeds.ts';

/** Pod and service networks of the framework's own testbed of four. */
const networks = {
  management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' },
  cluster1: { podCidr: '10.12.0.0/16', serviceCidr: '10.13.0.0/16' },
};

const longestLocalName = 32;

/**
 * Makes a testbed known; for kind "local" makes its hosts.
 * @throws ContractError; Failure invalid-file or artefact
 */
export async function createTestbed(
  input: ParsedInputOf<'testbeds.create'>,
  services: { testbeds: Testbeds; local: LocalTestbeds; env: NodeJS.ProcessEnv },
): Promise<TestbedEntry> {
  const { name, kind, bundle, file } = input;
  if (bundle !== undefined) checkBundlePath(bundle);
  if (kind === 'local' && name.length > longestLocalName)
    throw new ContractError(
      'invalid-name',
      `"${name}" is too long for hosts on this computer.`,
      `Use at most ${longestLocalName} characters: the name becomes part of theirs.`,
    );
  const artefacts = bundle === undefined ? {} : { bundle };
  const doubles = kind === 'twin' ? [] : await doublesIn(bundle ?? services.env.MLSYSOPS_BUNDLE);
  return services.testbeds.add(name, doubles, async (folder) => {
    switch (kind) {
      case 'twin':
        if (file !== undefined) return { ...twinOf(file, input.fileName), name };
        return testbedSchema.parse({
          name,
          kind,
          hosts: twinHosts.map(twinNode).map(({ name, address, role, cluster }) => ({ name, address, role, cluster })),
          clusters: networks,
        });
      case 'local':
        return services.local.make(
          folder,
          testbedSchema.parse({
            name,
            kind,
            hosts: [],
            clusters: networks,
            artefacts,
            // On cgroup v1 (an old kernel, some containers) kubelet wants to be asked twice.
            ...(isCgroupV1() && {
              kubernetes: {
                kubeletOverrides: { failCgroupV1: false, cgroupDriver: 'cgroupfs' },
                ignorePreflightErrors: ['SystemVerification'],
              },
            }),
          }),
        );
      case 'hosts': {
        if (file === undefined || file.trim() === '')
          throw new ContractError(
            'invalid-file',
            'Hosts of your own need a file that names them.',
            'Give a testbed.yaml or an Ansible inventory.',
          );
        const parsed = parseTestbedFile(file, input.fileName ?? 'testbed.yaml');
        return { ...parsed, name, kind, artefacts: { ...parsed.artefacts, ...artefacts } } satisfies Testbed;
      }
    }
  });
}

/** @throws Failure invalid-file; ContractError when it simulates nothing */
function twinOf(file: string, fileName = 'testbed.yaml'): Testbed {
  const parsed = parseTestbedFile(file, fileName);
  if (parsed.twin) return parsed;
  throw new ContractError(
    'invalid-file',
    `${fileName} has no "twin": nothing says what is simulated.`,
    'Add it, with kind: twin.',
  );
}

/**
 * A testbed as another file says. It keeps its name and kind: those are its place on this computer.
 * @throws Failure invalid-file; ContractError refused
 */
export function changedTestbed(before: Testbed, file: string, fileName = 'testbed.yaml'): Testbed {
  if (before.kind === 'twin') return { ...twinOf(file, fileName), name: before.name };
  if (before.kind !== 'hosts')
    throw new ContractError(
      'refused',
      `The hosts of "${before.name}" are made by the app: there is no file of theirs to change.`,
    );
  const parsed = parseTestbedFile(file, fileName);
  const bundle = parsed.artefacts.bundle ?? before.artefacts.bundle;
  return { ...parsed, name: before.name, kind: before.kind, artefacts: { ...parsed.artefacts, bundle } };
}

/** The core's working folder is not its caller's. @throws ContractError invalid-bundle */
export function checkBundlePath(bundle: string): void {
  if (!isAbsolute(bundle))
    throw new ContractError('invalid-bundle', `"${bundle}" is no absolute path.`, 'Name the bundle by its whole path.');
}

/** What stands in for real programs in a bundle; nothing without a bundle. @throws Failure artefact */
export const doublesIn = async (bundle: string | undefined): Promise<string[]> =>
  bundle === undefined || bundle === '' ? [] : doublesOf(await openBundle(bundle));

const isCgroupV1 = (): boolean => process.platform === 'linux' && !existsSync('/sys/fs/cgroup/cgroup.controllers');
