import { type Command, InvalidArgumentError } from 'commander';
import type { TwinClock, TwinControl } from '../../provisioning/twin/protocol.ts';
import { fastest, slowest } from '../../provisioning/twin/simulation/speed.ts';
import type { ContractClient } from '../contract/contract.ts';
import { print, printJson } from './output.ts';
import type { WithClient } from './with-client.ts';

interface Options {
  json?: boolean;
}

/** `mlsysops-cli twin …`: what can be done to a simulated testbed and to no other. */
export function addTwinCommands(program: Command, withClient: WithClient): void {
  const twin = program
    .command('twin')
    .description('Pause, resume and speed up a twin that runs; put people in view, nodes up or down');
  const verb = (usage: string, description: string) =>
    twin.command(usage).description(description).option('--json', "print the twin's time as JSON");
  const control = (testbed: string, wanted: TwinControl, { json }: Options) =>
    withClient(async (client) => {
      tell(await client.call('twins.control', { testbed, control: wanted }), json);
      return 0;
    });

  verb('pause <testbed>', 'Let its time stand still').action((testbed: string, options: Options) =>
    control(testbed, { kind: 'pause' }, options),
  );
  verb('resume <testbed>', 'Let its time go on').action((testbed: string, options: Options) =>
    control(testbed, { kind: 'resume' }, options),
  );
  verb(
    'speed <testbed> <times>',
    `Let its time go so many times as fast as real time, ${slowest} to ${fastest}; 60 is an hour in a minute`,
  ).action((testbed: string, times: string, options: Options) =>
    control(testbed, { kind: 'speed', speed: numberWithin(times, slowest, fastest) }, options),
  );
  verb('clock <testbed>', 'Its time, and how fast that goes').action((testbed: string, { json }: Options) =>
    withClient(async (client) => {
      tell(await clockOf(client, testbed), json);
      return 0;
    }),
  );
  verb('people <testbed> <count>', 'Put so many people before every camera; "chance" lets them come and go again').action(
    (testbed: string, count: string, options: Options) =>
      control(testbed, { kind: 'people', people: count === 'chance' ? null : numberWithin(count, 0, 14) }, options),
  );
  verb('node <testbed> <node> <state>', 'Switch a node off ("down") with all that runs on it, or on ("up")').action(
    (testbed: string, node: string, state: string, options: Options) => {
      if (state !== 'up' && state !== 'down') throw new InvalidArgumentError('a node is "up" or "down"');
      return control(testbed, { kind: 'node', node, state }, options);
    },
  );
}

/** The first that the stream tells. */
const clockOf = (client: ContractClient, testbed: string): Promise<TwinClock> =>
  new Promise((resolve, reject) => {
    const open = client.open(
      'twins.clock',
      { testbed },
      (clock) => {
        open.close();
        resolve(clock);
      },
      (error) => reject(error ?? new Error(`the twin "${testbed}" ended`)),
    );
  });

function tell(clock: TwinClock, json: boolean | undefined): void {
  if (json) {
    printJson(clock);
    return;
  }
  const ran = (clock.time - clock.startedAt) / 1000;
  const pace = clock.paused ? 'paused' : `${clock.speed} × real time${behind(clock)}`;
  print(`${new Date(clock.time).toISOString()}  ${pace}; ${ran.toFixed(0)} s since its start`);
}

const behind = ({ speed, reached }: TwinClock): string =>
  reached < 0.9 * speed ? ` (${reached.toFixed(1)} × reached: this computer is too slow for more)` : '';

function numberWithin(text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`give a number from ${least} to ${most}, not "${text}"`);
}
