import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { parseDescription } from '../../agents/descriptions/parse.ts';
import {
  type CameraResult,
  type CameraVariant,
  cameraVariants,
  evaluationSeeds,
  policyVariants,
  runCamera,
  summarise,
  tunedSeeds,
} from '../../provisioning/twin/evaluation.ts';
import { distFolder } from '../core/folders.ts';
import { print, printJson, table } from './output.ts';
import type { Here } from './with-client.ts';

interface Options {
  hours: number;
  seeds: number[];
  variants: CameraVariant[];
  serverGhz: number;
  json?: boolean;
  csv?: boolean;
}

/** `mlsysops-cli evaluate …`: how policies do in simulated time; needs no core and no testbed. */
export function addEvaluateCommands(program: Command, here: Here): void {
  const evaluate = program.command('evaluate').description('How the shipped policies do, in simulated time');
  evaluate
    .command('camera')
    .description('The smart camera over hours: placed once, or moved by its QoS policy')
    .option('--hours <n>', 'simulated hours', positive, 12)
    .option('--seeds <list>', 'seeds, separated by commas', seedList, [...evaluationSeeds])
    .option('--variants <list>', `of ${cameraVariants.join(', ')}`, variantList, [...policyVariants])
    .option('--server-ghz <n>', 'processor of the third worker, a server near the edge', positive, 5.4)
    .option('--json', 'print results and summary as JSON')
    .option('--csv', 'print one line for each run as CSV')
    .action((options: Options) => here(() => evaluateCamera(options)));
}

async function evaluateCamera({ hours, seeds, variants, serverGhz, json, csv }: Options): Promise<number> {
  const file = join(distFolder(import.meta.url), '..', 'assets', 'applications', 'smart-camera.yaml');
  const described = parseDescription(await readFile(file, 'utf8'), file);
  if (described.kind !== 'MLSysOpsApp') throw new Error(`${file} describes no application`);
  const results: CameraResult[] = [];
  for (const variant of variants)
    for (const seed of seeds) {
      process.stderr.write(`${variant}, seed ${seed}: ${hours} h …\n`);
      results.push(await runCamera({ application: described.value, variant, seed, hours, serverGHz: serverGhz }));
    }
  const summary = summarise(results);
  if (json) printJson({ results, summary, evaluationSeeds: seeds, tunedSeeds });
  else if (csv) print(csvOf(results));
  else {
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
    const rows = results.map((result) => [
      result.variant,
      String(result.seed),
      percent(result.overTarget),
      percent(result.overTargetAtBest),
      result.switchesPerHour.toFixed(2),
      result.energyWh.toFixed(1),
    ]);
    const means = summary.map((one) => [
      one.variant,
      'mean',
      percent(one.overTarget),
      '',
      one.switchesPerHour.toFixed(2),
      one.energyWh.toFixed(1),
      one.ofStatic === undefined ? '' : one.ofStatic.toFixed(3),
      one.savedOfQos === undefined ? '' : percent(one.savedOfQos),
      one.savedAboveIdle === undefined ? '' : percent(one.savedAboveIdle),
    ]);
    const header = [
      'placement',
      'seed',
      'over 50 ms',
      'least possible',
      'switches/h',
      'Wh',
      'of static',
      'energy saved',
      'above idle',
    ];
    print(table(header, [...rows, ...means]));
    print(
      `\n${hours} simulated hours; workers at 1.8, 3.6 and ${serverGhz} GHz. Seeds used while policies were written: ${tunedSeeds.join(', ')}.`,
    );
  }
  return 0;
}

/** One line for each run, RFC 4180. */
export function csvOf(results: readonly CameraResult[]): string {
  const columns = [
    'variant',
    'seed',
    'hours',
    'overTarget',
    'overTargetAtBest',
    'switchesPerHour',
    'energyWh',
    'aboveIdleWh',
  ] as const;
  return [columns.join(','), ...results.map((result) => columns.map((column) => String(result[column])).join(','))].join('\r\n');
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError('give a number above 0');
  return value;
}

function seedList(text: string): number[] {
  const seeds = text.split(',').map(Number);
  if (seeds.some((seed) => !Number.isSafeInteger(seed))) throw new InvalidArgumentError('give whole numbers: 101,102');
  return seeds;
}

function variantList(text: string): CameraVariant[] {
  return text.split(',').map((name) => {
    const known = cameraVariants.find((variant) => variant === name);
    if (!known) throw new InvalidArgumentError(`there are ${cameraVariants.join(', ')}`);
    return known;
  });
}
