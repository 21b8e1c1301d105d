import type { Step } from '../../run/phase.ts';
import { allOf, notesFolder, script, undoing } from './shell.ts';

/** Installs packages of the distribution when `observe` misses something; undo removes exactly the packages that came with it. */
export function packagesStep(step: { id: string; title: string; packages: readonly string[]; observe: string[] }): Step {
  const noted = `${notesFolder}/packages-${step.id}`;
  const names = step.packages.join(' ');
  return {
    id: step.id,
    title: step.title,
    observe: allOf(...step.observe),
    change: script(
      `command -v apt-get >/dev/null || { echo "this host has no apt-get: install ${names} by its own package manager" >&2; exit 1; }`,
      `mkdir -p ${notesFolder}`,
      `dpkg-query -W -f '\${Package}\\n' | sort >${noted}.before`,
      'export DEBIAN_FRONTEND=noninteractive',
      'apt-get update -q -o Acquire::Retries=2',
      `apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 ${names}`,
      `dpkg-query -W -f '\${Package}\\n' | sort | comm -13 ${noted}.before - >>${noted}`,
      `rm -f ${noted}.before`,
    ),
    timeoutS: 600,
    remedies: [
      {
        pattern: /Could not get lock|is another process using it/,
        cause: 'another package installation is going on',
        remedy: 'Wait until it is done (often unattended-upgrades after the first boot), then run again',
      },
      {
        pattern: /Temporary failure resolving|Could not resolve|Could not connect|Network is unreachable/,
        cause: "the distribution's package mirror cannot be reached",
        remedy: `Give the host access to its package mirror, or install these packages by hand: ${names}`,
      },
      { pattern: /Unable to locate package/, remedy: 'Enable the package source that has it (on Ubuntu: universe)' },
    ],
    undo: undoing(
      `if [ -s ${noted} ] && command -v apt-get >/dev/null; then DEBIAN_FRONTEND=noninteractive xargs apt-get purge -y -q -o DPkg::Lock::Timeout=120 <${noted} >/dev/null; fi`,
      `rm -f ${noted} ${noted}.before`,
    ),
  };
}
