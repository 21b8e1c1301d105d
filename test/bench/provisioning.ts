import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { makeRecipe } from '../../provisioning/recipe.ts';
import type { RunEvent } from '../../provisioning/run/events.ts';
import type { Phase } from '../../provisioning/run/phase.ts';
import { makePlan } from '../../provisioning/run/plan.ts';
import { startRun } from '../../provisioning/run/run.ts';
import { KnownHosts } from '../../provisioning/ssh/known-hosts.ts';
import { type Testbed, testbedSchema } from '../../provisioning/testbed/schema.ts';
import { makeDoublesBundle } from '../doubles/bundle.ts';
import { ansibleDefaults, ansibleFastest, runAnsible, setUpAnsible } from './ansible.ts';
import { type BenchHosts, makeHosts, root, type Target } from './hosts.ts';
import { type Command, commandsIn, localScript, phasesOf } from './work.ts';

/** 50 steps × 4 hosts against Ansible, near and at 40 ms round trip; then a no-op `up` and a plan of a whole testbed of doubles. */
const stepCount = 50;
const roundTripMs = 40;
const targets = { near: 50, far: 20, noOpMs: 3000, planMs: 2000 };

const say = (text: string) => stdout.write(`${text}\n`);
const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const roles = { management: 'management', 'master-1': 'master', 'worker-1': 'worker', 'worker-2': 'worker' } as const;

function testbedOf(hosts: BenchHosts, reached: readonly Target[], bundle?: string): Testbed {
  return testbedSchema.parse({
    name: 'bench',
    kind: 'hosts',
    hosts: reached.map(({ name, address, port }) => ({
      name,
      address,
      port,
      user: hosts.user,
      identityFile: hosts.identityFile,
      role: roles[name as keyof typeof roles],
      cluster: name === 'management' ? 'management' : 'cluster1',
    })),
    clusters: {
      management: { podCidr: '10.10.0.0/16', serviceCidr: '10.11.0.0/16' },
      cluster1: { podCidr: '10.12.0.0/16', serviceCidr: '10.13.0.0/16' },
    },
    ...(bundle === undefined ? {} : { artefacts: { bundle } }),
  });
}

const sshOf = (hosts: BenchHosts) => ({ knownHosts: new KnownHosts(hosts.knownHostsFile), agent: null });

async function up(hosts: BenchHosts, testbed: Testbed, phases: readonly Phase[], state: string) {
  const stateFolder = join(hosts.folder, state);
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  const events: RunEvent[] = [];
  const startedAt = performance.now();
  const finished = await startRun({
    testbed,
    phases,
    verb: 'up',
    ssh: sshOf(hosts),
    stateFolder,
    onEvent: (event) => events.push(event),
  });
  const wallMs = performance.now() - startedAt;
  const failure = events.find((event) => event.type === 'failure');
  if (failure !== undefined || finished.state !== 'done') throw new Error(failure?.failure.message ?? finished.summary);
  const phaseMs = events.flatMap((event) =>
    event.type === 'phase' && event.durationMs !== undefined ? [`${event.phase} ${event.durationMs}`] : [],
  );
  return { finished, wallMs, phaseMs };
}

/** The same commands on all hosts at once, each by its own shell and clock: the slowest one, ms. */
async function runLocally(hosts: BenchHosts, commands: readonly Command[]): Promise<number> {
  const took = await Promise.all(hosts.targets.map((target) => hosts.ssh(target, localScript(commands))));
  return Math.max(...took.map(Number)) / 1e6;
}

