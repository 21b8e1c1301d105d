import type { RunContext, Step } from '../../run/phase.ts';
import { asStepFiles, filesInPlace, giveToOwners } from '../support/files.ts';
import { addressOf } from '../support/hosts.ts';
import { allOf, beforeFolder, keepFormer, quote, restartIfActive, script, undoing } from '../support/shell.ts';
import { authorityFiles, authorityPrefix } from './authorities.ts';
import { aptProxyFile, containerdProxyFile, proxyFiles } from './proxy.ts';

/**
 * Lets a host reach the outside as the testbed file says: by its proxy, trusting its certificate authorities. What an earlier testbed file said and this one does
 * not is taken back. `now` is ms since the epoch.
 * @throws Failure (invalid-file) when an authority's file cannot be used
 */
export async function outsideStep(context: RunContext, now: number): Promise<Step> {
  const { testbed } = context;
  const proxies = proxyFiles(testbed, (host) => addressOf(host, context));
  const authorities = await authorityFiles(testbed.certificateAuthorities, now);
  const files = [...proxies, ...authorities];
  const unwantedProxy = proxies.length > 0 ? '' : `${aptProxyFile} ${containerdProxyFile}`;
  const wanted = authorities.map(({ path }) => path);
  // Every authority of ours, but those that are wanted.
  const unwantedAuthorities = `ls ${authorityPrefix}*.crt 2>/dev/null${wanted.map((path) => ` | grep -vxF ${quote(path)}`).join('')}`;
  return {
    id: 'outside',
    title: titleOf(proxies.length > 0, authorities.length),
    observe: allOf(
      ...(files.length > 0 ? [filesInPlace(files)] : []),
      ...unwantedProxy.split(' ').flatMap((file) => (file === '' ? [] : [`[ ! -e ${file} ]`])),
      `[ -z "$(${unwantedAuthorities})" ]`,
      ...wanted.map((path) => `[ -e ${linkOf(path)} ]`),
    ),
    files: () => Promise.resolve(asStepFiles(files)),
    change: script(
      giveToOwners(files),
      unwantedProxy === '' ? ':' : `rm -f ${unwantedProxy}`,
      `for file in $(${unwantedAuthorities}); do rm -f "$file"; done`,
      authorities.length > 0
        ? 'command -v update-ca-certificates >/dev/null || { echo "there is no update-ca-certificates on this host" >&2; exit 1; }'
        : ':',
      // It is made anew from files; what somebody wrote into it by hand comes back with a reset.
      authorities.length > 0 ? keepFormer(trustedBundle) : ':',
      updateTrust,
      'systemctl daemon-reload',
      // It reads its proxy and whom it trusts when it starts. Containers outlive that.
      restartIfActive('containerd'),
    ),
    remedies: [
      {
        pattern: /no update-ca-certificates/,
        cause: 'this host has no update-ca-certificates, by which it would trust the authorities of the testbed file',
        remedy: 'Install the package ca-certificates on it',
      },
    ],
    undo: undoing(
      `if [ -e ${aptProxyFile} ] || [ -e ${containerdProxyFile} ] || ls ${authorityPrefix}*.crt >/dev/null 2>&1; then`,
      `rm -f ${aptProxyFile} ${containerdProxyFile} ${authorityPrefix}*.crt`,
      'rmdir /etc/systemd/system/containerd.service.d 2>/dev/null',
      updateTrust,
      `if [ -e ${keptBundle} ]; then mv -f ${keptBundle} ${trustedBundle}; fi`,
      'systemctl daemon-reload',
      restartIfActive('containerd'),
      'fi',
    ),
  };
}

const trustedBundle = '/etc/ssl/certs/ca-certificates.crt';
const keptBundle = `${beforeFolder}/${trustedBundle.replaceAll('/', '_')}`;
const updateTrust = 'if command -v update-ca-certificates >/dev/null; then update-ca-certificates >/dev/null; fi';

/** What update-ca-certificates makes of a file. */
const linkOf = (file: string): string => `/etc/ssl/certs/${file.slice(file.lastIndexOf('/') + 1).replace(/\.crt$/, '.pem')}`;

function titleOf(proxy: boolean, authorities: number): string {
  if (!proxy && authorities === 0) return 'Go out without a proxy';
  const trust =
    authorities > 0
      ? `trust ${authorities} certificate ${authorities > 1 ? 'authorities' : 'authority'} of the testbed file`
      : '';
  return [proxy ? 'Go out by the proxy' : '', trust].filter(Boolean).join('; ').replace(/^t/, 'T');
}
