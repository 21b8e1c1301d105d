import type { Step } from '../../run/phase.ts';
import type { Host } from '../../testbed/schema.ts';
import { allOf, complain, notesFolder, script } from '../support/shell.ts';

/** Which version kubeadm has brought this host to, e.g. "1.36.2". */
export const appliedNote = `${notesFolder}/kubernetes-applied`;

/** Another minor's programs must not simply take the place of those that run: kubeadm has to lead the cluster there. */
export function sameMinorStep(host: Host, version: string): Step {
  const minor = version.split('.').slice(0, 2).join('.');
  return {
    id: 'same-minor',
    title: `See that ${host.name} has no other minor version than ${minor}`,
    observe: allOf(`{ [ ! -s ${appliedNote} ] || grep -q '^${minor.replaceAll('.', '\\.')}\\.' ${appliedNote}; }`),
    change: script(
      `has=$(cat ${appliedNote})`,
      `echo "${host.name} has Kubernetes $has, the testbed file says ${version}" >&2`,
      `${complain('they differ by a minor version')}; exit 1`,
    ),
    remedies: [
      {
        pattern: /the testbed file says/,
        cause: `this host has another minor version of Kubernetes than the ${version} of the testbed file`,
        remedy: 'Put kubernetes.version back to what it has and run "testbed upgrade", or go on with the upgrade that was begun',
      },
    ],
  };
}
