import { at, list, number, type StoredObject, text } from './objects.ts';
import { type Resource, resourceKey } from './resources.ts';

interface Column {
  name: string;
  type: 'string' | 'integer' | 'date';
  /** Shown with -o wide alone. */
  wide?: boolean;
  cell(object: StoredObject, now: number): string | number;
}

const column = (name: string, cell: Column['cell'], extra: Partial<Column> = {}): Column => ({
  name,
  type: 'string',
  cell,
  ...extra,
});

/** "5s", "3m20s", "4h", "2d": as kubectl writes an age. */
export function ageText(created: string | undefined, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(created ?? '')) / 1000));
  if (Number.isNaN(seconds)) return '<unknown>';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 600) return `${Math.floor(seconds / 60)}m${seconds % 60 ? `${seconds % 60}s` : ''}`;
  if (seconds < 7200 + 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

const name = column('Name', (object) => object.metadata.name);
const age = column('Age', (object, now) => ageText(object.metadata.creationTimestamp, now));
const orNone = (value: unknown): string => text(value) || '<none>';
const conditionOf = (object: StoredObject, type: string) =>
  list(at(object, 'status', 'conditions')).find((condition) => at(condition, 'type') === type);

function nodeStatus(object: StoredObject): string {
  const ready = at(conditionOf(object, 'Ready'), 'status');
  const words = [ready === 'True' ? 'Ready' : ready === undefined ? 'Unknown' : 'NotReady'];
  if (at(object, 'spec', 'unschedulable') === true) words.push('SchedulingDisabled');
  return words.join(',');
}

function nodeRoles(object: StoredObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.keys(object.metadata.labels ?? {}).filter((label) => label.startsWith(prefix));
  return roles.map((label) => label.slice(prefix.length)).join(',') || '<none>';
}

function podStatus(object: StoredObject): string {
  if (object.metadata.deletionTimestamp) return 'Terminating';
  for (const container of list(at(object, 'status', 'containerStatuses'))) {
    const reason = text(at(container, 'state', 'waiting', 'reason')) ?? text(at(container, 'state', 'terminated', 'reason'));
    if (reason) return reason;
  }
  return text(at(object, 'status', 'reason')) ?? text(at(object, 'status', 'phase')) ?? 'Unknown';
}

const readyContainers = (object: StoredObject): string => {
  const wanted = list(at(object, 'spec', 'containers')).length;
  const ready = list(at(object, 'status', 'containerStatuses')).filter((container) => at(container, 'ready') === true).length;
  return `${ready}/${wanted}`;
};
const address = (type: string) => (object: StoredObject) =>
  orNone(
    at(
      list(at(object, 'status', 'addresses')).find((entry) => at(entry, 'type') === type),
      'address',
    ),
  );
const count =
  (...path: string[]) =>
  (object: StoredObject) =>
    number(at(object, ...path)) ?? 0;
const integer = { type: 'integer' as const };

const builtin: Record<string, Column[]> = {
  '/nodes': [
    name,
    column('Status', nodeStatus),
    column('Roles', nodeRoles),
    age,
    column('Version', (object) => orNone(at(object, 'status', 'nodeInfo', 'kubeletVersion'))),
    column('Internal-IP', address('InternalIP'), { wide: true }),
    column('OS-Image', (object) => orNone(at(object, 'status', 'nodeInfo', 'osImage')), { wide: true }),
    column('Kernel-Version', (object) => orNone(at(object, 'status', 'nodeInfo', 'kernelVersion')), { wide: true }),
    column('Container-Runtime', (object) => orNone(at(object, 'status', 'nodeInfo', 'containerRuntimeVersion')), { wide: true }),
  ],
  '/pods': [
    name,
    column('Ready', readyContainers),
    column('Status', podStatus),
    column(
      'Restarts',
      (object) =>
        list(at(object, 'status', 'containerStatuses')).reduce<number>(
          (sum, one) => sum + (number(at(one, 'restartCount')) ?? 0),
          0,
        ),
      integer,
    ),
    age,
    column('IP', (object) => orNone(at(object, 'status', 'podIP')), { wide: true }),
    column('Node', (object) => orNone(at(object, 'spec', 'nodeName')), { wide: true }),
  ],
  '/services': [
    name,
    column('Type', (object) => text(at(object, 'spec', 'type')) ?? 'ClusterIP'),
    column('Cluster-IP', (object) => orNone(at(object, 'spec', 'clusterIP'))),
    column('External-IP', () => '<none>'),
    column(
      'Port(s)',
      (object) =>
        list(at(object, 'spec', 'ports'))
          .map((port) => `${at(port, 'port')}/${at(port, 'protocol') ?? 'TCP'}`)
          .join(',') || '<none>',
    ),
    age,
  ],
  'apps/deployments': [
    name,
    column('Ready', (object) => `${count('status', 'readyReplicas')(object)}/${number(at(object, 'spec', 'replicas')) ?? 1}`),
    column('Up-to-date', count('status', 'updatedReplicas'), integer),
    column('Available', count('status', 'availableReplicas'), integer),
    age,
    column(
      'Containers',
      (object) =>
        list(at(object, 'spec', 'template', 'spec', 'containers'))
          .map((one) => at(one, 'name'))
          .join(','),
      { wide: true },
    ),
    column(
      'Images',
      (object) =>
        list(at(object, 'spec', 'template', 'spec', 'containers'))
          .map((one) => at(one, 'image'))
          .join(','),
      { wide: true },
    ),
  ],
  'apps/replicasets': [
    name,
    column('Desired', count('spec', 'replicas'), integer),
    column('Current', count('status', 'replicas'), integer),
    column('Ready', count('status', 'readyReplicas'), integer),
    age,
  ],
  '/namespaces': [name, column('Status', (object) => text(at(object, 'status', 'phase')) ?? 'Active'), age],
  '/events': [
    column('Last seen', (object, now) => ageText(text(at(object, 'lastTimestamp')), now)),
    column('Type', (object) => orNone(at(object, 'type'))),
    column('Reason', (object) => orNone(at(object, 'reason'))),
    column(
      'Object',
      (object) => `${String(at(object, 'involvedObject', 'kind')).toLowerCase()}/${at(object, 'involvedObject', 'name')}`,
    ),
    column('Message', (object) => orNone(at(object, 'message'))),
  ],
};

/** Columns of a resource: kubectl's own for well-known kinds, the definition's printer columns for custom ones. */
function columnsOf(resource: Resource): Column[] {
  const known = builtin[resourceKey(resource)];
  if (known) return known;
  const custom = resource.columns.map(({ name: title, jsonPath, type }) => {
    // Printer columns use simple paths (.spec.name); what is more is shown as it would be when empty.
    const path = jsonPath.split('.').filter(Boolean);
    return column(title, (object, now) => {
      const value = at(object, ...path);
      if (type === 'date') return ageText(text(value), now);
      return value === undefined || typeof value === 'object' ? '' : String(value);
    });
  });
  return [name, ...custom, ...(custom.some((one) => one.name === 'Age') ? [] : [age])];
}

/** Objects in the Table format, which `kubectl get` prints as it comes. */
export function tableOf(resource: Resource, objects: StoredObject[], version: number, now: number, headers = true) {
  const columns = columnsOf(resource);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: String(version) },
    columnDefinitions: headers
      ? columns.map((one) => ({
          name: one.name,
          type: one.type,
          format: one.name === 'Name' ? 'name' : '',
          description: '',
          priority: one.wide ? 1 : 0,
        }))
      : null,
    rows: objects.map((object) => ({
      cells: columns.map((one) => one.cell(object, now)),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  };
}
