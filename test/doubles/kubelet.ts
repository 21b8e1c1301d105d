import { createServer } from 'node:http';
import { Api } from './kubelet/api.ts';
import { Cgroups } from './kubelet/cgroups.ts';
import { readFlags } from './kubelet/flags.ts';
import { startKubelet } from './kubelet/kubelet.ts';
import { kubeletVersion } from './kubelet/node-object.ts';
import { ServiceProxy } from './kubelet/proxy.ts';
import { leaveTraces } from './kubelet/traces.ts';

/**
 * Kubelet double: takes kubelet's place on a test host, started by kubelet.service with kubelet's flags. It has no images: each
 * container's command becomes a real process in a cgroup of its own, on the host's network. It plays kube-proxy, too.
 * `kubelet --version` tells its version; `kubelet --remove-pods` ends and removes every pod of the host (for kubeadm reset).
 */
async function main(args: string[]): Promise<void> {
  const log = (text: string): void => void process.stdout.write(`kubelet double: ${text}\n`);
  if (args.includes('--version')) {
    process.stdout.write(`Kubernetes ${kubeletVersion}\n`);
    return;
  }
  const cgroups = new Cgroups();
  const proxy = new ServiceProxy(log);
  if (args.includes('--remove-pods')) {
    for (let i = 0; i < 100 && !cgroups.pods().every((uid) => cgroups.remove(uid)); i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    cgroups.removeRoot();
    await proxy.remove();
    return;
  }
  const flags = readFlags(args);
  log(`${kubeletVersion}, node ${flags.nodeName} at ${flags.nodeIp}, kubeconfig ${flags.kubeconfig}`);
  leaveTraces(log);
  const kubelet = startKubelet({
    api: Api.fromFile(flags.kubeconfig),
    flags,
    cgroups,
    proxy,
    stateFolder: '/var/lib/kubelet',
    logFolder: '/var/log/pods',
    log,
  });
  const health = createServer((_, answer) => answer.end('ok'));
  health.on('error', (error) => log(`healthz: ${error.message}`));
  health.listen(flags.healthzPort, '127.0.0.1');
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      kubelet.close();
      log('ends; its pods go on');
      process.exit(0);
    });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`kubelet double: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
});
