import type { PlacedFile } from '../support/files.ts';

/** Bridge and host-local of the CNI plugins; leaving the cluster is masqueraded by our unit, so that pods see each other's own addresses. */
export const conflist = (podCidr: string): string =>
  `${JSON.stringify(
    {
      cniVersion: '0.4.0',
      name: 'mlsysops',
      plugins: [
        {
          type: 'bridge',
          bridge: 'cni0',
          isGateway: true,
          ipMasq: false,
          hairpinMode: true,
          ipam: { type: 'host-local', ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }] },
        },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    },
    null,
    2,
  )}\n`;

export interface Route {
  /** Pod CIDR of another node. */
  to: string;
  /** That node's address, on the same L2 network. */
  via: string;
}

const rules = (own: string, cluster: string): string[] => [
  `-t nat POSTROUTING -s ${own} ! -d ${cluster} -j MASQUERADE`,
  `FORWARD -s ${cluster} -j ACCEPT`,
  `FORWARD -d ${cluster} -j ACCEPT`,
];
/** "-t nat CHAIN rest" with the verb before the chain. */
const iptables = (verb: string, rule: string): string => `iptables -w 10 ${rule.replace(/(POSTROUTING|FORWARD)/, `-${verb} $1`)}`;

/** What the unit does when it starts: every line can be repeated. */
export const upScript = (own: string, cluster: string, routes: readonly Route[]): string =>
  [
    '#!/bin/sh',
    '# Written by MLSysOps Desktop: routes to the pods of the other nodes.',
    'set -eu',
    ...routes.map((route) => `ip route replace ${route.to} via ${route.via}`),
    ...rules(own, cluster).map((rule) => `${iptables('C', rule)} 2>/dev/null || ${iptables('I', rule)}`),
    '',
  ].join('\n');

export const downScript = (own: string, cluster: string, routes: readonly Route[]): string =>
  [
    '#!/bin/sh',
    ...routes.map((route) => `ip route del ${route.to} via ${route.via} 2>/dev/null`),
    ...rules(own, cluster).map((rule) => `${iptables('D', rule)} 2>/dev/null`),
    'exit 0',
    '',
  ].join('\n');

/** The bridge's own address, as host-local gives it: the one after the network's. */
export function gatewayOf(podCidr: string): string {
  const octets = podCidr.replace(/\/.*$/, '').split('.').map(Number);
  return octets.map((octet, index) => (index === 3 ? octet + 1 : octet)).join('.');
}

const unit = `[Unit]
Description=Pod network of MLSysOps (routes to the other nodes)
Wants=network-online.target
After=network-online.target
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/opt/mlsysops/network/up
ExecStop=-/opt/mlsysops/network/down

[Install]
WantedBy=multi-user.target
`;

export const networkFiles = (own: string, cluster: string, routes: readonly Route[]): PlacedFile[] => [
  { path: '/etc/cni/net.d/10-mlsysops.conflist', mode: '0644', content: conflist(own) },
  { path: '/opt/mlsysops/network/up', mode: '0755', content: upScript(own, cluster, routes) },
  { path: '/opt/mlsysops/network/down', mode: '0755', content: downScript(own, cluster, routes) },
  { path: '/etc/systemd/system/mlsysops-network.service', mode: '0644', content: unit },
];
