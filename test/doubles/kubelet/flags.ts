import { existsSync, readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { parse } from 'yaml';
import { z } from 'zod';

export interface KubeletFlags {
  kubeconfig: string;
  nodeName: string;
  nodeIp: string;
  nodeLabels: Record<string, string>;
  healthzPort: number;
  registerTaints: { key: string; value?: string; effect: string }[];
}

const configSchema = z.looseObject({
  healthzPort: z.number().int().optional(),
  registerWithTaints: z.array(z.object({ key: z.string(), value: z.string().optional(), effect: z.string() })).optional(),
});

/** Reads the flags that the double needs; the many others that kubelet has are accepted and left alone. @throws Error in words */
export function readFlags(args: string[]): KubeletFlags {
  const given = new Map<string, string>();
  for (const [index, arg] of args.entries()) {
    if (!arg.startsWith('--')) continue;
    const [name = '', value] = arg.slice(2).split(/=(.*)/s);
    const next = args[index + 1];
    given.set(name, value ?? (next?.startsWith('--') ? 'true' : (next ?? 'true')));
  }
  const kubeconfig = [given.get('kubeconfig'), given.get('bootstrap-kubeconfig')].find((file) => file && existsSync(file));
  if (!kubeconfig) throw new Error(`there is no kubeconfig at ${given.get('kubeconfig') ?? '(none given)'} yet`);
  const configFile = given.get('config');
  const config = configSchema.parse(configFile && existsSync(configFile) ? parse(readFileSync(configFile, 'utf8')) : {});
  return {
    kubeconfig,
    nodeName: given.get('hostname-override') ?? hostname().toLowerCase(),
    nodeIp: given.get('node-ip') ?? firstAddress(),
    nodeLabels: Object.fromEntries(
      (given.get('node-labels') ?? '')
        .split(',')
        .filter(Boolean)
        .map((pair): [string, string] => {
          const [key = '', value = ''] = pair.split('=');
          return [key, value];
        }),
    ),
    healthzPort: Number(given.get('healthz-port') ?? config.healthzPort ?? 10248),
    registerTaints: config.registerWithTaints ?? taintsOf(given.get('register-with-taints')),
  };
}

/** "key=value:Effect,key:Effect" */
const taintsOf = (text: string | undefined): KubeletFlags['registerTaints'] =>
  (text ?? '')
    .split(',')
    .filter(Boolean)
    .map((taint) => {
      const [left = '', effect = ''] = taint.split(':');
      const [key = '', value] = left.split('=');
      return { key, ...(value && { value }), effect };
    });

function firstAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal);
  return found?.address ?? '127.0.0.1';
}
