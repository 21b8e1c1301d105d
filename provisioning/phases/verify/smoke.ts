import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import type { Bus } from '../../../agents/bus/bus.ts';
import { type ApplicationStatus, applicationStatusSchema, replySchema } from '../../../agents/bus/messages.ts';
import { deployRequestSchema, removeRequestSchema } from '../../../agents/bus/requests.ts';
import { subjects } from '../../../agents/bus/subjects.ts';
import { type DecisionRecord, decisionRecordSchema, isAct } from '../../../agents/decision/record.ts';
import { digestOfFile } from '../../artefacts/digest.ts';
import { Failure } from '../../run/failure.ts';
import type { RunContext } from '../../run/phase.ts';
import { digestOfTestbed } from '../../run/plan-file.ts';
import type { Host } from '../../testbed/schema.ts';
import { sampleImage } from '../agents/sample-image.ts';
import { adminKubeconfig, kubectl } from '../kubernetes/scripts.ts';
import { nodeProgram } from '../prepare.ts';
import { controlPlaneOf, hostsOf, memberClusters } from '../support/hosts.ts';
import { quote, script } from '../support/shell.ts';
import { kubeconfigFile, writePrivate } from '../support/state.ts';
import { withHub } from './hub.ts';

const phase = 'verify';
const application = 'mlsysops-smoke';
const component = 'probe';
const port = 9190;
const waitMs = 120_000;
const requestMs = 20_000;
const lookMs = 100;

/** The sample program in the role that listens and needs nobody. */
export const smokeDescription = (cluster: string, node?: string): string =>
  stringify({
    MLSysOpsApp: {
      name: application,
      cluster_placement: { cluster_id: [cluster], instances: 1 },
      components: [
        {
          metadata: { name: component },
          ...(node === undefined ? {} : { node_placement: { node } }),
          containers: [
            {
              image: sampleImage,
              image_pull_policy: 'IfNotPresent',
              command: [nodeProgram, '/opt/mlsysops/share/smart-camera.mjs', '--role', 'classifier'],
              platform_requirements: { cpu: { requests: '50m' }, memory: { requests: '64Mi' } },
              ports: [{ name: 'metrics', container_port: port, protocol: 'TCP' }],
              env: [
                { name: 'PORT', value: String(port) },
                { name: 'POD_NAME', value_from: { field_ref: { field_path: 'metadata.name' } } },
                { name: 'NODE_NAME', value_from: { field_ref: { field_path: 'spec.nodeName' } } },
              ],
            },
          ],
        },
      ],
    },
  });

/**
 * Has a small application placed by the agents in the first member with workers, reaches it from another host, has it moved to another worker,
 * and removes it: the whole way from description to pod and back. Done once for each making of a testbed (its file, its clusters, its agents);
 * what was seen is not looked at again.
 * @throws Failure saying what of it did not come about, with the pod's own reason
 */
