import type { Host, Testbed } from '../../testbed/schema.ts';
import type { PlacedFile } from '../support/files.ts';

export const aptProxyFile = '/etc/apt/apt.conf.d/90mlsysops-proxy';
export const containerdProxyFile = '/etc/systemd/system/containerd.service.d/90-mlsysops-proxy.conf';

/**
 * What sends packages (apt) and images (containerd) by the proxy of the testbed file, and none of what stays inside of the testbed. Empty without one.
 * Values stand in quotes of files that programs read, never in a shell.
 */
export function proxyFiles(testbed: Testbed, addressOfHost: (host: Host) => string): PlacedFile[] {
  const { proxy } = testbed;
  const http = proxy?.http;
  const https = proxy?.https ?? http;
  if (proxy === undefined || https === undefined) return [];
  const direct = [
    'localhost',
    '127.0.0.1',
    '.svc',
    '.cluster.local',
    ...testbed.hosts.flatMap((host) => [host.name, addressOfHost(host)]),
    ...Object.values(testbed.clusters).flatMap(({ podCidr, serviceCidr }) => [podCidr, serviceCidr]),
    ...proxy.noProxy,
  ];
  const environment = {
    ...(http === undefined ? {} : { HTTP_PROXY: http }),
    HTTPS_PROXY: https,
    NO_PROXY: [...new Set(direct)].join(','),
  };
  const apt = [
    '// Written by MLSysOps Desktop.',
    ...(http === undefined ? [] : [`Acquire::http::Proxy "${plain(http)}";`]),
    `Acquire::https::Proxy "${plain(https)}";`,
    '',
  ];
  const unit = [
    '# Written by MLSysOps Desktop.',
    '[Service]',
    // Systemd takes "%" for the beginning of something of its own.
    ...Object.entries(environment).map(([name, value]) => `Environment="${name}=${plain(value).replaceAll('%', '%%')}"`),
    '',
  ];
  return [
    { path: aptProxyFile, mode: '0644', content: apt.join('\n') },
    { path: containerdProxyFile, mode: '0644', content: unit.join('\n') },
  ];
}

/** What would end a quoted value is percent-encoded, as a URL may have it. */
const plain = (value: string): string => value.replace(/["\\\s;$`]/g, (character) => encodeURIComponent(character));
