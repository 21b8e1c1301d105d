import type { RunContext, Step } from '../../run/phase.ts';
import { digestCommand } from '../../ssh/digest-command.ts';
import type { Host } from '../../testbed/schema.ts';
import { factsOf } from './hosts.ts';
import type { PhaseTools } from './options.ts';
import { allOf, installedFolder, quote, restartIfActive, script, undoing } from './shell.ts';

/**
 * Unpacks an artefact that is kept packed (a gzipped tar of several programs) into a folder of its own. Its digest is noted beside, and
 * `programs` (paths in the folder) must be there too. A `service` that uses it is started anew.
 */
export async function unpackStep(
  tools: PhaseTools,
  context: RunContext,
  host: Host,
  artefact: { name: string; title: (version: string) => string; folder: string; programs: readonly string[]; service?: string },
): Promise<Step> {
  const { name, folder, programs, service } = artefact;
  const artefacts = await tools.artefacts(context);
  const architecture = factsOf(host, context)?.architecture;
  // As with installStep: what cannot be told now fails where the file is needed.
  const identity = architecture === undefined ? null : await artefacts.identify(name, architecture).catch(() => null);
  const note = `${installedFolder}/${name}`;
  const travelling = `/var/lib/mlsysops/provisioning/incoming/${name}`;
  const resolve = () => artefacts.resolve(name, architecture ?? 'amd64');
  return {
    id: `install-${name}`,
    title: artefact.title(
      identity === null ? name : `${name} ${identity.version}${identity.double === undefined ? '' : ' (double)'}`,
    ),
    observe:
      identity === null
        ? 'false'
        : allOf(
            `[ "$(cat ${note} 2>/dev/null)" = ${quote(identity.digest)} ]`,
            ...programs.map((program) => `[ -x ${folder}/${program} ]`),
          ),
    filesEarly: true,
    async files() {
      const { localPath, sha256 } = await resolve();
      return [{ path: travelling, mode: '0600', localPath, sha256 }];
    },
    async change() {
      const { digest, sha256 } = await resolve();
      return script(
        `[ "$(${digestCommand(travelling)})" = ${quote(sha256)} ] || { echo "${name} was damaged on its way" >&2; exit 1; }`,
        `mkdir -p ${installedFolder} ${folder}`,
        // tar replaces a running program's file by another one: what runs goes on with what it has.
        `tar -xzf ${travelling} -C ${folder} --no-same-owner`,
        `rm -f ${travelling}`,
        ...programs.map((program) => `[ -x ${folder}/${program} ] || { echo "${name} holds no ${program}" >&2; exit 1; }`),
        `echo ${quote(digest)} >${note}`,
        service === undefined ? ':' : restartIfActive(service),
      );
    },
    timeoutS: 300,
    remedies: [
      { pattern: /No space left on device/, cause: 'the disk is full', remedy: 'Free some space on the host, then run again' },
    ],
    undo: undoing(`rm -rf ${folder}`, `rm -f ${note} ${travelling}`),
  };
}
