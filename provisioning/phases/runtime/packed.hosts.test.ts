import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { packContainerdDouble, runtimeDouble, sayingVersion } from '../../../test/doubles/containerd.ts';
import { root, useHosts } from '../../../test/hosts/fixture.ts';
import { difference, pictureOf } from '../../../test/hosts/picture.ts';
import { changedSteps, failuresOf } from '../../../test/hosts/provision.ts';
import { addToBundle } from '../../artefacts/bundle.ts';
import { makeRecipe } from '../../recipe.ts';
import type { RunEvent } from '../../run/events.ts';
import { makePlan } from '../../run/plan.ts';
import { startRun } from '../../run/run.ts';
import { KnownHosts } from '../../ssh/known-hosts.ts';
import { testbedSchema } from '../../testbed/schema.ts';

/** A newer runtime than the distribution's on a real host. The doubles are the host's own programs, started by scripts that say another version. */
describe('a runtime that the distribution has too old', () => {
  const fixture = useHosts(['master-1']);
  const bundle = join(fixture.folder, 'bundle');
  const assetsFolder = join(fixture.folder, 'assets');
  let before: string[];

  beforeAll(async () => {
    const work = join(fixture.folder, 'work');
    const containerd = packContainerdDouble(work, '2.3.4');
    const plugins = ['bridge', 'host-local', 'portmap', 'loopback'];
    for (const name of plugins) sayingVersion(join(work, name), `/usr/lib/cni/${name}`, `CNI ${name} plugin v9.0.0`);
    execFileSync('tar', ['-czf', join(work, 'cni-plugins.tgz'), '-C', work, ...plugins]);
    sayingVersion(join(work, 'runc'), '/usr/bin/runc', 'runc version 9.0.0');
    const arch = 'amd64';
    await addToBundle(bundle, { name: 'containerd', version: '2.3.4', arch, source: containerd, double: runtimeDouble });
    await addToBundle(bundle, {
      name: 'cni-plugins',
      version: '9.0.0',
      arch,
      source: join(work, 'cni-plugins.tgz'),
      double: runtimeDouble,
    });
    await addToBundle(bundle, { name: 'runc', version: '9.0.0', arch, source: join(work, 'runc'), double: runtimeDouble });
    await addToBundle(bundle, { name: 'node', version: '22.23.3', arch, source: join(work, 'runc'), double: runtimeDouble });
    mkdirSync(assetsFolder);
    // The same catalogue with stricter rules for what the base tree has of Debian 12.
    const catalogue = readFileSync(join(root, 'assets', 'catalogue.yaml'), 'utf8');
    const stricter = ['runc', 'cni-plugins'].map(
      (name) => `  ${name}:\n    - { package: ">=9.0.0", kubernetes: ">=1.37.0", reason: the test wants it }\n`,
    );
    writeFileSync(
      join(assetsFolder, 'catalogue.yaml'),
      catalogue.replace(/ {2}runc:\n {4}- package: [\s\S]*?(?= {2}nats-server:\n {4}- package)/, stricter.join('')),
    );
  });

  const testbedFor = (version: string) =>
    testbedSchema.parse({
      name: fixture.testbed,
      kind: 'hosts',
      hosts: fixture.hosts.map(({ name, address, port, user }) => ({
        name,
        address,
        port,
        user,
        identityFile: fixture.identityFile,
        role: 'management',
        cluster: 'management',
      })),
      clusters: { management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' } },
      kubernetes: { version },
      artefacts: { bundle },
    });
  const settings = () => ({
    phases: makeRecipe({ distFolder: join(root, 'dist'), assetsFolder }).filter(({ id }) => ['prepare', 'runtime'].includes(id)),
    ssh: { knownHosts: new KnownHosts(fixture.knownHostsFile), agent: null },
    stateFolder: join(fixture.folder, 'state'),
  });
  async function run(verb: 'up' | 'down', version: string) {
    const events: RunEvent[] = [];
    const finished = await startRun({
      ...settings(),
      testbed: testbedFor(version),
      verb,
      onEvent: (event) => events.push(event),
    });
    expect({ state: finished.state, failures: failuresOf(events) }).toEqual({ state: 'done', failures: [] });
    return changedSteps(events).filter((step) => step.includes(' runtime/'));
  }
  /** The program that runs as containerd, as systemd was told and as the kernel has it. */
  const running = () =>
    fixture
      .ssh('master-1', 'systemctl show containerd -p ExecStart --value | grep -o "path=[^ ]*"; systemctl is-active containerd')
      .trim();
  const configuration = () => fixture.ssh('master-1', 'sudo containerd config dump 2>/dev/null');
  const packed = 'path=/opt/mlsysops/runtime/containerd/bin/containerd\nactive';
  const ofDistribution = 'path=/usr/bin/containerd\nactive';

  it('is named in the plan with the reason', async () => {
    fixture.ssh('master-1', 'sudo systemctl start containerd');
    before = pictureOf(fixture, 'master-1');
    mkdirSync(join(fixture.folder, 'state'), { mode: 0o700 });
    const plan = await makePlan({ ...settings(), testbed: testbedFor('1.37.0'), verb: 'up' });
    const titles = plan.steps
      .filter(({ step }) => step.startsWith('install-') && step !== 'install-node')
      .map(({ title }) => title);
    expect(titles).toEqual([
      expect.stringMatching(
        /^Install containerd 2\.3\.4 \(double\) of the bundle: containerd 1\.6\.20\S* does not fit: Kubernetes 1\.37 wants containerd 2$/,
      ),
      expect.stringMatching(/^Install runc 9\.0\.0 \(double\) of the bundle: runc 1\.1\.\S+ does not fit: the test wants it$/),
      expect.stringMatching(
        /^Install cni-plugins 9\.0\.0 \(double\) of the bundle: cni-plugins 1\.\S+ does not fit: the test wants it$/,
      ),
    ]);
  });

  it('comes from the bundle, beside the distribution’s, and is in place for another run', async () => {
    expect(await run('up', '1.37.0')).toContain('master-1 runtime/install-containerd');
    expect(running()).toBe(packed);
    expect(configuration()).toContain('bin_dir = "/opt/mlsysops/runtime/cni"');
    expect(configuration()).toContain('BinaryName = "/opt/mlsysops/runtime/runc/runc"');
    expect(fixture.ssh('master-1', 'sudo ctr version')).toContain('Server:');
    expect(await run('up', '1.37.0')).toEqual([]);
  });

  it('gives way to the distribution’s where that has come to fit', async () => {
    await run('up', '1.36.2');
    expect(running()).toBe(ofDistribution);
    expect(configuration()).toContain('bin_dir = "/usr/lib/cni"');
    expect(await run('up', '1.36.2')).toEqual([]);
  });

  it('goes with a reset, which needs no bundle, and the host’s own goes on', async () => {
    await run('up', '1.37.0');
    renameSync(bundle, `${bundle}-elsewhere`);
    await run('down', '1.37.0');
    expect(running()).toBe(ofDistribution);
    expect(difference(before, pictureOf(fixture, 'master-1'))).toEqual({ left: [], lost: [] });
  });
});
