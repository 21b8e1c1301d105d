import { type Behaviour, cameraBehaviours } from './behaviour.ts';
import type { CameraRole } from './camera.ts';

/** What a pod does, as far as the physics go. */
export interface Workload {
  uid: string;
  node: string;
  application: string;
  component: string;
  /** Pods of one revision of a component share its requests; without one, a pod is a revision of its own. */
  revision?: string;
  /** Part of a smart-camera pipeline. */
  role?: CameraRole;
  /** What it does, where it is described; without it and without a role it is a steady consumer. */
  behaviour?: Behaviour;
  /** Cores it uses when it is steady. */
  cores: number;
  memoryBytes: number;
  /** Cores that it may use at most, by the limits of its containers; absent: all there are. */
  coresLimit?: number;
  /** Takes traffic: ready and not ending. */
  serving: boolean;
}

/** The parts of a Pod that the simulation reads. */
export interface SimulatedPod {
  metadata?: {
    uid?: string;
    name?: string;
    namespace?: string;
    labels?: Record<string, string>;
    deletionTimestamp?: string;
    resourceVersion?: string;
  };
  spec?: {
    nodeName?: string;
    containers?: {
      name: string;
      image?: string;
      command?: string[];
      args?: string[];
      resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
    }[];
  };
  status?: { phase?: string; conditions?: { type: string; status: string }[] };
}

const cameraImage = 'mlsysops.eu/smart-camera';
const units: Record<string, number> = { m: 1e-3, k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

/** What a pod will do to its node: the smart-camera's roles are modelled, anything else uses steadily half of what it asks for. */
export function workloadOf(pod: SimulatedPod, serving: boolean): Workload {
  const containers = pod.spec?.containers ?? [];
  const labels = pod.metadata?.labels ?? {};
  const limits = containers.map(({ resources }) => quantity(resources?.limits?.cpu));
  const areAllLimited = limits.length > 0 && limits.every((limit) => limit !== undefined);
  return {
    uid: pod.metadata?.uid ?? '',
    node: pod.spec?.nodeName ?? '',
    application: labels['mlsysops.eu/app'] ?? '',
    component: labels['mlsysops.eu/component'] ?? pod.metadata?.name ?? '',
    revision: labels['pod-template-hash'],
    role: roleOf(containers),
    cores: 0.5 * sum(containers.map(({ resources }) => quantity(resources?.requests?.cpu) ?? 0.1)),
    memoryBytes: 0.75 * sum(containers.map(({ resources }) => quantity(resources?.requests?.memory) ?? 64 * 2 ** 20)),
    ...(areAllLimited && { coresLimit: sum(limits.map((limit) => limit ?? 0)) }),
    serving,
  };
}

interface Program {
  image?: string | undefined;
  command?: string[] | undefined;
  args?: string[] | undefined;
}

/** Which part of a smart camera these containers are, if any. */
export const roleOf = (containers: readonly Program[]): CameraRole | undefined =>
  containers.map(cameraRole).find((role) => role !== undefined);

function cameraRole({ image, command = [], args = [] }: Program): CameraRole | undefined {
  if (!image?.startsWith(cameraImage)) return undefined;
  const words = [...command, ...args];
  const role = words[words.indexOf('--role') + 1];
  return role !== undefined && role in cameraBehaviours ? (role as CameraRole) : undefined;
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

function quantity(text: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^([0-9.]+)([A-Za-z]*)$/.exec(text ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits) * (unit ? (units[unit] ?? 0) : 1);
}
