import type { RunContext, Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { nodeProgram } from '../prepare.ts';
import { fileStep, type PlacedFile } from '../support/files.ts';
import { addressOf, managementHost, memberClusters } from '../support/hosts.ts';
import { complain, waitFor } from '../support/shell.ts';
import {
  busFolder,
  busPort,
  busStateFolder,
  hubConfiguration,
  leafConfiguration,
  leafPort,
  monitorPort,
} from './configuration.ts';
import type { BusKeys } from './keys.ts';
import { type BusUser, hubUsers, leafUser, leafUsers } from './users.ts';

export const busUser = 'mlsysops-bus';

const unit = `[Unit]
Description=Message bus of MLSysOps (NATS)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
User=${busUser}
Group=${busUser}
ExecStart=/usr/local/bin/nats-server -c ${busFolder}/nats.conf
ExecReload=/bin/kill -HUP $MAINPID
# Older servers end with 1 when they are asked to.
SuccessExitStatus=1
Restart=always
RestartSec=1
LimitNOFILE=65536
StateDirectory=mlsysops-bus
StateDirectoryMode=0700
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
UMask=0077
CapabilityBoundingSet=
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
MemoryMax=512M
TasksMax=256

[Install]
WantedBy=multi-user.target
`;

const serviceName = 'mlsysops-bus';

/** Exit 0 when the server answers its health check, as the testbed's own (the host may have no curl). */
export const busHealthy = `NODE_EXTRA_CA_CERTS=${busFolder}/ca.crt ${nodeProgram} -e "require('https').get('https://127.0.0.1:${monitorPort}/healthz', { timeout: 5000 }, (answer) => process.exit(answer.statusCode === 200 ? 0 : 1)).on('timeout', () => process.exit(1)).on('error', () => process.exit(1))"`;

/** nats.conf, keys and unit of the hub (management host) or of a cluster's leaf (master), and the running server. */
export async function busServerStep(host: Host, context: RunContext, keys: BusKeys): Promise<Step> {
  const { testbed } = context;
  const isHub = host.role === 'management';
  const pair = await keys.certificate(`server-${host.name}`, [
    ...new Set([host.name, addressOf(host, context), 'localhost', '127.0.0.1']),
  ]);
  const withPassword = (users: BusUser[]) =>
    Promise.all(users.map(async (user) => ({ ...user, password: await keys.password(user.user) })));
  // By its own name: what a leaf may carry hangs on it.
  const ofLeaf = isHub ? null : await keys.certificate(leafUser(host.cluster));
  const configuration = isHub
    ? hubConfiguration({ users: await withPassword(hubUsers(testbed, memberClusters(testbed))) })
    : leafConfiguration({
        cluster: host.cluster,
        users: await withPassword(leafUsers(testbed, host.cluster)),
        hub: {
          address: addressOf(managementHost(testbed), context),
          user: leafUser(host.cluster),
          password: await keys.password(leafUser(host.cluster)),
        },
      });
  const owner = `${busUser}:${busUser}`;
  const files: PlacedFile[] = [
    { path: `${busFolder}/ca.crt`, mode: '0644', content: await keys.authorityCertificate() },
    { path: `${busFolder}/server.crt`, mode: '0644', content: pair.certificate },
    { path: `${busFolder}/server.key`, mode: '0600', content: pair.key, owner, secret: true },
    ...(ofLeaf === null
      ? []
      : [
          { path: `${busFolder}/leaf.crt`, mode: '0644', content: ofLeaf.certificate },
          { path: `${busFolder}/leaf.key`, mode: '0600', content: ofLeaf.key, owner, secret: true },
        ]),
    { path: `${busFolder}/nats.conf`, mode: '0600', content: configuration, owner, secret: true },
    { path: `/etc/systemd/system/${serviceName}.service`, mode: '0644', content: unit },
  ];
  const lines = `journalctl -u ${serviceName} -n 15 --no-pager >&2`;
  return fileStep({
    id: 'bus-server',
    title: isHub ? 'Start the hub of the bus' : `Start the leaf of the bus for ${host.cluster}`,
    files,
    also: [`systemctl is-enabled -q ${serviceName} 2>/dev/null`, `systemctl is-active -q ${serviceName}`],
    afterwards: [
      `chmod 0755 ${busFolder}`,
      'systemctl daemon-reload',
      `systemctl enable -q ${serviceName}`,
      `/usr/local/bin/nats-server -t -c ${busFolder}/nats.conf >/dev/null`,
      `systemctl restart ${serviceName}`,
      waitFor(busHealthy, 30, `${complain('the bus does not answer its health check; its last lines:')}; ${lines}`),
    ].join('\n'),
    undo: [`systemctl disable -q --now ${serviceName} 2>/dev/null`, `rm -rf ${busStateFolder}`],
    timeoutS: 90,
    remedies: [
      {
        pattern: /address already in use/,
        cause: `port ${busPort}, ${isHub ? `${leafPort}, ` : ''}or ${monitorPort} is taken by another program`,
        remedy:
          'Stop that program (often a nats-server of the distribution: systemctl disable --now nats-server), then run again',
      },
    ],
  });
}
