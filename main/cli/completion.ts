import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Argument, Command } from 'commander';
import { parseTestbedFile } from '../../provisioning/testbed/parse.ts';
import { dataFolder } from '../core/folders.ts';
import { print } from './output.ts';

/** What completion knows of this computer, read from the data folder: no core is started for a key press. */
export interface Known {
  testbeds(): string[];
  hosts(testbed: string): string[];
  clusters(testbed: string): string[];
}

export function knownHere(folder = dataFolder(process.env)): Known {
  const testbed = (name: string) => {
    try {
      return parseTestbedFile(readFileSync(join(folder, 'testbeds', name, 'testbed.yaml'), 'utf8'), name);
    } catch {
      // A name that is typed wrong, or a file that cannot be read, completes to nothing; the command itself says why.
      return null;
    }
  };
  return {
    testbeds: () => {
      try {
        return readdirSync(join(folder, 'testbeds')).sort();
      } catch {
        // There is no data folder before the first testbed.
        return [];
      }
    },
    hosts: (name) => (testbed(name)?.hosts ?? []).map((host) => host.name),
    clusters: (name) => [...new Set((testbed(name)?.hosts ?? []).map(({ cluster }) => cluster)), 'karmada'],
  };
}

/** What the last of `words` (of a command line, without the program) may become. Files are left to the shell: none. */
export function complete(program: Command, words: readonly string[], known: Known): string[] {
  const current = words.at(-1) ?? '';
  let command = program;
  const given: string[] = [];
  let awaiting: ReturnType<Command['options']['find']>;
  for (const word of words.slice(0, -1)) {
    if (awaiting !== undefined) {
      awaiting = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const option = command.options.find(({ long, short }) => word === long || word === short);
      if (option?.required) awaiting = option;
      continue;
    }
    const sub = given.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
    if (sub) command = sub;
    else given.push(word);
  }
  const [testbed = ''] = given;
  const starting = (all: readonly string[]) => all.filter((one) => one.startsWith(current));
  if (awaiting !== undefined) {
    if (awaiting.argChoices) return starting(awaiting.argChoices);
    if (awaiting.long === '--testbed') return starting(known.testbeds());
    if (awaiting.long === '--host') return starting(known.hosts(testbed));
    if (awaiting.long === '--cluster') return starting(known.clusters(testbed));
    return [];
  }
  if (current.startsWith('-')) return starting([...command.options.flatMap(({ long }) => long ?? []), '--help']);
  const { registeredArguments: wanted } = command;
  if (wanted.length === 0) return starting(command.commands.map((one) => one.name()).filter((name) => !name.startsWith('__')));
  const argument: Argument | undefined = wanted[given.length];
  if (argument?.argChoices) return starting(argument.argChoices);
  switch (argument?.name()) {
    case 'name':
      // A new one's name is nobody's yet.
      return command.name() === 'create' ? [] : starting(known.testbeds());
    case 'testbed':
      return starting(known.testbeds());
    case 'host':
      return starting(known.hosts(testbed));
    default:
      return [];
  }
}

const program = 'mlsysops-cli';
const scripts: Record<string, string> = {
  bash: `# ${program} completion bash >~/.local/share/bash-completion/completions/${program}
_mlsysops_cli() {
  local IFS=$'\\n'
  COMPREPLY=($(${program} __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _mlsysops_cli ${program}
`,
  zsh: `#compdef ${program}
# ${program} completion zsh >"\${fpath[1]}/_${program}"
_mlsysops_cli() {
  local -a candidates
  candidates=("\${(@f)$(${program} __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${candidates[1]}" ]]; then compadd -a candidates; else _files; fi
}
compdef _mlsysops_cli ${program}
`,
  fish: `# ${program} completion fish >~/.config/fish/completions/${program}.fish
function __mlsysops_cli_complete
  set -l words (commandline -opc) (commandline -ct)
  ${program} __complete $words[2..-1] 2>/dev/null
end
complete -c ${program} -a '(__mlsysops_cli_complete)'
`,
};

/** `mlsysops-cli completion bash|zsh|fish`, and the hidden command that the scripts call. */
export function addCompletionCommands(root: Command): void {
  root
    .command('completion')
    .description('Print the completion script of a shell; its first lines say where to put it')
    .addArgument(root.createArgument('<shell>', 'which shell').choices(Object.keys(scripts)))
    .action((shell: string) => void process.stdout.write(scripts[shell] ?? ''));
  root
    .command('__complete [words...]', { hidden: true })
    .allowUnknownOption()
    .helpOption(false)
    .action((words: string[]) => {
      const candidates = complete(root, words, knownHere());
      if (candidates.length > 0) print(candidates.join('\n'));
    });
}
