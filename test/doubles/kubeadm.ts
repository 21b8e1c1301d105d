import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { renewCertificates, userKubeconfig } from './kubeadm/certs.ts';
import { initSchema, readDocument } from './kubeadm/configuration.ts';
import { init, storeToken } from './kubeadm/init.ts';
import { join } from './kubeadm/join.ts';
import { upgrade } from './kubeadm/upgrade.ts';
import { clientFrom } from './support/kubeconfig.ts';
import { doubleVersion } from './support/server-config.ts';
import { removeService, systemctl } from './support/systemd.ts';

/**
 * Stands in for kubeadm on test hosts: takes its configuration files (v1beta4) and leaves what it would leave, with the twin's Kubernetes API in
 * place of the control plane's images. Tokens and the pinned authority are checked for real.
 */
const args = process.argv.slice(2);
const config =
  args.find((arg) => arg.startsWith('--config='))?.slice('--config='.length) ?? args[args.indexOf('--config') + 1] ?? '';
/** @throws Error in kubeadm's words when the flag is missing */
function option(name: string): string {
  const value = args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
  if (value === undefined) throw new Error(`required flag(s) "${name}" not set`);
  return value;
}
const say = (text: string) => void process.stdout.write(`${text}\n`);

/** Every run of kubeadm 1.36 with containerd 1.x on cgroup v1 says this, whatever comes of it. */
const warnings = `E1123 17:08:47.780911     925 remote_runtime.go:1177] "RuntimeConfig from runtime service failed" err="rpc error: code = Unimplemented desc = unknown method RuntimeConfig for service runtime.v1.RuntimeService"
\t[WARNING ContainerRuntimeVersion]: You must update your container runtime to a version that supports the CRI method RuntimeConfig.
\t[WARNING SystemVerification]: cgroups v1 support is deprecated and will be removed in a future release. Please migrate to cgroups v2.
`;

async function main(): Promise<void> {
  const [verb, sub] = args;
  if (verb === 'version')
    return say(args.includes('short') || args.includes('-oshort') ? doubleVersion : `kubeadm version (double): ${doubleVersion}`);
  if (verb === 'init' || verb === 'join') {
    process.stderr.write(warnings);
    return verb === 'init' ? init(config, say) : join(config, say);
  }
  if (verb === 'reset') return reset();
  if (verb === 'token' && sub === 'create') return createToken();
  if (verb === 'upgrade') return upgrade(sub, args[2]?.startsWith('-') ? undefined : args[2], say);
  if (verb === 'certs' && sub === 'renew' && args[2] === 'all') return renewCertificates(say);
  if (verb === 'kubeconfig' && sub === 'user') return say(await userKubeconfig(option('client-name')));
  throw new Error(`the kubeadm double has no command "${args.join(' ')}"`);
}

async function createToken(): Promise<void> {
  const client = clientFrom('/etc/kubernetes/admin.conf');
  try {
    for (const { token } of readDocument(config, 'InitConfiguration', initSchema).bootstrapTokens) {
      await storeToken(client, token);
      say(token);
    }
  } finally {
    client.close();
  }
}

function reset(): void {
  say('[reset] Stopping the kubelet service');
  try {
    systemctl('stop', 'kubelet');
  } catch {
    // There is no kubelet service yet.
  }
  if (existsSync('/usr/local/bin/kubelet')) execFileSync('/usr/local/bin/kubelet', ['--remove-pods']);
  for (const name of ['kube-apiserver-double', 'karmada-double']) removeService(name);
  for (const path of ['/etc/kubernetes', '/var/lib/kubelet', '/var/lib/etcd', '/var/lib/karmada-etcd'])
    rmSync(path, { recursive: true, force: true });
  say('[reset] Deleted what kubeadm had made');
}

main().catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    `error: ${text.replace(/^error: /, '')}\nTo see the stack trace of this error execute with --v=5 or higher\n`,
  );
  process.exit(1);
});
