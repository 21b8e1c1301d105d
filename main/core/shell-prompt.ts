import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** How a shell is started so that its prompt begins with what `kubectl` in it speaks with. */
export interface PromptedShell {
  args: string[];
  env: Record<string, string>;
}

/** Letters, digits and dashes: nothing that any shell takes for more than text. */
const plain = /^[A-Za-z0-9./-]+$/;

const missing =
  'command -v kubectl >/dev/null || echo "kubectl is not on this computer yet: see https://kubernetes.io/docs/tasks/tools/"';

const bashrc = `for file in /etc/bash.bashrc ~/.bashrc; do [ -f "$file" ] && . "$file"; done
__mlsysops_prompt() { case $PS1 in "($MLSYSOPS_KUBECTL) "*) ;; *) PS1="($MLSYSOPS_KUBECTL) $PS1" ;; esac; }
# On a line of its own: the user's may end in ";".
PROMPT_COMMAND="\${PROMPT_COMMAND:-:}
__mlsysops_prompt"
${missing}
`;

const zshenv = `if [ -f "\${MLSYSOPS_ZDOTDIR:-$HOME}/.zshenv" ]; then . "\${MLSYSOPS_ZDOTDIR:-$HOME}/.zshenv"; fi
`;
const zshrc = `ZDOTDIR=\${MLSYSOPS_ZDOTDIR:-$HOME}
[ -f "$ZDOTDIR/.zshrc" ] && . "$ZDOTDIR/.zshrc"
__mlsysops_prompt() { case $PROMPT in "($MLSYSOPS_KUBECTL) "*) ;; *) PROMPT="($MLSYSOPS_KUBECTL) $PROMPT" ;; esac }
autoload -Uz add-zsh-hook && add-zsh-hook precmd __mlsysops_prompt
${missing}
`;

/**
 * The user's own prompt, with "(kubectl's cluster) " before it: in bash and zsh by files that first read the user's own, in other shells of the
 * Bourne kind by PS1. A shell that goes by none of these (fish, PowerShell) has its usual prompt; the tab names the cluster in any case.
 */
export async function promptedShell(options: {
  program: string;
  /** Where the files are kept. */
  dataFolder: string;
  /** E.g. "lab/cluster1". */
  label: string;
  /** Where zsh would look for the user's files, if not at home. */
  zdotdir: string | undefined;
}): Promise<PromptedShell> {
  const { program, dataFolder, label, zdotdir } = options;
  if (!plain.test(label)) throw new RangeError(`"${label}" cannot be part of a prompt`);
  const folder = join(dataFolder, 'shell');
  const env: Record<string, string> = { MLSYSOPS_KUBECTL: label };
  const name = basename(program);
  if (name === 'bash') {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, 'bashrc'), bashrc);
    return { args: ['--rcfile', join(folder, 'bashrc'), '-i'], env };
  }
  if (name === 'zsh') {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, '.zshenv'), zshenv);
    await writeFile(join(folder, '.zshrc'), zshrc);
    return { args: [], env: { ...env, ZDOTDIR: folder, ...(zdotdir === undefined ? {} : { MLSYSOPS_ZDOTDIR: zdotdir }) } };
  }
  return { args: [], env: { ...env, PS1: `(${label}) $ ` } };
}
