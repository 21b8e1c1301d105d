import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { ApplicationDescription } from '../../agents/descriptions/application.ts';
import { parseDescription } from '../../agents/descriptions/parse.ts';
import { type CameraResult, evaluationSeeds, runCamera, tunedSeeds } from '../../provisioning/twin/evaluation.ts';
import { type CameraSummary, summarise } from '../../provisioning/twin/evaluation-summary.ts';
import {
  type CameraVariant,
  cameraVariants,
  policyVariants,
  streetVariants,
  variantPlans,
} from '../../provisioning/twin/evaluation-variants.ts';
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
  const results: CameraResult[] = [];
  for (const variant of variants) {
    const application = await applicationOf(variant);
    for (const seed of seeds) {
      process.stderr.write(`${variant}, seed ${seed}: ${hours} h …\n`);
      results.push(await runCamera({ application, variant, seed, hours, serverGHz: serverGhz }));
    }
  }
  const summary = summarise(results);
  if (json) printJson({ results, summary, evaluationSeeds: seeds, tunedSeeds });
  else if (csv) print(csvOf(results));
  else {
    const isStreet = ({ variant }: { variant: CameraVariant }): boolean => streetVariants.some((one) => one === variant);
    const tables = [
      cameraTable(
        results.filter((one) => !isStreet(one)),
        summary.filter((one) => !isStreet(one)),
      ),
      streetTable(results.filter(isStreet), summary.filter(isStreet)),
    ];
    print(tables.filter((one) => one !== '').join('\n\n'));
    print(
      `\n${hours} simulated hours; workers at 1.8, 3.6 and ${serverGhz} GHz. Seeds used while policies were written: ${tunedSeeds.join(', ')}.`,
    );
  }
  return 0;
}

async function applicationOf(variant: CameraVariant): Promise<ApplicationDescription> {
  const name = `${variantPlans[variant].application}.yaml`;
  const file = join(distFolder(import.meta.url), '..', 'assets', 'applications', name);
  const described = parseDescription(await readFile(file, 'utf8'), file);
  if (described.kind !== 'MLSysOpsApp') throw new Error(`${file} describes no application`);
  return described.value;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const percentOf = (share: number | undefined): string => (share === undefined ? '' : percent(share));

function cameraTable(results: readonly CameraResult[], summary: readonly CameraSummary[]): string {
  if (results.length === 0) return '';
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
    percentOf(one.saved),
    percentOf(one.savedAboveIdle),
  ]);
  const measured = ['placement', 'seed', 'over 50 ms', 'least possible', 'switches/h', 'Wh'];
  return table([...measured, 'of static', 'energy saved', 'above idle'], [...rows, ...means]);
}

/** Of a camera in a quiet street: what sleeping saves, and whom it misses. */
function streetTable(results: readonly CameraResult[], summary: readonly CameraSummary[]): string {
  if (results.length === 0) return '';
  const of = ({ awake, missed, visits, visitsMissed, energyWh }: CameraResult | CameraSummary) => [
    percent(awake),
    percent(missed),
    `${visitsMissed} of ${visits}`,
    energyWh.toFixed(1),
  ];
  const rows = results.map((result) => [result.variant, String(result.seed), ...of(result)]);
  const means = summary.map((one) => [one.variant, 'mean', ...of(one), percentOf(one.saved), percentOf(one.savedAboveIdle)]);
  const measured = ['camera', 'seed', 'awake', 'missed', 'visits missed', 'Wh'];
  return table([...measured, 'energy saved', 'above idle'], [...rows, ...means]);
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
    'awake',
    'missed',
    'visits',
    'visitsMissed',
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
