import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

/**
 * What kubelet 1.36 makes on a host as it starts, and neither it nor "kubeadm reset" ever takes back; and the network namespace that
 * a pod leaves when its CNI configuration was gone before it.
 */
export function leaveTraces(log: (text: string) => void): void {
  const plugins = '/usr/libexec/kubernetes/kubelet-plugins/volume/exec';
  for (const folder of ['/var/log/pods', '/var/log/containers', plugins]) mkdirSync(folder, { recursive: true });
  for (const [setting, value] of Object.entries({ panic: 10, panic_on_oops: 1 })) {
    try {
      writeFileSync(`/proc/sys/kernel/${setting}`, `${value}\n`);
    } catch (error) {
      log(`kernel.${setting} is not to be set here: ${String(error)}`);
    }
  }
  const run = (program: string, ...args: string[]): boolean => spawnSync(program, args, { stdio: 'ignore' }).status === 0;
  for (const tool of ['iptables', 'ip6tables']) {
    for (const table of ['mangle', 'nat', 'filter']) run(tool, '-w', '-t', table, '-N', 'KUBE-KUBELET-CANARY');
    run(tool, '-w', '-t', 'mangle', '-N', 'KUBE-IPTABLES-HINT');
  }
  if (run('iptables', '-w', '-N', 'KUBE-FIREWALL')) {
    const loopback = ['!', '-s', '127.0.0.0/8', '-d', '127.0.0.0/8'];
    const comment = ['-m', 'comment', '--comment', 'block incoming localnet connections'];
    if (!run('iptables', '-w', '-A', 'KUBE-FIREWALL', ...loopback, ...comment, '-j', 'DROP'))
      log('the firewall chain has no rule');
    for (const chain of ['INPUT', 'OUTPUT'])
      run('iptables', '-w', '-I', chain, ...['-m', 'comment', '--comment', 'kubernetes firewall'], '-j', 'KUBE-FIREWALL');
  }
  run('ip', 'netns', 'add', 'cni-00000000-0000-4000-8000-000000000000');
}
