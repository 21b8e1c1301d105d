import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BenchHosts, run, type Target } from './hosts.ts';
import type { Command } from './work.ts';

/** How Ansible is set up. Its own default keeps connections open (ControlPersist) and goes over the hosts task by task. */
export interface AnsibleSettings {
  name: string;
  pipelining: boolean;
  strategy: 'linear' | 'free';
  gatherFacts: boolean;
}

export const ansibleDefaults: AnsibleSettings = {
  name: 'as installed',
  pipelining: false,
  strategy: 'linear',
  gatherFacts: true,
};
/** What Ansible's own guide to speed says: fewer round trips a task, no facts that nobody asked for, hosts not waiting for one another. */
export const ansibleFastest: AnsibleSettings[] = [
  { name: 'pipelining, no facts, linear', pipelining: true, strategy: 'linear', gatherFacts: false },
  { name: 'pipelining, no facts, free', pipelining: true, strategy: 'free', gatherFacts: false },
];

/** Ansible here (Debian's package), and the Python that it wants on each host. */
export async function setUpAnsible(hosts: BenchHosts): Promise<string> {
  if (!existsSync('/usr/bin/ansible-playbook')) {
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'ansible-core'], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  }
  const script = `export DEBIAN_FRONTEND=noninteractive
command -v python3 >/dev/null || { apt-get update && apt-get install -y --no-install-recommends python3; }`;
  await Promise.all(hosts.targets.map((target) => hosts.ssh(target, script)));
  return (await run('ansible-playbook', ['--version'])).split('\n')[0] ?? '';
}

/** @returns wall time, ms @throws Error when a task failed, or did not change what it was to change */
export async function runAnsible(
  hosts: BenchHosts,
  targets: readonly Target[],
  commands: readonly Command[],
  settings: AnsibleSettings,
): Promise<number> {
  const folder = join(hosts.folder, 'ansible');
  mkdirSync(folder, { recursive: true });
  const sshArgs = `-F none -o ControlMaster=auto -o ControlPersist=60s -o IdentitiesOnly=yes -o UserKnownHostsFile=${hosts.knownHostsFile}`;
  const variables = {
    ansible_user: hosts.user,
    ansible_ssh_private_key_file: hosts.identityFile,
    ansible_python_interpreter: '/usr/bin/python3',
    ansible_ssh_common_args: sshArgs,
  };
  const inventory = {
    all: {
      hosts: Object.fromEntries(
        targets.map(({ name, address, port }) => [name, { ...variables, ansible_host: address, ansible_port: port }]),
      ),
    },
  };
  const play = {
    hosts: 'all',
    become: true,
    gather_facts: settings.gatherFacts,
    strategy: settings.strategy,
    tasks: commands.map(({ title, shell, creates }) => ({ name: title, 'ansible.builtin.shell': { cmd: shell, creates } })),
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'inventory.yaml'), JSON.stringify(inventory));
  writeFileSync(join(folder, 'play.yaml'), JSON.stringify([play]));
  const pipelining = settings.pipelining ? 'True' : 'False';
  writeFileSync(join(folder, 'ansible.cfg'), `[defaults]\nforks = 20\n[ssh_connection]\npipelining = ${pipelining}\n`);
  // Short: a socket's path must fit into 108 characters. New each time: no run finds another's connections.
  const control = join(hosts.folder, `c${settings.name.length}${Date.now() % 1000}`);
  const env = { ...process.env, ANSIBLE_CONFIG: join(folder, 'ansible.cfg'), ANSIBLE_SSH_CONTROL_PATH_DIR: control };
  const startedAt = performance.now();
  const told = await run('ansible-playbook', ['-i', join(folder, 'inventory.yaml'), join(folder, 'play.yaml')], { env });
  const wallMs = performance.now() - startedAt;
  const changed = [...told.matchAll(/changed=(\d+)/g)].map((match) => Number(match[1]));
  if (changed.length !== targets.length || changed.some((count) => count !== commands.length))
    throw new Error(`Ansible did not do all of it: ${told.slice(-1000)}`);
  return wallMs;
}
