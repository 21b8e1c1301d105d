import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { DecisionRecord } from '../../agents/decision/record.ts';
import type { Replay } from '../../agents/loop/replay.ts';
import { replayFile } from '../../agents/replay-file.ts';
import { type ContractClient, ContractError } from '../contract/contract.ts';
import { print, printJson, table } from './output.ts';
import type { Here, WithClient } from './with-client.ts';

const pollMs = 1000;
/** Differences that are printed; `--json` has all. */
const mostPrinted = 20;
type Settings = NonNullable<Parameters<typeof replayFile>[1]>;

/** `mlsysops-cli decisions record|recordings|fetch|replay`: a window of an agent's decisions as a file, and the same decided again. */
export function addRecordingCommands(decisions: Command, withClient: WithClient, here: Here): void {
  decisions
    .command('record <testbed> <agent>')
    .description('Write down all that an agent decides on for a while, and save it as a file that "replay" decides again')
    .option('--seconds <n>', 'of the clock of the testbed, 1 to 3600', positive, 60)
    .option('--out <file>', 'where to; NAME.recording.jsonl without it')
    .action((testbed: string, agent: string, { seconds, out }: { seconds: number; out?: string }) =>
      withClient(async (client) => {
        const { name } = await client.call('decisions.record', { testbed, agent, seconds });
        process.stderr.write(
          `${agent} records for ${seconds} s. It goes on if this ends: decisions fetch ${testbed} ${agent} ${name}\n`,
        );
        for (;;) {
          const { recordings } = await client.call('decisions.recordings', { testbed, agent });
          const own = recordings.find((recording) => recording.name === name);
          if (!own) throw new ContractError('no-such-recording', `${agent} has lost ${name}.`);
          if (!own.isRunning) break;
          await new Promise((resolve) => setTimeout(resolve, pollMs));
        }
        return save(client, testbed, agent, name, out);
      }),
    );
  decisions
    .command('recordings <testbed> <agent>')
    .description('What an agent has recorded; it keeps the last five')
    .option('--json', 'print JSON')
    .action((testbed: string, agent: string, options: { json?: boolean }) =>
      withClient(async (client) => {
        const { recordings } = await client.call('decisions.recordings', { testbed, agent });
        if (options.json) printJson(recordings);
        else if (recordings.length === 0)
          print(`${agent} has recorded nothing: mlsysops-cli decisions record ${testbed} ${agent}`);
        else {
          const rows = recordings.map(({ name, bytes, isRunning }) => [
            name,
            `${(bytes / 1e6).toFixed(1)} MB`,
            isRunning ? 'running' : 'complete',
          ]);
          print(table(['RECORDING', 'SIZE', 'STATE'], rows));
        }
        return 0;
      }),
    );
  decisions
    .command('fetch <testbed> <agent> <recording>')
    .description('Save what an agent has recorded as a file')
    .option('--out <file>', 'where to; NAME.recording.jsonl without it')
    .action((testbed: string, agent: string, recording: string, { out }: { out?: string }) =>
      withClient((client) => save(client, testbed, agent, recording, out)),
    );
  decisions
    .command('replay <file>')
    .description(
      'Decide again what was recorded, and tell what comes out otherwise; with other settings, what would have been decided',
    )
    .option('--set <policy={…}>', 'other settings for a policy, as JSON; may be given more than once', setting, {})
    .option('--without <policy>', 'leave a policy out; may be given more than once', without, {})
    .option('--json', 'print the result as JSON, with all differences')
    .addHelpText('after', '\nExit code 0 when nothing came out otherwise (or settings were changed), 1 when something did.')
    .action((file: string, options: { set: Settings; without: Settings; json?: boolean }) =>
      here(async () => {
        const settings = { ...options.set, ...options.without };
        const result = await replayFile(file, settings);
        if (options.json) printJson(result);
        else tell(result);
        return result.differences.length === 0 || Object.keys(settings).length > 0 ? 0 : 1;
      }),
    );
}

async function save(client: ContractClient, testbed: string, agent: string, name: string, out?: string): Promise<number> {
  const path = out ?? `${name}.recording.jsonl`;
  // Laid in place when it is whole: a name that is there can be replayed.
  const file = createWriteStream(`${path}.part`);
  const failed = finished(file);
  failed.catch(() => {});
  await new Promise<void>((resolve, reject) => {
    const stream = client.open(
      'decisions.recording',
      { testbed, agent, name },
      ({ data }) =>
        new Promise<void>((taken) => void (file.write(Buffer.from(data, 'base64')) ? taken() : file.once('drain', taken))),
      (error) => (error ? reject(error) : resolve()),
    );
    failed.catch((error: unknown) => {
      stream.close();
      reject(error);
    });
  });
  file.end();
  await failed;
  await rename(`${path}.part`, path);
  print(path);
  return 0;
}

function tell({ agent, from, to, ticks, compared, same, differences, notReplayed, failures }: Replay): void {
  const seconds = Math.round((to - from) / 1000);
  print(`${agent.id}, ${new Date(from).toISOString()}, ${seconds} s, ${ticks} turns of the loop`);
  print(`${same} of ${compared} decisions and outcomes are the same`);
  if (notReplayed.length > 0) print(`taken as recorded, not decided again: ${notReplayed.join(', ')}`);
  for (const [policy, error] of Object.entries(failures)) print(`${policy} failed: ${error}`);
  for (const { time, recorded, replayed } of differences.slice(0, mostPrinted)) {
    print(`\n${new Date(time).toISOString()}`);
    print(`  recorded  ${line(recorded)}`);
    print(`  replayed  ${line(replayed)}`);
  }
  const more = differences.length - mostPrinted;
  if (more > 0) print(`\n… and ${more} more: --json has all`);
}

const line = (record: DecisionRecord | undefined): string =>
  record ? `${record.policy.name}: ${record.sentence}${record.actual ? ' (its outcome)' : ''}` : 'nothing';

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('it is not a number above 0.');
  return value;
}

function setting(text: string, before: Settings): Settings {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(`it is POLICY={"name": value}, e.g. relocate-by-latency={"margin": 0.3}.`);
  let value: unknown;
  try {
    value = JSON.parse(text.slice(at + 1));
  } catch (error) {
    throw new InvalidArgumentError(`what follows "=" is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError('settings are a JSON object.');
  return { ...before, [text.slice(0, at)]: value as Settings[string] };
}

const without = (name: string, before: Settings): Settings => ({ ...before, [name]: null });
