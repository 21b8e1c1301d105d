import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { completionsAt } from '../../agents/descriptions/complete.ts';
import { Failure } from '../../provisioning/run/failure.ts';
import { writeTestbedFile } from '../../provisioning/testbed/write.ts';
import { ContractError, type Handlers, type OutputOf } from '../contract/contract.ts';
import { passAgentLogs } from './agent-logs.ts';
import { decisionRecordings, passRecording, recordDecisions } from './agent-recordings.ts';
import {
  checkApplication,
  deployApplication,
  describedApplication,
  listApplications,
  removeApplication,
  sampleApplications,
} from './applications.ts';
import { changedTestbed, createTestbed } from './create.ts';
import { diagnoseApp, diagnoseStore, diagnoseTestbed } from './diagnose.ts';
import { dryRunPolicy } from './dry-run.ts';
import { withContractErrors } from './errors.ts';
import { holdForward, listListeners } from './forwards.ts';

import { kubeconfigOf } from './kubeconfigs.ts';
import { Lifecycle, notForTwins } from './lifecycle.ts';
import { Lives } from './lives.ts';
import { LocalTestbeds } from './local-testbeds.ts';
import { Mailbox } from './mailbox.ts';
import { holdNorthbound } from './northbound.ts';
import { exportParquet } from './parquet.ts';
import { policyHandlers } from './policies.ts';
import { commandable, Recordings } from './recording/recordings.ts';
import { saveRecording } from './recording/write.ts';
import { type RestoredTwin, restoreTwins } from './restore-twins.ts';
import { Runs, runInFlight } from './runs.ts';
import { Secrets } from './secrets.ts';
import { SettingsKeeper } from './settings.ts';
import { shellOpener } from './shell-opener.ts';
import { SshPools } from './ssh.ts';
import { statusOf } from './status.ts';
import { supportArchive } from './support/support-archive.ts';
import { makeSystemInfo } from './system.ts';
import { Terminals } from './terminals.ts';
import { summaryOf, Testbeds } from './testbeds.ts';
import { topologyAt } from './topology.ts';
import { hostKeys, trustHost } from './trust.ts';
import { TwinMemory } from './twin-memory.ts';
import { twinSamples } from './twin-samples.ts';
import { Twins } from './twins.ts';
import { Vault } from './vault.ts';
import { picture, whenUp } from './watching.ts';

const notSignedIn: ReadonlySet<string> = new Set(['authentication', 'sudo']);

export interface CoreOptions {
  /** Testbeds, stores and secrets of this user. */
  dataFolder: string;
  /** The built application: twin/process.mjs, local-hosts/helper.mjs, agents/. */
  distFolder: string;
  /** catalogue.yaml and applications/. */
  assetsFolder: string;
  log(text: string): void;
  env?: NodeJS.ProcessEnv;
}

/** The services behind the contract: plain Node, one for each data folder. */
export interface Core {
  handlers: Handlers;
  /** A run is in flight, or a twin is up: it would end with the core. */
  needed(): boolean;
  /** Cancels runs, stops twins, writes what is in memory. */
  close(): Promise<void>;
}

