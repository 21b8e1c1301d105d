import { readyToTravel } from '../../artefacts/compress.ts';
import type { ArtefactIdentity } from '../../artefacts/resolve.ts';
import type { RunContext, Step } from '../../run/phase.ts';
import { digestCommand } from '../../ssh/digest-command.ts';
import type { Host } from '../../testbed/schema.ts';
import { factsOf } from './hosts.ts';
import type { PhaseTools } from './options.ts';
import { allOf, installedFolder, quote, restartIfActive, script, undoing } from './shell.ts';

const incoming = '/var/lib/mlsysops/provisioning/incoming';

/**
 * Installs one artefact at `target`. What was installed is noted beside (digest of the artefact, of the file, and its size and times), so
 * that looking whether it is in place reads no 100 MB; only when size or times differ is the file itself read.
 */
export async function installStep(
  tools: PhaseTools,
  context: RunContext,
  host: Host,
  artefact: { name: string; target: string; mode?: string; restart?: string },
): Promise<Step> {
  const { name, target, mode = '0755' } = artefact;
  const artefacts = await tools.artefacts(context);
  const architecture = factsOf(host, context)?.architecture;
  // What cannot be told now (publisher out of reach) fails where the file is needed, with the reason; planning and reset go on.
  const identity: ArtefactIdentity | null =
    architecture === undefined ? null : await artefacts.identify(name, architecture).catch(() => null);
  const note = `${installedFolder}/${name}`;
  const travelling = `${incoming}/${name}`;
  const resolve = async () => {
    const resolved = await artefacts.resolve(name, architecture ?? 'amd64');
    return { resolved, form: await readyToTravel(resolved.localPath, resolved.sha256, tools.cacheFolder) };
  };
  return {
    id: `install-${name}`,
    title:
      identity === null
        ? `Install ${name}`
        : `Install ${name} ${identity.version}${identity.double === undefined ? '' : ' (double)'}`,
    observe:
      identity === null
        ? 'false'
        : allOf(
            `[ -f ${target} ]`,
            `[ -r ${note} ]`,
            `{ read -r digest && read -r sum && read -r seen; } <${note}`,
            `[ "$digest" = ${quote(identity.digest)} ]`,
            `{ [ "$seen" = "$(stat -c '%s %y %z' ${target})" ] || [ "$(${digestCommand(target)})" = "$sum" ]; }`,
          ),
    filesEarly: true,
    async files() {
      const { form } = await resolve();
      return [{ path: travelling, mode: '0600', localPath: form.localPath, sha256: form.sha256 }];
    },
    async change() {
      const { resolved, form } = await resolve();
      return script(
        `mkdir -p ${installedFolder} ${quote(target.slice(0, target.lastIndexOf('/')))}`,
        // The smaller one of the two is looked at; gzip itself checks what comes out of it.
        `[ "$(${digestCommand(travelling)})" = ${form.sha256} ] || { echo "${name} was damaged on its way" >&2; exit 1; }`,
        form.compressed ? `gzip -dc ${travelling} >${target}.new` : `cp ${travelling} ${target}.new`,
        `chmod ${mode} ${target}.new`,
        `mv -f ${target}.new ${target}`,
        `rm -f ${travelling}`,
        `{ echo ${quote(resolved.digest)}; echo ${resolved.sha256}; stat -c '%s %y %z' ${target}; } >${note}`,
        artefact.restart === undefined ? ':' : restartIfActive(artefact.restart),
      );
    },
    timeoutS: 300,
    remedies: [
      { pattern: /No space left on device/, cause: 'the disk is full', remedy: 'Free some space on the host, then run again' },
    ],
    undo: undoing(`if [ -e ${note} ]; then rm -f ${target} ${note}; fi`, `rm -f ${travelling} ${target}.new`),
  };
}
