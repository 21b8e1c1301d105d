import { allOf, complain, notesFolder, script } from '../phases/support/shell.ts';
import type { Phase, RunContext, Step } from '../run/phase.ts';
import type { Host } from '../testbed/schema.ts';

/** Our notes are the first thing that is made on a host and the last that goes: without them nothing of ours is there. */
const nothingOfOurs = `[ ! -e ${notesFolder} ]`;

/** Where our files and those of what we install lie, for the look at the end. Their parents belong to the host. */
const ours = ['/etc/mlsysops', '/opt/mlsysops', '/var/lib/mlsysops', '/etc/kubernetes', '/var/lib/kubelet'];

/**
 * Taking back a recipe on one host, as steps of a run that goes forward for other hosts: each undo of each phase, last first, then a look
 * whether anything is left. An undo is harmless where there is nothing to undo, so an interrupted one is done again from the start.
 */
export async function undoSteps(recipe: readonly Phase[], host: Host, context: RunContext): Promise<Step[]> {
  const steps: Step[] = [];
  for (const phase of [...recipe].reverse()) {
    for (const step of [...(await phase.steps(host, context))].reverse()) {
      if (step.undo === undefined) continue;
      steps.push({
        id: `undo-${phase.id}-${step.id}`,
        title: `Undo: ${step.title}`,
        observe: allOf(nothingOfOurs),
        change: step.undo,
        // What it has left behind is looked for once all are undone: files of one step may lie in the folder of another.
        verify: ':',
        timeoutS: step.timeoutS,
      });
    }
  }
  const left = `ls -d ${ours.join(' ')} 2>/dev/null; systemctl list-unit-files --no-legend 'mlsysops*' kubelet.service 2>/dev/null`;
  return [
    ...steps,
    {
      id: 'nothing-left',
      title: 'See that nothing of ours is left',
      observe: allOf(nothingOfOurs, `[ -z "$(${left})" ]`),
      change: script(`${complain(`still on ${host.name}:`)}; { ${left}; } >&2`, 'exit 1'),
    },
  ];
}
