import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { ensureBaseTree, pruneBaseTrees } from './base-tree.ts';
import { hostKeysOf, user } from './identity.ts';
import { raiseLimits } from './limits.ts';
import { lockPath, testbedLockPath, withLock } from './lock.ts';
import { awaitSsh, cutPower, isRunning, powerOn, reImage, stopMachine } from './machine.ts';
import { addressOf, ensureNetwork, freeIndex, keepLastIndex, lastIndex, removeNetwork, setLink } from './network.ts';
import { removeFolder } from './remove.ts';
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
import { removeTree, type Where } from './tree.ts';

export interface HelperContext {
  places: Places;
  progress(text: string): void;
}

/** Carries out one request of the helper, as root. */
export async function carryOut(request: HelperRequest, context: HelperContext): Promise<unknown> {
  switch (request.verb) {
    case 'check':
      return { missing: missingPackages() };
    case 'base':
      return { tree: await withLock(lockPath, () => ensureBaseTree(context.places.cache, context.progress)) };
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

/** A program, or a file, and the Debian package that brings it. */
const needed: Record<string, string> = {
  mmdebstrap: 'mmdebstrap',
  'systemd-nspawn': 'systemd-container',
  ip: 'iproute2',
  iptables: 'iptables',
  'ssh-keygen': 'openssh-client',
  flock: 'util-linux',
  // Not there on Ubuntu at first.
  '/usr/share/keyrings/debian-archive-keyring.gpg': 'debian-archive-keyring',
};

/** Debian packages that local hosts need and this computer lacks. */
export function missingPackages(path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, root = '/'): string[] {
  const folders = path.split(':').map((folder) => join(root, folder));
  const present = (name: string) =>
    isAbsolute(name) ? existsSync(join(root, name)) : folders.some((folder) => existsSync(join(folder, name)));
  return Object.entries(needed)
    .filter(([name]) => !present(name))
    .map(([, name]) => name);
}

/** Four hosts or however many are asked for; those that exist are started, not made again. The key given last is the one that opens them. */
async function create(request: Extract<HelperRequest, { verb: 'create' }>, context: HelperContext): Promise<LocalHost[]> {
  const { places } = context;
  const where = await withLock(testbedLockPath(request.testbed), async () => {
    const state = await withLock(lockPath, async () => {
      const claimed = await claim(request, context);
      // Written before anything is made, so that what a crash leaves behind can be found.
      writeTestbed(places, claimed);
      await ensureNetwork(claimed);
      raiseLimits();
      return claimed;
    });
    context.progress(`Starting ${state.machines.map((machine) => machine.name).join(', ')}`);
    await Promise.all(state.machines.map((machine) => powerOn({ places, state }, machine)));
    return { places, state };
  });
  await Promise.all(where.state.machines.map((machine) => awaitSsh(where, machine)));
  return where.state.machines.map((machine) => describe(where, machine));
}

/** The testbed as it will be: a network nobody else has, and a number for each host. */
async function claim(
  request: Extract<HelperRequest, { verb: 'create' }>,
  { places, progress }: HelperContext,
): Promise<TestbedState> {
  const testbeds = listTestbeds(places);
  const known = testbeds.find((state) => state.testbed === request.testbed);
  const base = known?.base ?? (await ensureBaseTree(places.cache, progress));
  const state: TestbedState = {
    testbed: request.testbed,
    index:
      known?.index ??
      freeIndex(
        await run('ip', ['-4', 'route', 'show', 'table', 'all']),
        testbeds.map((other) => other.index),
        lastIndex(),
      ),
    authorizedKey: request.authorizedKey,
    base,
    owner: ownerOf(request.ownerPid) ?? known?.owner ?? null,
    machines: known?.machines ?? [],
  };
  if (!known) keepLastIndex(state.index);
  if (!known) await pruneBaseTrees(places.cache, [base, ...testbeds.map((other) => other.base)]);
  for (const { name, cpus } of request.hosts) {
    if (state.machines.some((machine) => machine.name === name)) continue;
    const number = 1 + Math.max(0, ...state.machines.map((machine) => machine.number));
    state.machines.push({ name, number, address: addressOf(state.index, number), cpus });
  }
  return state;
}

const describe = (where: Where, machine: Machine): LocalHost => ({
  name: machine.name,
  address: machine.address,
  port: 22,
  user,
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
  { places }: HelperContext,
): Promise<LocalHost | { running: boolean }> {
  const [where, machine] = await withLock(testbedLockPath(request.testbed), async (): Promise<[Where, Machine]> => {
    const state = readTestbed(places, request.testbed);
    const machine = state?.machines.find((one) => one.name === request.host);
    if (!state || !machine) throw new LocalHostsError(`there is no local host "${request.host}" in testbed "${request.testbed}"`);
    const where: Where = { places, state };
    if (request.verb === 'start' || request.verb === 're-image') await withLock(lockPath, () => ensureNetwork(state));
    await actions[request.verb](where, machine);
    return [where, machine];
  });
  if (request.verb !== 'start' && request.verb !== 're-image') return { running: isRunning(where, machine) };
  await awaitSsh(where, machine);
  return describe(where, machine);
}

const actions = {
  start: powerOn,
  stop: stopMachine,
  'power-cut': cutPower,
  're-image': reImage,
  partition: (where: Where, machine: Machine) => setLink(where.state, machine, false),
  heal: (where: Where, machine: Machine) => setLink(where.state, machine, true),
};

/** `only`: whether it is to be destroyed indeed, asked when nobody else has it in hand. */
function destroy(testbed: string, { places }: HelperContext, only = (_: TestbedState) => true): Promise<{ destroyed: boolean }> {
  return withLock(testbedLockPath(testbed), async () => {
    const state = readTestbed(places, testbed);
    if (!state || !only(state)) return { destroyed: false };
    const where: Where = { places, state };
    await Promise.all(
      state.machines.map(async (machine) => {
        await cutPower(where, machine);
        await removeTree(where, machine);
      }),
    );
    await withLock(lockPath, async () => {
      await removeNetwork(state);
      await removeFolder(testbedFolder(places, testbed));
    });
    return { destroyed: true };
  });
}

const isOrphan = ({ owner }: TestbedState): boolean => owner !== null && !isAlive(owner);

/** Destroys what belonged to a process that is gone: a test run that crashed. */
async function clean(context: HelperContext): Promise<{ destroyed: string[] }> {
  const destroyed: string[] = [];
  for (const { testbed } of listTestbeds(context.places).filter(isOrphan))
    if ((await destroy(testbed, context, isOrphan)).destroyed) destroyed.push(testbed);
  return { destroyed };
}

export const isRoot = (): boolean => process.getuid?.() === 0;
