import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { ensureBaseTree } from './base-tree.ts';
import {
  cutPower,
  hostKeysOf,
  isRunning,
  prepareMachine,
  reImage,
  removeTree,
  startMachine,
  stopMachine,
  type Where,
} from './machine.ts';
import { addressOf, ensureNetwork, freeIndex, removeNetwork, setLink } from './network.ts';
import type { HelperRequest, LocalHost } from './requests.ts';
import { LocalHostsError, run } from './shell.ts';
import {
  isAlive,
  listTestbeds,
  type Machine,
  type Places,
  readTestbed,
  startTimeOf,
  type TestbedState,
  testbedFolder,
  writeTestbed,
} from './state.ts';

export interface HelperContext {
  places: Places;
  progress(text: string): void;
}

/** Carries out one request of the helper, as root. */
export async function carryOut(request: HelperRequest, context: HelperContext): Promise<unknown> {
  switch (request.verb) {
    case 'check':
      return { missing: missingPrograms() };
    case 'base':
      return { tree: await ensureBaseTree(context.places.cache, context.progress) };
    case 'create':
      return create(request, context);
    case 'list':
      return listTestbeds(context.places).map((state) => ({
        testbed: state.testbed,
        hosts: state.machines.map((machine) => machine.name),
      }));
    case 'clean':
      return clean(context);
    case 'destroy':
      return destroy(request.testbed, context);
    default:
      return onMachine(request, context);
  }
}

const programs: Record<string, string> = {
  mmdebstrap: 'mmdebstrap',
  'systemd-nspawn': 'systemd-container',
  ip: 'iproute2',
  iptables: 'iptables',
  'ssh-keygen': 'openssh-client',
};

/** Debian packages that local hosts need and this computer lacks. */
export function missingPrograms(path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`): string[] {
  const folders = path.split(':');
  return Object.entries(programs)
    .filter(([program]) => !folders.some((folder) => existsSync(`${folder}/${program}`)))
    .map(([, name]) => name);
}

/** Four hosts or however many are asked for; those that exist are started, not made again. */
async function create(request: Extract<HelperRequest, { verb: 'create' }>, context: HelperContext): Promise<LocalHost[]> {
  const base = await ensureBaseTree(context.places.cache, context.progress);
  const { places } = context;
  mkdirSync(places.root, { recursive: true });
  const known = readTestbed(places, request.testbed);
  const state: TestbedState = known ?? {
    testbed: request.testbed,
    index: freeIndex(
      await run('ip', ['-4', 'route', 'show', 'table', 'all']),
      listTestbeds(places).map((other) => other.index),
    ),
    authorizedKey: request.authorizedKey,
    owner: ownerOf(request.ownerPid),
    machines: [],
  };
  for (const { name, cpus } of request.hosts) {
    if (state.machines.some((machine) => machine.name === name)) continue;
    const number = 1 + Math.max(0, ...state.machines.map((machine) => machine.number));
    state.machines.push({ name, number, address: addressOf(state.index, number), cpus });
  }
  // Written before anything is made, so that what a crash leaves behind can be found.
  writeTestbed(places, state);
  const where: Where = { places, state, base };
  await ensureNetwork(places, state);
  context.progress(`Starting ${state.machines.map((machine) => machine.name).join(', ')}`);
  for (const machine of state.machines) await prepareMachine(where, machine);
  await Promise.all(state.machines.map((machine) => startMachine(where, machine)));
  return state.machines.map((machine) => describe(where, machine));
}

const describe = (where: Where, machine: Machine): LocalHost => ({
  name: machine.name,
  address: machine.address,
  port: 22,
  user: 'researcher',
  hostKeys: hostKeysOf(where, machine),
});

function ownerOf(pid: number | undefined): TestbedState['owner'] {
  if (pid === undefined) return null;
  const startTime = startTimeOf(pid);
  if (startTime === null) throw new LocalHostsError(`the owner process ${pid} is not there`);
  return { pid, startTime };
}

async function onMachine(
  request: Extract<HelperRequest, { testbed: string; host: string }>,
  context: HelperContext,
): Promise<LocalHost | { running: boolean }> {
  const state = readTestbed(context.places, request.testbed);
  const machine = state?.machines.find((one) => one.name === request.host);
  if (!state || !machine) throw new LocalHostsError(`there is no local host "${request.host}" in testbed "${request.testbed}"`);
  const where: Where = { places: context.places, state, base: await ensureBaseTree(context.places.cache, context.progress) };
  switch (request.verb) {
    case 'start':
      await ensureNetwork(context.places, state);
      await prepareMachine(where, machine);
      await startMachine(where, machine);
      return describe(where, machine);
    case 'stop':
      await stopMachine(where, machine);
      break;
    case 'power-cut':
      await cutPower(where, machine);
      break;
    case 'partition':
      await setLink(state, machine, false);
      break;
    case 'heal':
      await setLink(state, machine, true);
      break;
    case 're-image':
      await reImage(where, machine);
      return describe(where, machine);
  }
  return { running: isRunning(where, machine) };
}

async function destroy(testbed: string, { places }: HelperContext): Promise<{ destroyed: boolean }> {
  const state = readTestbed(places, testbed);
  if (!state) return { destroyed: false };
  const where: Where = { places, state, base: '' };
  for (const machine of state.machines) await cutPower(where, machine);
  for (const machine of state.machines) await removeTree(where, machine);
  const last = listTestbeds(places).length === 1;
  await removeNetwork(places, state, last);
  rmSync(testbedFolder(places, testbed), { recursive: true, force: true });
  return { destroyed: true };
}

/** Destroys what belonged to a process that is gone: a test run that crashed. */
async function clean(context: HelperContext): Promise<{ destroyed: string[] }> {
  const stale = listTestbeds(context.places).filter((state) => state.owner !== null && !isAlive(state.owner));
  for (const state of stale) await destroy(state.testbed, context);
  return { destroyed: stale.map((state) => state.testbed) };
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Whether this kernel can hold hosts at all: namespaces and overlay. */
export const hasOverlay = (): boolean => readFileSync('/proc/filesystems', 'utf8').includes('overlay');