export async function smokeTest(context: RunContext, distFolder: string): Promise<void> {
  const cluster = memberClusters(context.testbed).find((one) => workersOf(context, one).length > 0);
  // A run of some hosts alone is not one of the whole testbed.
  if (cluster === undefined || context.testbed.hosts.some(({ name }) => !context.facts.has(name))) return;
  const note = path.join(context.stateFolder, 'smoke-seen');
  const making = await makingOf(context, cluster, distFolder);
  const seen = await readFile(note, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (seen === making) return;
  await withHub(context, (bus) => new Smoke(bus, context, cluster).run());
  await writePrivate(note, making);
}

const workersOf = (context: RunContext, cluster: string): Host[] =>
  hostsOf(context.testbed, cluster).filter(({ role }) => role === 'worker');

/** Another one whenever the testbed's file, a cluster (its authority, in the kubeconfig) or an agent's program is another. */
async function makingOf(context: RunContext, cluster: string, distFolder: string): Promise<string> {
  const files = ['node', 'cluster', 'continuum'].map((layer) => digestOfFile(path.join(distFolder, 'agents', `${layer}.mjs`)));
  const kubeconfigs = [cluster, 'karmada'].map((name) => readFile(kubeconfigFile(context.stateFolder, name), 'utf8'));
  const parts = [digestOfTestbed(context.testbed), ...(await Promise.all([...files, ...kubeconfigs]))];
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}

class Smoke {
  readonly #bus: Bus;
  readonly #context: RunContext;
  readonly #cluster: string;
  #status: ApplicationStatus | undefined;
  readonly #acts: DecisionRecord[] = [];

  constructor(bus: Bus, context: RunContext, cluster: string) {
    this.#bus = bus;
    this.#context = context;
    this.#cluster = cluster;
  }

  async run(): Promise<void> {
    const listening = [
      this.#bus.subscribe(subjects.all.applications, applicationStatusSchema, (status) => {
        if (status.application === application && status.cluster === this.#cluster) this.#status = status;
      }),
      this.#bus.subscribe(subjects.all.decisions, decisionRecordSchema, (record) => {
        if (record.application === application && isAct(record)) this.#acts.push(record);
      }),
    ];
    try {
      // One that a run before this has left behind would be taken for ours.
      if (await this.#remove()) await this.#until(() => this.#status?.state === 'removed', 'be removed');
      this.#status = undefined;
      await this.#deploy();
      const first = await this.#runsOn(() => true, 'be placed and run');
      await this.#reach();
      const other = workersOf(this.#context, this.#cluster).find(({ name }) => name !== first);
      if (other === undefined) this.#say(`${this.#cluster} has one worker: nothing is moved`);
      else {
        await this.#deploy(other.name);
        await this.#runsOn((node) => node === other.name, `be moved to ${other.name}`);
        await this.#reach();
      }
      await this.#remove();
      await this.#until(() => this.#status?.state === 'removed', 'be removed');
    } catch (error) {
      // What went wrong is told; that it could not be cleared away besides is no reason to tell less.
      await this.#remove().catch((reason: Error) => this.#context.warn(`${application} is left: ${reason.message}`, { phase }));
      throw error;
    } finally {
      for (const one of listening) one.close();
    }
    const explained = this.#acts.filter(({ agent, revision }) => agent.layer === 'cluster' && revision === 0);
    if (explained.length === 0) throw this.#failure('it was placed, but no decision about it came over the bus');
    for (const { sentence } of explained) this.#say(sentence);
  }

  async #deploy(node?: string): Promise<void> {
    const description = smokeDescription(this.#cluster, node);
    const deploying = subjects.request('continuum', 'deploy');
    const reply = await this.#bus.request(deploying, deployRequestSchema, { description }, replySchema, requestMs);
    if (!reply.ok) throw this.#failure(`the continuum agent refused it: ${reply.error}`);
  }

  /** @returns the node that it runs on, with a ready pod */
  async #runsOn(isThere: (node: string) => boolean, what: string): Promise<string> {
    const place = () => {
      const node = this.#status?.components[0]?.node;
      return this.#status?.state === 'deployed' && node && isThere(node) ? node : undefined;
    };
    await this.#until(() => place() !== undefined, what);
    return place() ?? '';
  }

  /** Asks the pod itself, from the control plane's host: by the network that pods have between hosts. */
  async #reach(): Promise<void> {
    const controlPlane = controlPlaneOf(this.#context.testbed, this.#cluster);
    const pod = this.#status?.components[0]?.pod ?? '';
    const ask =
      'fetch("http://" + process.argv[1] + ":" + process.argv[2] + "/healthz", { signal: AbortSignal.timeout(3000) }).then((answer) => process.exit(answer.ok ? 0 : 1), (error) => { console.error(String(error.cause ?? error)); process.exit(1); })';
    await this.#context.execute(
      controlPlane.name,
      script(
        `address=$(${kubectl(adminKubeconfig)} -n mlsysops get pod ${quote(pod)} -o 'jsonpath={.status.podIP}')`,
        'attempt=0',
        `until ${nodeProgram} -e ${quote(ask)} "$address" ${port}; do`,
        '  attempt=$((attempt + 1))',
        `  if [ "$attempt" -ge 20 ]; then echo "the pod at $address:${port} does not answer this host" >&2; exit 1; fi`,
        '  sleep 0.5',
        'done',
      ),
      { phase, step: 'smoke', timeoutS: 90 },
    );
  }

  /** @returns whether there was one */
  async #remove(): Promise<boolean> {
    const removing = subjects.request('continuum', 'remove');
    return (await this.#bus.request(removing, removeRequestSchema, { application }, replySchema, requestMs)).ok;
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    const until = Date.now() + waitMs;
    while (!holds()) {
      if (this.#context.signal.aborted) throw new Failure({ code: 'cancelled', phase, cause: 'it was stopped' });
      if (Date.now() > until) {
        const { state, components } = this.#status ?? {};
        const [pod] = components ?? [];
        const seen = state
          ? `; it is ${state}, its pod ${pod?.state ?? 'not there'}${pod?.reason ? ` (${pod.reason})` : ''}`
          : '';
        throw this.#failure(`the smoke application did not ${what} within ${waitMs / 1000} s${seen}`);
      }
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  }

  #say(text: string): void {
    this.#context.log(phase, controlPlaneOf(this.#context.testbed, this.#cluster).name, text);
  }

  #failure(cause: string): Failure {
    return new Failure({
      code: 'step',
      phase,
      step: 'smoke',
      host: controlPlaneOf(this.#context.testbed, this.#cluster).name,
      cause,
      remedy: `See what the agents decided ("decisions list ${this.#context.testbed.name}") and what happened to the pod (kubectl -n mlsysops describe pods)`,
    });
  }
}
