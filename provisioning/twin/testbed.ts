import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { z } from 'zod';
import { MemoryBus } from '../../agents/bus/memory.ts';
import { replySchema } from '../../agents/bus/messages.ts';
import { deployRequestSchema } from '../../agents/bus/requests.ts';
import { subjects } from '../../agents/bus/subjects.ts';
import type { Log } from '../../agents/config.ts';
import { parseDescription } from '../../agents/descriptions/parse.ts';
import { TwinAgents } from './agents.ts';
import { kubeconfigFor, makeTls } from './api/access.ts';
import { type KubernetesApi, startKubernetesApi } from './api/server.ts';
import { managementCluster, twinNode } from './hosts.ts';
import { clusterResource } from './karmada/definitions.ts';
import { startMiniKarmada } from './karmada/karmada.ts';
import { makeWorld } from './make-world.ts';
import { NodeLives, tellFault } from './node-lives.ts';
import { planTwin, type TwinPlan } from './plan.ts';
import type { TwinControl, TwinReady } from './protocol.ts';
import { SimulatedClock } from './simulation/clock.ts';
import { SimulatedKubelets } from './simulation/kubelets.ts';
import { storeKubeletApi } from './simulation/store-kubelet-api.ts';
import type { World } from './simulation/world.ts';

export interface TwinOptions {
  name: string;
  /** Hosts and what surrounds them; by default the framework's testbed of four. */
  plan?: TwinPlan;
  /** Same seed, same scenario; by default that of the plan. */
  seed?: number;
  /** Twin ms per real ms, at first; by default that of the plan. */
  speed?: number;
  /** Belongs to this twin alone: what the agents learn lies here while it runs. */
  stateFolder: string;
  /** Texts of MLSysOpsApp descriptions to deploy. */
  applications: string[];
  /** Every message on the bus, as it would go over the wire. */
  onBus?: (subject: string, payload: unknown) => void;
  /** Where each agent, and "twin" itself, writes its log. */
  log?: (agent: string) => Log;
}

export interface Twin {
  ready: TwinReady;
  bus: MemoryBus;
  clock: SimulatedClock;
  world: World;
  /** The API of a simulated cluster, for looking at its store. @throws RangeError */
  api(cluster: string): KubernetesApi;
  setPeople(people: number | null): void;
  /** A node that goes down takes its agent and its pods with it. @throws RangeError for an unknown one. */
  setNode(name: string, state: 'up' | 'down'): Promise<void>;
  /** What a user does to it. @throws RangeError */
  control(control: TwinControl): Promise<void>;
  stop(): Promise<void>;
}

/** The world moves on this often, in ms of the twin's clock, but not more often than every 10 ms: a fast twin takes larger steps. */
const stepMs = (speed: number): number => Math.max(100, 10 * speed);
/** Tries of a first deployment, while the continuum agent is still getting to know its API. */
const deployTries = 100;
const retryMs = 100;

/**
 * The simulated testbed: physics below, real APIs and real agents above. Resolves when all of it runs and the applications are handed in.
 * @throws DescriptionError, or Error when a part could not start
 */