export async function startCore(options: CoreOptions): Promise<Core> {
  const { dataFolder, distFolder, assetsFolder, log, env = process.env } = options;
  const testbeds = await Testbeds.open(join(dataFolder, 'testbeds'), log);
  const runs = await Runs.open(testbeds, log);
  const twins = new Twins({ program: join(distFolder, 'twin', 'process.mjs'), assetsFolder, log });
  const settings = new SettingsKeeper(dataFolder, log);
  const local = new LocalTestbeds(join(distFolder, 'local-hosts', 'helper.mjs'), () => settings.current.localHostCores);
  const vault = new Vault(join(dataFolder, 'kept-secrets.json'), log);
  const secrets = new Secrets(vault, log);
  const ssh = new SshPools(secrets);
  const lives = new Lives({ testbeds, twins, ssh, settings, log });
  const lifecycle = new Lifecycle({ testbeds, runs, lives, twins, ssh, local, distFolder, assetsFolder, env, log });
  const recordings = new Recordings(join(dataFolder, 'incoming'), { testbeds, lives });
  const restored: RestoredTwin[] = [];
  const systemInfo = makeSystemInfo({ dataFolder, distFolder, local, restored });
  const terminals = new Terminals(shellOpener({ testbeds, twins, ssh, dataFolder, distFolder, env }));
  const commanded = (name: string) => commandable(testbeds.get(name));
  const twinNamed = (name: string): string => {
    const { testbed } = commanded(name);
    if (testbed.kind === 'twin') return name;
    throw new ContractError('not-a-twin', `"${name}" is no twin: time goes on there by itself.`);
  };
  const liveOf = (name: string) => lives.get(commanded(name));
  const storeOf = (name: string) => lives.store(testbeds.get(name));
  const services = { testbeds, lives };
  /** Of a twin: what is done to it, so that a crash does not undo it. */
  const memoryOf = (name: string): TwinMemory | null => {
    const { testbed, folder } = testbeds.get(name);
    return testbed.kind === 'twin' ? new TwinMemory(folder.twin) : null;
  };

  /** After a sign-in that failed, a person is asked anew. */
  async function signedIn<T>(testbed: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Failure && notSignedIn.has(error.value.code)) ssh.forgetSecrets(testbed);
      throw error;
    }
  }
  async function started(testbed: string, starting: Promise<string>): Promise<{ run: string }> {
    const run = await starting;
    runs.onFailure(run, (code) => {
      if (notSignedIn.has(code)) ssh.forgetSecrets(testbed);
    });
    return { run };
  }

  const handlers: Handlers = {
    'system.info': async () => systemInfo(),
    'system.diagnose': ({ testbed }) => diagnose(testbed),
    'system.makePrivate': async () => {
      await chmod(dataFolder, 0o700);
      return {};
    },
    'system.support': async ({ testbed }) => {
      const entry = testbed === null ? null : testbeds.get(testbed);
      const [checks, info] = await Promise.all([diagnose(testbed), systemInfo()]);
      return supportArchive({ dataFolder, checks, info, entry }, { testbeds, ssh, vault });
    },

    'testbeds.list': async () => testbeds.summaries(),
    'testbeds.watch': async (_, emit, signal) => {
      const mailbox = new Mailbox<null>(1);
      mailbox.push(null);
      const hearing = testbeds.onChange(() => mailbox.push(null));
      try {
        while (await mailbox.take(signal)) await emit(testbeds.summaries());
      } finally {
        hearing.close();
      }
    },
    'testbeds.create': async (input) => summaryOf(await createTestbed(input, { testbeds, local, env })),
    'testbeds.samples': () => twinSamples(assetsFolder),
    'testbeds.get': async ({ testbed }) => summaryOf(testbeds.get(testbed)),
    'testbeds.file': async ({ testbed }) => ({ text: writeTestbedFile(testbeds.get(testbed).testbed) }),
    'testbeds.change': async ({ testbed, file, fileName }) => {
      const entry = commanded(testbed);
      if (runs.current(testbed)) throw runInFlight(testbed);
      await testbeds.rewrite(testbed, changedTestbed(entry.testbed, file, fileName));
      return summaryOf(testbeds.get(testbed));
    },
    'testbeds.plan': ({ testbed, ...choice }) => signedIn(testbed, () => lifecycle.plan(commanded(testbed), choice)),
    'testbeds.check': ({ testbed }) => signedIn(testbed, () => lifecycle.check(commanded(testbed))),
    'testbeds.up': ({ testbed, ...wishes }) => started(testbed, lifecycle.up(commanded(testbed), wishes)),
    'testbeds.down': ({ testbed, ...wishes }) => started(testbed, lifecycle.down(commanded(testbed), wishes)),
    'testbeds.operate': ({ testbed, operation, ...wishes }) =>
      started(testbed, lifecycle.operate(commanded(testbed), operation, wishes)),
    'testbeds.certificates': ({ testbed }) => signedIn(testbed, () => lifecycle.certificates(commanded(testbed))),
    'testbeds.remove': async ({ testbed }) => {
      await lifecycle.remove(testbeds.get(testbed));
      await vault.forget(testbed);
      return {};
    },
    'testbeds.status': async ({ testbed }) => {
      const entry = testbeds.get(testbed);
      return statusOf(entry, await lives.find(entry));
    },
    'testbeds.kubeconfig': async ({ testbed, cluster }) => ({
      kubeconfig: await kubeconfigOf(commanded(testbed), cluster, twins),
    }),
    'testbeds.hostKeys': async ({ testbed }) => hostKeys(commanded(testbed), ssh),
    'testbeds.trust': async ({ testbed, host, fingerprint }) => {
      await trustHost(commanded(testbed), host, fingerprint, ssh);
      return {};
    },

    'runs.list': async ({ testbed }) => runs.list(testbeds.get(testbed)),
    'runs.watch': ({ run }, emit, signal) => runs.watch(run, emit, signal),
    'runs.cancel': async ({ run }) => {
      secrets.giveUp(runs.cancel(run));
      return {};
    },

    'runs.pause': async ({ run, paused }) => {
      const owner = runs.ownerOf(run);
      if (testbeds.get(owner).testbed.kind === 'twin') throw notForTwins(owner);
      runs.pause(run, paused);
      return {};
    },
    'runs.again': async ({ run, ...wishes }) => {
      const { testbed, words } = await runs.wordsOf(run);
      return started(testbed, lifecycle.again(commanded(testbed), words, wishes));
    },

    'secrets.watch': ({ testbed }, emit, signal) => secrets.watch(testbeds.get(testbed).testbed.name, emit, signal),
    'secrets.answer': async ({ id, secret, keep }) => {
      secrets.answer(id, secret, keep);
      return {};
    },
    'secrets.unlock': async ({ key }) => {
      await vault.unlock(Buffer.from(key, 'base64'));
      return {};
    },
    'secrets.kept': async ({ testbed }) => ({ kept: vault.count(testbed), locked: vault.locked, guard: await vault.guard() }),
    'secrets.reset': async () => {
      await secrets.reset();
      for (const { testbed } of testbeds.all()) ssh.forgetSecrets(testbed.name);
      return {};
    },
    'secrets.forget': async ({ testbed }) => {
      await vault.forget(testbed);
      ssh.forgetSecrets(testbed);
      return {};
    },

    'settings.watch': (_, emit, signal) => settings.watch(emit, signal),
    'settings.change': ({ change }) => settings.change(change),

    'agents.logs': (input, emit, signal) => passAgentLogs(input, emit, signal, { testbeds, ssh, twins }),

    'topology.watch': ({ testbed }, emit, signal) =>
      whenUp(
        testbed,
        services,
        signal,
        (live) => live.watchTopology(emit, signal),
        () => emit(picture(testbed, testbeds)),
      ),

    'topology.at': async ({ testbed, time }) => topologyAt(await storeOf(testbed), time),
    'topology.span': async ({ testbed }) => (await storeOf(testbed)).span(),

    'recordings.save': async ({ testbed, from, to }, emit, signal) => {
      const entry = testbeds.get(testbed);
      const { version } = await systemInfo();
      await saveRecording({ entry, store: await storeOf(testbed), from, to, app: version }, emit, signal);
    },
    'recordings.begin': async () => ({ upload: await recordings.begin() }),
    'recordings.piece': async ({ upload, data }) => {
      await recordings.piece(upload, data);
      return {};
    },
    'recordings.open': async ({ upload }) => summaryOf(await recordings.open(upload)),

    'telemetry.metrics': async ({ testbed }) => (await storeOf(testbed)).telemetry.metrics(),
    'telemetry.query': async ({ testbed, ...wanted }) => (await storeOf(testbed)).telemetry.query(wanted),
    'telemetry.parquet': async ({ testbed, ...wanted }, emit, signal) =>
      exportParquet(await storeOf(testbed), join(dataFolder, 'outgoing'), wanted, emit, signal),
    'telemetry.watch': ({ testbed, metrics }, emit, signal) => {
      const wanted = metrics && new Set(metrics);
      const wants = (metric: string) => !wanted || wanted.has(metric);
      return whenUp(testbed, services, signal, (live) => live.watchTelemetry(wants, emit, signal));
    },

    'decisions.list': async ({ testbed, limit, before }) => {
      await catchUp(testbed);
      return (await storeOf(testbed)).decisions.list({ limit, before });
    },
    'decisions.get': async ({ testbed, id }) => {
      const record = await (await storeOf(testbed)).decisions.get(id);
      if (record) return record;
      throw new ContractError('no-such-decision', `The testbed "${testbed}" has no decision "${id}".`);
    },
    'decisions.watch': ({ testbed }, emit, signal) =>
      whenUp(testbed, services, signal, (live) => live.watchDecisions(emit, signal)),
    'decisions.record': async (input) => recordDecisions(await liveOf(input.testbed), input),
    'decisions.recordings': async (input) => decisionRecordings(await liveOf(input.testbed), input),
    'decisions.recording': async (input, emit, signal) => passRecording(await liveOf(input.testbed), input, emit, signal),

    'applications.list': async ({ testbed }) => listApplications(await liveOf(testbed)),
    'applications.deploy': async ({ testbed, description }) => {
      const deployed = await deployApplication(await liveOf(testbed), description);
      await memoryOf(testbed)?.deployed(description);
      return deployed;
    },
    'applications.check': async ({ description }) => checkApplication(description),
    'applications.complete': async ({ description, offset }) => completionsAt(description, offset),
    'applications.described': async ({ testbed, application }) => describedApplication(await liveOf(testbed), application),
    'applications.samples': () => sampleApplications(assetsFolder),
    'applications.remove': async ({ testbed, application }) => {
      await removeApplication(await liveOf(testbed), application);
      await memoryOf(testbed)?.removed(application);
      return {};
    },

    ...policyHandlers(liveOf, assetsFolder),
    'policies.dryRun': async (input, emit, signal) =>
      dryRunPolicy(
        { entry: commanded(input.testbed), live: await liveOf(input.testbed), store: await storeOf(input.testbed) },
        join(distFolder, 'twin', 'dry-run.mjs'),
        input,
        emit,
        signal,
      ),
    'twins.control': async ({ testbed, control }) => {
      const clock = await twins.control(twinNamed(testbed), control);
      await memoryOf(testbed)?.controlled(control);
      return clock;
    },
    'twins.clock': ({ testbed }, emit, signal) => twins.watchClock(twinNamed(testbed), emit, signal),
    'northbound.reach': ({ testbed }, emit, signal) => holdNorthbound(commanded(testbed), emit, signal, { twins, ssh }),

    'forwards.list': ({ testbed }) => signedIn(testbed, () => listListeners(commanded(testbed), { testbeds, ssh })),
    'forwards.open': ({ testbed, target }, emit, signal) =>
      holdForward(commanded(testbed), target, emit, signal, { testbeds, ssh }),

    'terminals.open': (input, emit, signal) => terminals.open(input, emit, signal),
    'terminals.write': async ({ terminal, data }) => {
      terminals.write(terminal, data);
      return {};
    },
    'terminals.resize': async ({ terminal, ...size }) => {
      terminals.resize(terminal, size);
      return {};
    },
  };

  async function diagnose(name: string | null): Promise<OutputOf<'system.diagnose'>> {
    const app = diagnoseApp({
      dataFolder,
      info: await systemInfo(),
      secrets: { kept: vault.count(null), locked: vault.locked, guard: await vault.guard() },
    });
    if (name === null) return { app: await app, testbed: [] };
    const entry = testbeds.get(name);
    const ofTestbed = await diagnoseTestbed(entry, await lives.find(entry), () => lifecycle.certificates(entry));
    return { app: await app, testbed: [...ofTestbed, diagnoseStore(await lives.store(entry))] };
  }

  /** What was decided while nobody listened is fetched before decisions are listed; a testbed that can't be reached lists what is known. */
  async function catchUp(name: string): Promise<void> {
    const live = await lives.find(testbeds.get(name));
    if (!live) return;
    try {
      (await live.hold()).close();
    } catch (error) {
      log(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  restored.push(...(await restoreTwins({ testbeds, lifecycle, log })));

  return {
    handlers: withContractErrors(handlers),
    needed: () => runs.anyInFlight || twins.any,
    async close() {
      // A twin ends with its core; one that is up when the next core starts was cut off.
      for (const { testbed } of testbeds.all())
        if (twins.find(testbed.name)) await testbeds.update(testbed.name, { state: 'down' });
      terminals.close();
      secrets.close();
      await runs.close();
      await lives.close();
      await twins.close();
      await ssh.close();
    },
  };
}