async function compare(
  hosts: BenchHosts,
  reached: readonly Target[],
  place: string,
  target: number,
  against = true,
): Promise<boolean> {
  const commandsFor = (what: string) => commandsIn(`/var/tmp/bench-${place}-${what}`, stepCount);
  const localMs = median([
    await runLocally(hosts, commandsFor('local-1')),
    await runLocally(hosts, commandsFor('local-2')),
    await runLocally(hosts, commandsFor('local-3')),
  ]);
  say(`\n${stepCount} steps × ${reached.length} hosts, ${place}: run locally ${seconds(localMs)}`);
  const own: number[] = [];
  for (const round of against ? [1, 2, 3] : [1, 2, 3, 4, 5, 6, 7]) {
    const { finished, wallMs, phaseMs } = await up(
      hosts,
      testbedOf(hosts, reached),
      phasesOf(commandsFor(`own-${round}`)),
      `own-${place}`,
    );
    if (finished.changed !== stepCount * reached.length) throw new Error(`the engine changed ${finished.changed} steps`);
    own.push(wallMs);
    say(`  engine ${seconds(wallMs)}, its own account: ${finished.overheadMs} ms overhead (${phaseMs.join(', ')})`);
  }
  const ownMs = median(own) - localMs;
  say(`  overhead of the engine: ${seconds(ownMs)} (median of ${own.length})`);
  if (!against) return true;
  const other: number[] = [];
  for (const [index, settings] of [ansibleDefaults, ...ansibleFastest].entries()) {
    const wallMs = await runAnsible(hosts, reached, commandsFor(`ansible-${index}`), settings);
    other.push(wallMs - localMs);
    say(
      `  Ansible (${settings.name}) ${seconds(wallMs)}: ${seconds(wallMs - localMs)} overhead, ratio ${((wallMs - localMs) / ownMs).toFixed(0)}`,
    );
  }
  const [asInstalled = 0] = other;
  const ratio = asInstalled / ownMs;
  const best = Math.min(...other) / ownMs;
  say(
    `  overhead: engine ${seconds(ownMs)} (median of 3), Ansible ${seconds(asInstalled)} as installed: ${verdict(ratio, target)}; ${best.toFixed(1)} × with the best settings that we know`,
  );
  return ratio >= target;
}

const verdict = (ratio: number, target: number) =>
  `${ratio.toFixed(1)} × (wanted: ${target} ×)${ratio >= target ? '' : ' MISSED'}`;

async function noOp(hosts: BenchHosts): Promise<boolean> {
  const bundle = await makeDoublesBundle(join(hosts.folder, 'bundle'));
  const testbed = testbedOf(hosts, hosts.targets, bundle);
  const phases = makeRecipe({ distFolder: join(root, 'dist'), assetsFolder: join(root, 'assets') });
  const first = await up(hosts, testbed, phases, 'testbed');
  say(`\nA testbed of four hosts, with doubles of Kubernetes and Karmada: from nothing ${seconds(first.wallMs)}`);
  const again: number[] = [];
  const planned: number[] = [];
  for (const _ of [1, 2, 3]) {
    const { finished, wallMs, phaseMs } = await up(hosts, testbed, phases, 'testbed');
    again.push(wallMs);
    say(`  up again ${seconds(wallMs)}: ${finished.summary} (${phaseMs.join(', ')})`);
    const startedAt = performance.now();
    await makePlan({ testbed, phases, ssh: sshOf(hosts), stateFolder: join(hosts.folder, 'testbed') });
    planned.push(performance.now() - startedAt);
  }
  const [noOpMs, planMs] = [median(again), median(planned)];
  const good = noOpMs < targets.noOpMs && planMs < targets.planMs;
  say(`  no-op up ${seconds(noOpMs)} (wanted < 3 s), plan ${seconds(planMs)} (wanted < 2 s)${good ? '' : ' MISSED'}`);
  return good;
}

if (process.getuid?.() !== 0) throw new Error('the bench makes hosts and installs Ansible: run it as root');
const hosts = await makeHosts(Object.keys(roles));
try {
  const only = process.argv.slice(2);
  const wanted = (part: string) => only.length === 0 || only.includes(part);
  const good: boolean[] = [];
  if (wanted('near') || wanted('far')) say(`Against ${await setUpAnsible(hosts)}; forks 20, ControlPersist 60s in all settings`);
  // The engine alone: for whoever makes it faster.
  if (only.includes('own')) good.push(await compare(hosts, hosts.targets, 'own', 0, false));
  if (wanted('near')) good.push(await compare(hosts, hosts.targets, 'near', targets.near));
  if (wanted('far')) {
    const far = await hosts.delayed(roundTripMs);
    good.push(await compare(hosts, far.targets, `at ${roundTripMs} ms`.replaceAll(' ', '-'), targets.far));
    far.close();
  }
  if (wanted('no-op')) good.push(await noOp(hosts));
  process.exitCode = good.every(Boolean) ? 0 : 1;
} finally {
  await hosts.close();
}
