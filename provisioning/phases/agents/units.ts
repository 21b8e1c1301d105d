import type { Layer } from '../../../agents/decision/record.ts';
import { nodeProgram } from '../prepare.ts';

export const agentUser = 'mlsysops';
export const agentService = (layer: Layer): string => `mlsysops-${layer}`;
export const agentProgram = (layer: Layer): string => `/opt/mlsysops/agents/${layer}.mjs`;
export const agentConfigFile = (layer: Layer): string => `/etc/mlsysops/${layer}.json`;
export const agentState = (layer: Layer): string => `mlsysops/${layer}`;

const descriptions: Record<Layer, string> = {
  node: 'MLSysOps node agent',
  cluster: 'MLSysOps cluster agent',
  continuum: 'MLSysOps continuum agent',
};

/** A node agent reads cgroups of all containers and sets frequencies and limits: it is root, with the rights for that alone. */
const rights: Record<Layer, string> = {
  node: `CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_SYS_RESOURCE CAP_SYS_NICE CAP_NET_ADMIN CAP_SYS_PTRACE
ReadWritePaths=-/sys`,
  cluster: `User=${agentUser}
Group=${agentUser}
CapabilityBoundingSet=
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes`,
  continuum: `User=${agentUser}
Group=${agentUser}
CapabilityBoundingSet=
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes`,
};

export const agentUnit = (layer: Layer): string => `[Unit]
Description=${descriptions[layer]}
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=${nodeProgram} ${agentProgram(layer)} ${agentConfigFile(layer)}
Restart=always
RestartSec=1
StateDirectory=${agentState(layer)}
StateDirectoryMode=0750
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
LockPersonality=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
${rights[layer]}

[Install]
WantedBy=multi-user.target
`;
