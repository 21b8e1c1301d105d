import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { CoreV1Api, type KubeConfig, type V1ConfigMap } from '@kubernetes/client-node';
import type { Log } from '../config.ts';
import { namespace } from '../descriptions/custom-resource.ts';
import { type LoopState, loopStateSchema, type StateStore } from '../loop/state.ts';
import { calling } from '../orchestration/kubernetes-errors.ts';
import { agentSettingsSchema, type SettingsStore } from '../settings.ts';

/** What the agents of a cluster hand on to each other. Rights are given to this name. */
export const clusterStateName = 'mlsysops-cluster-agent';
/** The API takes a ConfigMap of 1 MiB; base64 makes four bytes of three. */
const mostBytes = 700_000;
const [pack, unpack] = [promisify(gzip), promisify(gunzip)];

/** Somebody else has written since this agent read: it is not the leader any more, and what it would write is old. */
export class StateTaken extends Error {
  override readonly name = 'StateTaken';
}

export interface SharedState {
  loop: StateStore;
  settings: SettingsStore;
}

/**
 * What a cluster's agent must not lose, in a ConfigMap of its cluster: whoever can act on the cluster can read what another has begun there. Written only
 * over the version that was read last, so that a former leader that wakes up overwrites nothing.
 * @param leads asked when there is another version: one's own whose answer was lost, or the follower's
 */
export function sharedState(options: { kubeConfig: KubeConfig; log: Log; leads: () => boolean; name?: string }): SharedState {
  const { kubeConfig, log, leads, name = clusterStateName } = options;
  const api = kubeConfig.makeApiClient(CoreV1Api);
  let map: V1ConfigMap | undefined;
  const read = async (key: string): Promise<Buffer | undefined> => {
    map = await calling('read what was handed on', [404], () => api.readNamespacedConfigMap({ name, namespace }));
    const text = map?.binaryData?.[key];
    return text === undefined ? undefined : Buffer.from(text, 'base64');
  };
  let last: Promise<void> = Promise.resolve();
  const write = async (key: string, bytes: Buffer): Promise<void> => {
    if (await attempt(key, bytes)) return;
    await read(key);
    if (leads() && (await attempt(key, bytes))) return;
    throw new StateTaken('another agent of this cluster has written its state: it has taken over');
  };
  /** false when there is another version, or none any more. */
  const attempt = async (key: string, bytes: Buffer): Promise<boolean> => {
    const body: V1ConfigMap = {
      metadata: { name, namespace, ...(map && { resourceVersion: map.metadata?.resourceVersion }) },
      binaryData: { ...map?.binaryData, [key]: bytes.toString('base64') },
    };
    const written = await calling('hand on the state', [404, 409], () =>
      map ? api.replaceNamespacedConfigMap({ name, namespace, body }) : api.createNamespacedConfigMap({ namespace, body }),
    );
    if (written) map = written;
    return written !== undefined;
  };
  /** One at a time: the next must know the version that the one before has made. */
  const inTurn = (key: string, make: () => Promise<Buffer>): Promise<void> => {
    last = last.catch(() => {}).then(async () => write(key, await make()));
    return last;
  };
  return {
    loop: {
      async load() {
        const bytes = await read('loop');
        return bytes && loopStateSchema.parse(JSON.parse((await unpack(bytes)).toString('utf8')));
      },
      save: (state) => inTurn('loop', () => packed(state, log)),
    },
    settings: {
      async load() {
        const bytes = await read('settings');
        return bytes && agentSettingsSchema.parse(JSON.parse(bytes.toString('utf8')));
      },
      save: (settings) => inTurn('settings', async () => Buffer.from(JSON.stringify(settings))),
    },
  };
}

/** What was learnt can be learnt again; what is begun and awaited cannot: it goes first where there is no room. */
async function packed(state: LoopState, log: Log): Promise<Buffer> {
  const whole = await pack(JSON.stringify(state));
  if (whole.length <= mostBytes) return whole;
  log('warn', 'what policies have learnt is too large to be handed on', { bytes: whole.length });
  const without = await pack(JSON.stringify({ ...state, policies: {} }));
  if (without.length <= mostBytes) return without;
  const pending = state.pending.slice(-100);
  log('warn', 'not all outcomes that are awaited can be handed on', { awaited: state.pending.length, handedOn: pending.length });
  return pack(JSON.stringify({ ...state, policies: {}, pending }));
}