export async function startTwin(options: TwinOptions): Promise<Twin> {
  const { name, plan = planTwin(), log = () => () => {} } = options;
  const { seed = plan.section?.seed ?? 1, speed = plan.section?.speed ?? 1 } = options;
  // Said at once rather than by an agent later.
  for (const [index, text] of options.applications.entries()) parseDescription(text, `application ${index + 1}`);
  const opened: (() => void | Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  try {
    const stateFolder = joinPath(options.stateFolder, 'agents');
    // A new world: what agents learnt of an earlier one does not hold.
    await rm(stateFolder, { recursive: true, force: true });
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
    const clock = new SimulatedClock(speed);
    opened.push(() => clock.close());
    const bus = new MemoryBus({
      onInvalid: (subject, error) => log('twin')('error', `a message on ${subject} does not fit`, { error: error.message }),
    });
    opened.push(() => bus.close());
    const { onBus } = options;
    if (onBus) bus.subscribe('mls.>', z.unknown(), (payload, subject) => onBus(subject, payload));

    const token = randomBytes(24).toString('base64url');
    const startApi = async (
      cluster: string,
      podCidr: string,
      serviceCidr: string,
      controllers = true,
    ): Promise<KubernetesApi> => {
      const api = await startKubernetesApi({
        name: cluster,
        host: '127.0.0.1',
        port: 0,
        tls: await makeTls(cluster, ['127.0.0.1', 'localhost'], Date.now()),
        tokens: [{ token, user: 'admin', groups: ['system:masters'] }],
        podCidr,
        serviceCidr,
        clock,
        controllers,
      });
      opened.push(() => api.close());
      return api;
    };
    const [karmada, ...apis] = await Promise.all([
      startApi('karmada', '10.8.0.0/16', '10.9.0.0/16', false),
      ...plan.clusters.map(({ name: cluster, podCidr, serviceCidr }) => startApi(cluster, podCidr, serviceCidr)),
    ]);
    const apiOf = (cluster: string): KubernetesApi => {
      const api = apis.find((one) => one.name === cluster);
      if (!api) throw new RangeError(`there is no cluster "${cluster}" in this twin`);
      return api;
    };
    const members = apis.filter((api) => api.name !== managementCluster);
    const propagation = startMiniKarmada({ api: karmada, clock, log: log('karmada') });
    opened.push(() => propagation.close());
    for (const member of members) join(karmada, member, token);

    const world = makeWorld({ plan, seed, startAt: clock.startedAt, onFault: tellFault(log('twin')) });
    let lastStep = clock.now();
    // Its time begins with the clock's: agents that are quick read it before its first step.
    world.step(lastStep, 0);
    const step = (): void => {
      const now = clock.now();
      world.step(now, (now - lastStep) / 1000);
      lastStep = now;
      clock.after(stepMs(clock.speed), step);
    };
    clock.after(stepMs(speed), step);
    const kubelets = new Map<string, SimulatedKubelets>();
    for (const api of apis) {
      const nodes = plan.hosts
        .filter(({ cluster }) => cluster === api.name)
        .map(({ simulated, ...rest }) => ({ node: simulated, ...rest }));
      const own = new SimulatedKubelets({ api: storeKubeletApi(api.store), world, clock, log: log('twin'), nodes });
      kubelets.set(api.name, own);
      opened.push(() => own.stop());
      await own.start();
    }

    const kubeconfigs = Object.fromEntries([...apis, karmada].map((api) => [api.name, kubeconfigFor(api, { token })]));
    const agents = new TwinAgents({ bus, clock, world, stateFolder, hosts: plan.hosts, kubeconfigs, log });
    opened.push(() => agents.stop());
    const lives = new NodeLives({ world, hosts: plan.hosts, kubelets, agents, log: log('twin') });
    opened.push(() => lives.close());
    await lives.start();
    await agents.start();
    for (const description of options.applications) await deploy(bus, description);

    const setNode = async (node: string, state: 'up' | 'down'): Promise<void> => {
      if (!world.names.includes(node)) throw new RangeError(`there is no node "${node}" in this twin`);
      world.conditions.setUp(node, state === 'up', 'user');
      await lives.settled(node);
    };
    return {
      ready: {
        name,
        kubeconfigs,
        clusters: apis.map((api) => ({ name: api.name, role: api.name === managementCluster ? 'management' : 'member' })),
        nodes: plan.hosts.map(twinNode),
        northbound: agents.northbound,
        speed,
      },
      bus,
      clock,
      world,
      api: apiOf,
      setPeople: (people) => world.setPeople(people),
      setNode,
      async control(control) {
        switch (control.kind) {
          case 'people':
            return world.setPeople(control.people);
          case 'node':
            return setNode(control.node, control.state);
          case 'pause':
            return clock.pause();
          case 'resume':
            return clock.resume();
          case 'speed':
            return clock.setSpeed(control.speed);
        }
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Makes a cluster a member, as `karmadactl join` does. */
function join(karmada: KubernetesApi, member: KubernetesApi, token: string): void {
  const { name, url, tls } = member;
  const secretRef = { namespace: 'karmada-cluster', name };
  karmada.store.create('secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: secretRef,
    stringData: { token, caBundle: tls.ca },
  });
  karmada.store.create(clusterResource, {
    apiVersion: 'cluster.karmada.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name },
    spec: { apiEndpoint: url, syncMode: 'Push', secretRef },
  });
}

/** Hands a description to the continuum agent. @throws Error with what it said last. */
async function deploy(bus: MemoryBus, description: string): Promise<void> {
  let said = '';
  for (let i = 0; i < deployTries; i++) {
    try {
      const subject = subjects.request('continuum', 'deploy');
      const reply = await bus.request(subject, deployRequestSchema, { description }, replySchema, 5000);
      if (reply.ok) return;
      said = reply.error;
    } catch (error) {
      said = error instanceof Error ? error.message : String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
  throw new Error(`the application could not be deployed: ${said}`);
}
