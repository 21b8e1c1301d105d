import type { CoreV1Api } from '@kubernetes/client-node';
import type { Listener } from '../contract/forwards.ts';

/** As any user: the names of programs are those that this one may see. */
export const listenersScript = 'ss -Hltnp';

const everywhere = new Set(['0.0.0.0', '*', '[::]', '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]']);

/** Lines of `ss -Hltnp`: what can be reached at the host's own loopback, each port once, the lowest first. */
export function parseListeners(host: string, text: string): Listener[] {
  const found = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [, , , local = '', , ...users] = line.trim().split(/\s+/);
    const at = /^(.+?)(?:%\S+)?:(\d+)$/.exec(local);
    const port = Number(at?.[2]);
    if (!at || !everywhere.has(at[1] ?? '') || port < 1 || port > 65_535) continue;
    const program = /\(\("([^"]+)"/.exec(users.join(' '))?.[1] ?? '';
    if (!found.get(port)) found.set(port, program);
  }
  return [...found].sort(([a], [b]) => a - b).map(([port, about]) => ({ target: { kind: 'host', host, port }, about }));
}

type Services = Awaited<ReturnType<CoreV1Api['listServiceForAllNamespaces']>>;

/** Those that speak TCP. */
export function servicesOf(cluster: string, { items }: Services): Listener[] {
  return items.flatMap(({ metadata, spec }) =>
    (spec?.ports ?? [])
      .filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
      .map(({ port, name }): Listener => {
        const { namespace = 'default', name: service = '' } = metadata ?? {};
        return { target: { kind: 'service', cluster, namespace, service, port }, about: name ?? '' };
      }),
  );
}

/** Where a service is reached from a node of its cluster. null: it has no address of its own, and no port of a node. */
export function addressOf(service: Services['items'][number], port: number): { address: string; port: number } | null {
  const { clusterIP, ports = [] } = service.spec ?? {};
  const wanted = ports.find((one) => one.port === port);
  if (wanted?.nodePort) return { address: '127.0.0.1', port: wanted.nodePort };
  return clusterIP && clusterIP !== 'None' ? { address: clusterIP, port } : null;
}
