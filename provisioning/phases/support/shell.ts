import { quote } from '../../ssh/quote.ts';

/** Pieces of POSIX shell that the steps are made of. Every snippet is a subshell: it can `exit` and sets nothing for the next. */

export { quote };

/** Kubernetes tools live in /usr/local/bin, which sudo and non-interactive shells may leave out; a runtime that we brought is the one to be asked. */
export const setPath =
  'PATH=/opt/mlsysops/runtime/containerd/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH; umask 022';

/**
 * A change: stops at the first command that fails. It is a shell of its own, because `set -e` means nothing inside of a condition
 * (`if`, `||`), and who runs it may use its exit code as one. The braces make it be read as a whole before any of it runs.
 */
export const script = (...lines: string[]): string =>
  `/bin/sh -eu <<'END_OF_CHANGE'\n{\n${setPath}\n${lines.join('\n')}\n} </dev/null\nEND_OF_CHANGE\n`;

/** An observation: true when all conditions hold, looked at in order. `set -e` would be ignored where it is used as a condition. */
export const allOf = (...conditions: string[]): string => `(\n${setPath}\n${conditions.join(' &&\n')}\n)`;

/** An undo: goes on past what is not there any more. */
export const undoing = (...lines: string[]): string => `(\n${setPath}\n${lines.join('\n')}\n:\n)`;

const quickLooks = 4;

/**
 * Polls until `condition` holds: most of what is waited for is there within half a second, so the first looks follow each other quickly, later
 * ones twice a second. After `seconds` or so runs `otherwise`, which should say why on stderr, and fails.
 */
export const waitFor = (condition: string, seconds: number, otherwise: string): string => `attempt=0
until ${condition}; do
  attempt=$((attempt + 1))
  if [ "$attempt" -ge ${seconds * 2 + quickLooks} ]; then
    ${otherwise}
    exit 1
  fi
  if [ "$attempt" -le ${quickLooks} ]; then sleep 0.1; else sleep 0.5; fi
done`;

export const complain = (text: string): string => `echo ${quote(text)} >&2`;

/** Where provisioning notes on a host what it did there: what was installed, what was before. */
export const notesFolder = '/var/lib/mlsysops/provisioning';
export const installedFolder = `${notesFolder}/installed`;
export const beforeFolder = `${notesFolder}/before`;

/** Keeps the file as it was before us, once. */
export const keepFormer = (path: string): string => {
  const kept = `${beforeFolder}/${path.replaceAll('/', '_')}`;
  return `mkdir -p ${beforeFolder}; if [ -e ${path} ] && [ ! -e ${kept} ]; then cp -p ${path} ${kept}; fi`;
};
/** Puts back the file as it was before us, or removes ours. */
export const restoreFormer = (path: string): string => {
  const kept = `${beforeFolder}/${path.replaceAll('/', '_')}`;
  return `if [ -e ${kept} ]; then mv -f ${kept} ${path}; else rm -f ${path}; fi`;
};

/** Starts a service anew when it runs; one that is not there (yet) is left alone. */
export const restartIfActive = (service: string): string =>
  `if systemctl is-active -q ${service}; then systemctl restart ${service}; fi`;
