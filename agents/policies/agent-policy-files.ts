import { basename, join } from 'node:path';
import type { AgentConfig, Log } from '../config.ts';
import type { FilePolicy } from './file-policy.ts';
import { PolicyFiles } from './policy-files.ts';
import { type FileLayer, TypeScriptPolicy } from './typescript/typescript-policy.ts';

export interface AgentPolicyFilesOptions<View> {
  config: Pick<AgentConfig, 'agent' | 'stateFolder' | 'policyFiles'>;
  layer: FileLayer<View>;
  /** Loads a policy file of the framework; absent where the layer has none. */
  python?: (file: string, log: Log) => Promise<FilePolicy<View>>;
  /** Called with all files' policies after any of them has changed. */
  onChange(policies: FilePolicy<View>[]): void;
  /** An answer is there: the loop need not wait for its next tick. */
  onAnswer: () => void;
  log: Log;
  now: () => number;
  /** A file has been asked: where time is simulated, it can wait for the answer. */
  onAsk?: ((answer: Promise<void>) => void) | undefined;
}

/** The policy files of one agent; undefined where its config wants none. Each agent has a folder of its own, in its state folder unless the config names one. */
export function policyFilesOf<View>(options: AgentPolicyFilesOptions<View>): PolicyFiles<View> | undefined {
  const { config, layer, python, onAnswer, onAsk, ...rest } = options;
  const { policyFiles } = config;
  if (policyFiles === false) return undefined;
  const folder = policyFiles?.folder ?? join(config.stateFolder, `${config.agent}.policies`);
  const load = async (file: string, log: Log): Promise<FilePolicy<View>> => {
    if (file.endsWith('.ts')) return TypeScriptPolicy.load(file, { ...layer, log, onAnswer, ...(onAsk && { onAsk }) });
    if (python) return python(file, log);
    throw new Error(`${basename(file)}: policy files of the framework decide for a cluster; give them to a cluster's agent`);
  };
  return new PolicyFiles({ ...rest, folder, load });
}
