import { sha256Of } from '../../artefacts/digest.ts';
import type { Step, StepFile } from '../../run/phase.ts';
import { allOf, quote, script, undoing } from './shell.ts';

/** A file of known content on a host. */
export interface PlacedFile {
  path: string;
  /** Octal, e.g. "0600". */
  mode: string;
  content: string;
  /** user:group; root:root unless told otherwise. The user must exist before the step. */
  owner?: string;
  secret?: boolean;
}

/** True when all files have that content, mode and owner. Holds digests only, so it is safe for secrets. */
export function filesInPlace(files: readonly PlacedFile[]): string {
  const sums = files.map((file) => `${sha256Of(file.content)}  ${file.path}`).join('\n');
  const wanted = files.map((file) => `${file.mode.replace(/^0+/, '')} ${file.owner ?? 'root:root'} ${file.path}`).join('\n');
  const paths = files.map((file) => quote(file.path)).join(' ');
  return `printf '%s\\n' ${quote(sums)} | sha256sum -c --status 2>/dev/null && [ "$(stat -c '%a %U:%G %n' ${paths} 2>/dev/null)" = ${quote(wanted)} ]`;
}

export const asStepFiles = (files: readonly PlacedFile[]): StepFile[] =>
  files.map(({ path, mode, content, secret }) => ({ path, mode, content, secret }));

/** chown and chmod of those files whose owner or mode is not what a freshly written file has. */
export const giveToOwners = (files: readonly PlacedFile[]): string =>
  files
    .map((file) => `chown ${file.owner ?? 'root:root'} ${quote(file.path)}; chmod ${file.mode} ${quote(file.path)}`)
    .join('\n');

/** A step that keeps files in place, and runs `afterwards` when they have changed. `also` must hold too for the step to be in place. */
export function fileStep(step: {
  id: string;
  title: string;
  files: readonly PlacedFile[];
  before?: string;
  afterwards?: string;
  also?: string[];
  undo?: string[];
  timeoutS?: number;
  remedies?: Step['remedies'];
}): Step {
  const { id, title, files, timeoutS, remedies } = step;
  const units = files.flatMap((file) => /^\/etc\/systemd\/system\/([^/]+\.service)$/.exec(file.path)?.[1] ?? []);
  // Made for our file; it stays when others have put theirs into it.
  const dropInFolders = files.flatMap(
    (file) => /^\/etc\/systemd\/system\/[^/]+\.service\.d(?=\/[^/]+$)/.exec(file.path)?.[0] ?? [],
  );
  return {
    id,
    title,
    observe: allOf(filesInPlace(files), ...(step.also ?? [])),
    files: () => Promise.resolve(asStepFiles(files)),
    change: script(step.before ?? ':', giveToOwners(files), step.afterwards ?? ':'),
    timeoutS,
    remedies,
    undo: undoing(
      ...(step.undo ?? []),
      `rm -f ${files.map((file) => quote(file.path)).join(' ')}`,
      ...dropInFolders.map((folder) => `rmdir ${quote(folder)} 2>/dev/null`),
      ...(units.length === 0 ? [] : ['systemctl daemon-reload', `systemctl reset-failed ${units.join(' ')} 2>/dev/null`]),
    ),
  };
}

/** A system user without home and login; the files it needs are given to it. */
export function userStep(user: string): Step {
  const marker = `/var/lib/mlsysops/provisioning/made-user-${user}`;
  return {
    id: `user-${user}`,
    title: `Make the system user ${user}`,
    observe: allOf(`id ${user} >/dev/null 2>&1`),
    change: script(
      `useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ${user}`,
      `mkdir -p /var/lib/mlsysops/provisioning`,
      `: >${marker}`,
    ),
    undo: undoing(`if [ -e ${marker} ]; then userdel ${user} 2>/dev/null; groupdel ${user} 2>/dev/null; rm -f ${marker}; fi`),
  };
}
