import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { systemClock } from '../../agents/system-clock.ts';
import { startKubernetesApi } from '../../provisioning/twin/api/server.ts';
import { startMiniKarmada } from '../../provisioning/twin/karmada/karmada.ts';
import { signRequests } from './kubeadm/signer.ts';
import { doubleVersion, serverConfigSchema } from './support/server-config.ts';

/**
 * Stands in for kube-apiserver, kube-controller-manager, kube-scheduler and etcd on a test host: the twin's Kubernetes API as a process.
 * In mode "karmada" it stands in for Karmada's control plane, with the twin's mini-Karmada.
 */
const [, , file] = process.argv;
if (file === '--version' || file === undefined) {
  process.stdout.write(`Kubernetes ${doubleVersion} (kube-apiserver double)\n`);
  process.exit(0);
}
const config = serverConfigSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
const read = (path: string) => readFileSync(path, 'utf8');
const log = (_level: string, text: string) => void process.stdout.write(`kube-apiserver double: ${text}\n`);
const api = await startKubernetesApi({
  name: config.name,
  host: '0.0.0.0',
  port: config.port,
  tls: { ca: read(config.caFile), cert: read(config.certFile), key: read(config.keyFile) },
  tokens: [],
  version: config.version,
  podCidr: config.podCidr,
  serviceCidr: config.serviceCidr,
  clock: systemClock,
  persistFile: config.persistFile,
  controllers: config.mode === 'cluster',
});
const parts =
  config.mode === 'karmada'
    ? [startMiniKarmada({ api, clock: systemClock, log })]
    : [signRequests(api.store, { certificate: read(config.caFile), key: read(config.caKeyFile) }, (text) => log('warn', text))];
log('info', `serves ${config.name} on ${config.port}`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    for (const part of parts) part.close();
    void api.close().then(() => process.exit(0));
  });
}
