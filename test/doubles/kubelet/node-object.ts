import { readFileSync } from 'node:fs';
import { hostname, release, totalmem } from 'node:os';
import { doubleVersion } from '../support/server-config.ts';
import { type Api, ApiError } from './api.ts';
import type { KubeletFlags } from './flags.ts';
import type { Log } from './types.ts';

export const kubeletVersion = doubleVersion;
const leaseMs = 3000;
const statusMs = 10_000;
/** As the controller of Kubernetes puts it on a node and takes it away some time after the node has said that it is Ready. */
const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
const notReadyMs = 1000;
/** Kubernetes takes a node for lost when its lease is older. */
const leaseDurationS = 40;

/** This host as a Node of the cluster: registered, then kept Ready by its lease and status. */
export class NodeObject {
  readonly #api: Api;
  readonly #flags: KubeletFlags;
  readonly #cores: number;
  readonly #log: Log;
  #readySince = '';
  #registered = false;
  #tainted = false;
  #lastStatus = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #complaint = '';

  constructor(api: Api, flags: KubeletFlags, cores: number, log: Log) {
    this.#api = api;
    this.#flags = flags;
    this.#cores = cores;
    this.#log = log;
  }

  start(): void {
    void this.#beat();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #beat(): Promise<void> {
    let nextMs = leaseMs;
    try {
      if (!this.#registered) await this.#register();
      const isReady = this.#lastStatus > 0;
      if (Date.now() - this.#lastStatus >= statusMs) await this.#tellStatus();
      await this.#renewLease();
      if (this.#tainted) {
        if (isReady) await this.#removeTaint();
        else nextMs = notReadyMs;
      }
      this.#complaint = '';
    } catch (error) {
      // A node that was deleted registers again.
      if (error instanceof ApiError && error.status === 404) this.#registered = false;
      const complaint = error instanceof Error ? error.message : String(error);
      if (complaint !== this.#complaint) this.#log(`node: ${complaint}`);
      this.#complaint = complaint;
      nextMs = 1000;
    }
    if (!this.#closed) this.#timer = setTimeout(() => void this.#beat(), nextMs);
  }

  async #create(path: string, object: object): Promise<void> {
    try {
      await this.#api.call('POST', path, object);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
    }
  }

  async #register(): Promise<void> {
    const { nodeName, nodeLabels, registerTaints } = this.#flags;
    const arch = process.arch === 'x64' ? 'amd64' : process.arch;
    const labels = {
      'kubernetes.io/hostname': nodeName,
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': arch,
      ...nodeLabels,
    };
    try {
      await this.#api.call('POST', '/api/v1/nodes', {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: nodeName, labels },
        spec: { taints: [...registerTaints, notReady] },
      });
      this.#tainted = true;
      this.#log(`node ${nodeName} registered`);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
      // It is there from before: what others put on it stays.
      await this.#api.patch(`/api/v1/nodes/${nodeName}`, { metadata: { labels } });
    }
    this.#registered = true;
    this.#lastStatus = 0;
  }

  async #removeTaint(): Promise<void> {
    const { nodeName, registerTaints } = this.#flags;
    await this.#api.patch(`/api/v1/nodes/${nodeName}`, { spec: { taints: registerTaints.length > 0 ? registerTaints : null } });
    this.#tainted = false;
  }

  async #tellStatus(): Promise<void> {
    const { nodeName, nodeIp } = this.#flags;
    const now = timeText();
    this.#readySince ||= now;
    const condition = (type: string, status: string, reason: string, message: string) => ({
      type,
      status,
      reason,
      message,
      lastHeartbeatTime: now,
      lastTransitionTime: this.#readySince,
    });
    const capacity = {
      cpu: String(this.#cores),
      memory: `${Math.floor(totalmem() / 1024)}Ki`,
      pods: '110',
    };
    await this.#api.patch(`/api/v1/nodes/${nodeName}/status`, {
      status: {
        capacity,
        allocatable: capacity,
        addresses: [
          { type: 'InternalIP', address: nodeIp },
          { type: 'Hostname', address: nodeName },
        ],
        conditions: [
          condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
          condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
          condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
          condition('Ready', 'True', 'KubeletReady', 'the kubelet double is posting ready status'),
        ],
        daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
        nodeInfo: {
          architecture: process.arch === 'x64' ? 'amd64' : process.arch,
          bootID: read('/proc/sys/kernel/random/boot_id'),
          machineID: read('/etc/machine-id'),
          systemUUID: read('/etc/machine-id'),
          containerRuntimeVersion: 'processes://double',
          kernelVersion: release(),
          kubeletVersion,
          kubeProxyVersion: '',
          operatingSystem: 'linux',
          osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(read('/etc/os-release'))?.[1] ?? 'Linux',
        },
      },
    });
    this.#lastStatus = Date.now();
  }

  async #renewLease(): Promise<void> {
    const { nodeName } = this.#flags;
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const spec = {
      holderIdentity: nodeName,
      leaseDurationSeconds: leaseDurationS,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    };
    try {
      await this.#api.patch(`${leases}/${nodeName}`, { spec });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      await this.#create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-node-lease' } });
      await this.#api.call('POST', leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: nodeName, namespace: 'kube-node-lease' },
        spec,
      });
    }
  }
}

const timeText = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    // Not every host has it; Kubernetes takes an empty one.
    return hostname();
  }
}
