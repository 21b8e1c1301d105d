import type { Step } from '../../run/phase.ts';
import { digestCommand } from '../../ssh/digest-command.ts';
import { nodeProgram } from '../prepare.ts';
import { allOf, installedFolder, script, undoing } from '../support/shell.ts';

/** As the sample application's description names it. Published nowhere: each node makes it of what it has. */
export const sampleImage = 'mlsysops.eu/smart-camera:1';
const work = '/var/lib/mlsysops/provisioning/sample-image';
const note = `${installedFolder}/sample-image`;

/** Where its parts lie on the host, and in the image. */
export interface SampleParts {
  runtime: string;
  program: string;
}

/**
 * Makes an archive of the image (docker save's format, one layer) at `<work>.tar`: the Node runtime with the libraries that it is linked to, and the
 * program. Leaves `work` behind.
 */
export const makeSampleImage = (
  parts: SampleParts,
  folder: string,
  architecture: string,
): string => `rm -rf ${folder} ${folder}.tar
mkdir -p ${folder}/root/tmp ${folder}/root/etc ${folder}/image
for file in ${parts.runtime} ${parts.program} $(ldd ${parts.runtime} | grep -o '/[^ ]*'); do
  mkdir -p "${folder}/root$(dirname "$file")"
  cp -L "$file" "${folder}/root$file"
done
tar -C ${folder}/root --sort=name --owner=0 --group=0 --mtime=@0 -cf ${folder}/image/layer.tar .
digest=$(${digestCommand(`${folder}/image/layer.tar`)})
printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Env":["PATH=/usr/local/bin:/usr/bin:/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' ${architecture} "$digest" >${folder}/image/config.json
printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' ${sampleImage} >${folder}/image/manifest.json
tar -C ${folder}/image -cf ${folder}.tar .`;

/** The sample application's image in this host's containerd; made anew when the runtime or the program has changed. */
export function sampleImageStep(parts: SampleParts, architecture: string): Step {
  const digests = `$(sha256sum ${parts.program} | cut -c 1-64) $(stat -c '%s %Y' ${nodeProgram})`;
  return {
    id: 'sample-image',
    title: "Make the sample application's container image",
    observe: allOf(`[ "$(cat ${note} 2>/dev/null)" = "${digests}" ]`),
    change: script(
      makeSampleImage(parts, work, architecture),
      `ctr -n k8s.io images import ${work}.tar >/dev/null`,
      `rm -rf ${work} ${work}.tar`,
      `mkdir -p ${installedFolder}`,
      `echo "${digests}" >${note}`,
    ),
    timeoutS: 180,
    remedies: [
      { pattern: /No space left on device/, cause: 'the disk is full', remedy: 'Free half a GB on the host, then run again' },
    ],
    undo: undoing(`rm -rf ${work} ${work}.tar ${note}`),
  };
}
