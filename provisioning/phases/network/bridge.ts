import type { PlacedFile } from '../support/files.ts';

/** Largest packet of pods whose way to others leads through an overlay: with its 50 bytes around, it passes tunnels and DSL lines too. */
const overlayMtu = 1400;
const overlayLink = 'mlsysops-vxlan';
/** As flannel's, so that firewalls that let that one pass let ours pass. */
export const overlayPort = 8472;
const overlayId = 4711;
/** Marks our routes in the kernel's table, so that those to nodes that are gone, or have another network now, are found again. */
const routeMark = 'proto 118';

/** Bridge and host-local of the CNI plugins; leaving the cluster is masqueraded by our unit, so that pods see each other's own addresses. */
export const conflist = (podCidr: string, mtu?: number): string =>
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
          ...(mtu === undefined ? {} : { mtu }),
          ipam: { type: 'host-local', ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }] },
        },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    },
    null,
    2,
  )}\n`;

/** How packets for the pods of another node get there. */
export interface Route {
  /** Pod CIDR of the other node. */
  to: string;
  /** Next hop: the other node's address on the network that both share, or its end of the overlay. */
  via: string;
  /** The other node's own address, when the way leads through the overlay. */
  peer?: string;
}

/** A node's end of the overlay: the network address of its pod CIDR, which no pod has. */
export const overlayEnd = (podCidr: string): string => podCidr.replace(/\/.*$/, '');

/** Made of the end's address, so that every node knows every other's. */
export const overlayHardwareAddress = (podCidr: string): string =>
  [
    '02',
    '6d',
    ...overlayEnd(podCidr)
      .split('.')
      .map((octet) => Number(octet).toString(16).padStart(2, '0')),
  ].join(':');

/** The overlay of a node at `address`: VXLAN between the nodes, whose ends are told here instead of being learnt. */
const overlay = (own: string, address: string, routes: readonly Route[]): string[] => [
  `ip link show ${overlayLink} >/dev/null 2>&1 || ip link add ${overlayLink} type vxlan id ${overlayId} local ${address} dstport ${overlayPort} nolearning`,
  `ip link set ${overlayLink} address ${overlayHardwareAddress(own)} mtu ${overlayMtu} up`,
  `ip addr replace ${overlayEnd(own)}/32 dev ${overlayLink}`,
  ...routes.flatMap(({ to, via, peer }) => [
    `ip neigh replace ${via} lladdr ${overlayHardwareAddress(to)} dev ${overlayLink} nud permanent`,
    `bridge fdb replace ${overlayHardwareAddress(to)} dev ${overlayLink} dst ${peer}`,
    `ip route replace ${to} via ${via} dev ${overlayLink} onlink ${routeMark}`,
  ]),
];

/**
 * A firewall of the host's (ufw, Docker's policy) throws away what it has no rule for. Pods of other nodes ask the API from their node's address, which preflight has tried; those of the
 * control plane itself ask from their own.
 */
const rules = ({ own, cluster, apiPort }: NodeNetwork): string[] => [
  `-t nat POSTROUTING -s ${own} ! -d ${cluster} -j MASQUERADE`,
  `FORWARD -s ${cluster} -j ACCEPT`,
  `FORWARD -d ${cluster} -j ACCEPT`,
  ...(apiPort === undefined ? [] : [`INPUT -s ${own} -p tcp --dport ${apiPort} -j ACCEPT`]),
];
/** "-t nat CHAIN rest" with the verb before the chain. */
const iptables = (verb: string, rule: string): string =>
  `iptables -w 10 ${rule.replace(/(POSTROUTING|FORWARD|INPUT)/, `-${verb} $1`)}`;

/** A node's part in the pod network of its cluster. */
export interface NodeNetwork {
  /** Pod CIDR of the node, and of the cluster. */
  own: string;
  cluster: string;
  /** Address of the node for its peers. */
  address: string;
  routes: readonly Route[];
  /** Where its own pods reach the Kubernetes API, when it is a control plane. */
  apiPort?: number;
}
const throughOverlay = ({ routes }: NodeNetwork): boolean => routes.some((route) => route.peer !== undefined);

/** What the unit does when it starts: every line can be repeated. */
export const upScript = (network: NodeNetwork): string =>
  [
    '#!/bin/sh',
    '# Written by MLSysOps Desktop: routes to the pods of the other nodes.',
    'set -eu',
    `ip route flush ${routeMark}`,
    ...(throughOverlay(network)
      ? overlay(network.own, network.address, network.routes)
      : network.routes.map((route) => `ip route replace ${route.to} via ${route.via} ${routeMark}`)),
    ...rules(network).map((rule) => `${iptables('C', rule)} 2>/dev/null || ${iptables('I', rule)}`),
    '',
  ].join('\n');

export const downScript = (network: NodeNetwork): string =>
  [
    '#!/bin/sh',
    `ip route flush ${routeMark} 2>/dev/null`,
    `ip link del ${overlayLink} 2>/dev/null`,
    ...rules(network).map((rule) => `${iptables('D', rule)} 2>/dev/null`),
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

export const networkFiles = (network: NodeNetwork): PlacedFile[] => [
  {
    path: '/etc/cni/net.d/10-mlsysops.conflist',
    mode: '0644',
    content: conflist(network.own, throughOverlay(network) ? overlayMtu : undefined),
  },
  { path: '/opt/mlsysops/network/up', mode: '0755', content: upScript(network) },
  { path: '/opt/mlsysops/network/down', mode: '0755', content: downScript(network) },
  { path: '/etc/systemd/system/mlsysops-network.service', mode: '0644', content: unit },
];
