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

/** None of them needs any of it. What a policy in Python is limited by (setrlimit) is of @system-service. */
const hardening = `NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
UMask=0077
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@mount @swap @reboot @module @raw-io @clock @debug @cpu-emulation @obsolete @privileged
SystemCallErrorNumber=EPERM
AmbientCapabilities=`;

const unprivileged = `User=${agentUser}
Group=${agentUser}
CapabilityBoundingSet=
PrivateDevices=yes
DevicePolicy=closed
ProtectProc=invisible
ProcSubset=pid
ProtectKernelTunables=yes
ProtectControlGroups=yes`;

/**
 * How the runtime is told to be small beside a host's own work (measured by test/bench/node-agent: 70 MB instead of 87): a young generation of 1 MB, one helper
 * thread, no optimising compiler, which a program that sleeps has no use for, and two arenas of malloc instead of eight a processor.
 */
export const smallRuntime = {
  flags: ['--max-semi-space-size=1', '--v8-pool-size=1', '--no-opt'],
  environment: { MALLOC_ARENA_MAX: '2' },
} as const;

/**
 * A node agent reads the cgroups of all containers, sets frequencies and limits in /sys, and shapes traffic (tc, nft): it is root, with the
 * rights to read and write files and to set up the network, and no other. /sys and /sys/fs/cgroup stay as they are for it.
 */
const rights: Record<Layer, string> = {
  node: `CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_NET_ADMIN
DevicePolicy=closed
ReadWritePaths=-/sys
${smallEnvironment()}
MemoryMax=256M
TasksMax=64`,
  // Policies in Python run beside it, each within a limit of its own.
  cluster: `${unprivileged}
MemoryMax=2G
TasksMax=256`,
  continuum: `${unprivileged}
MemoryMax=512M
TasksMax=64`,
};

function smallEnvironment(): string {
  return Object.entries(smallRuntime.environment)
    .map(([name, value]) => `Environment=${name}=${value}`)
    .join('\n');
}

/** Started anew every second: a delay that grows is known to systemd from 254 on alone, and Debian 12 and Ubuntu 22.04 have older ones. */
export const agentUnit = (layer: Layer): string => `[Unit]
Description=${descriptions[layer]}
Wants=network-online.target
After=network-online.target
# An agent that cannot start is tried for ever: what it needs may come back.
StartLimitIntervalSec=0

[Service]
ExecStart=${[nodeProgram, ...(layer === 'node' ? smallRuntime.flags : [])].join(' ')} ${agentProgram(layer)} ${agentConfigFile(layer)}
Restart=always
RestartSec=1
StateDirectory=${agentState(layer)}
StateDirectoryMode=0750
${hardening}
${rights[layer]}

[Install]
WantedBy=multi-user.target
`;
