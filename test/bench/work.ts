import type { Phase } from '../../provisioning/run/phase.ts';

/** One command, told alike to every tool: a file that it creates says whether it is in place. */
export interface Command {
  title: string;
  shell: string;
  creates: string;
}

/** Commands of a few milliseconds each, as most steps of provisioning are. */
export const commandsIn = (folder: string, count: number): Command[] =>
  Array.from({ length: count }, (_, index) => ({
    title: `Make file ${index}`,
    shell: `mkdir -p ${folder} && head -c 20000 /dev/zero | sha256sum >${folder}/${index}`,
    creates: `${folder}/${index}`,
  }));

/** The commands for our engine: ten phases, as a recipe has. */
export function phasesOf(commands: readonly Command[], phaseCount = 10): Phase[] {
  const each = Math.ceil(commands.length / phaseCount);
  return Array.from({ length: phaseCount }, (_, phase) => ({
    id: `bench-${phase}`,
    title: `Bench ${phase}`,
    steps: () =>
      commands.slice(phase * each, (phase + 1) * each).map(({ title, shell, creates }, index) => ({
        id: `step-${index}`,
        title,
        observe: `[ -e ${creates} ]`,
        change: shell,
        undo: `rm -f ${creates}`,
      })),
  }));
}

/** The commands as they are run locally: one shell, one after the other; prints how long it took, ns. */
export const localScript = (commands: readonly Command[]): string =>
  ['begin=$(date +%s%N)', ...commands.map(({ shell }) => `sh -c '${shell}' || exit 1`), 'echo $(( $(date +%s%N) - begin ))'].join(
    '\n',
  );
