import { at, type KubeObject, list, text } from './objects.ts';

/** One kind that the API serves. */
export interface Resource {
  /** Empty for the core group. */
  group: string;
  version: string;
  plural: string;
  singular: string;
  kind: string;
  namespaced: boolean;
  shortNames: string[];
  subresources: string[];
  categories: string[];
  /** Columns that `kubectl get` shows, of custom resources. */
  columns: { name: string; type: string; jsonPath: string }[];
}

export const groupVersion = (resource: { group: string; version: string }): string =>
  resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
export const resourceKey = (resource: { group: string; plural: string }): string => `${resource.group}/${resource.plural}`;

type Extras = Partial<Pick<Resource, 'namespaced' | 'shortNames' | 'subresources' | 'categories'>> & { plural?: string };
function resource(group: string, version: string, kind: string, extras: Extras = {}): Resource {
  const singular = kind.toLowerCase();
  return {
    group,
    version,
    kind,
    singular,
    plural: extras.plural ?? `${singular}s`,
    namespaced: extras.namespaced ?? true,
    shortNames: extras.shortNames ?? [],
    subresources: extras.subresources ?? [],
    categories: extras.categories ?? [],
    columns: [],
  };
}

const all = ['all'];
export const builtinResources: readonly Resource[] = [
  resource('', 'v1', 'Namespace', { namespaced: false, shortNames: ['ns'], subresources: ['status'] }),
  resource('', 'v1', 'Node', { namespaced: false, shortNames: ['no'], subresources: ['status'] }),
  resource('', 'v1', 'Pod', {
    shortNames: ['po'],
    subresources: ['status', 'binding', 'eviction', 'resize', 'log'],
    categories: all,
  }),
  resource('', 'v1', 'Service', { shortNames: ['svc'], subresources: ['status'], categories: all }),
  resource('', 'v1', 'Endpoints', { plural: 'endpoints', shortNames: ['ep'] }),
  resource('', 'v1', 'ConfigMap', { shortNames: ['cm'] }),
  resource('', 'v1', 'Secret'),
  resource('', 'v1', 'ServiceAccount', { shortNames: ['sa'] }),
  resource('', 'v1', 'Event', { shortNames: ['ev'] }),
  resource('apps', 'v1', 'Deployment', { shortNames: ['deploy'], subresources: ['status', 'scale'], categories: all }),
  resource('apps', 'v1', 'ReplicaSet', { shortNames: ['rs'], subresources: ['status'], categories: all }),
  resource('policy', 'v1', 'PodDisruptionBudget', { shortNames: ['pdb'], subresources: ['status'] }),
  resource('coordination.k8s.io', 'v1', 'Lease'),
  resource('node.k8s.io', 'v1', 'RuntimeClass', { plural: 'runtimeclasses', namespaced: false }),
  resource('certificates.k8s.io', 'v1', 'CertificateSigningRequest', {
    namespaced: false,
    shortNames: ['csr'],
    subresources: ['status', 'approval'],
  }),
  resource('rbac.authorization.k8s.io', 'v1', 'ClusterRole', { namespaced: false }),
  resource('rbac.authorization.k8s.io', 'v1', 'ClusterRoleBinding', { namespaced: false }),
  resource('rbac.authorization.k8s.io', 'v1', 'Role'),
  resource('rbac.authorization.k8s.io', 'v1', 'RoleBinding'),
  resource('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition', {
    namespaced: false,
    shortNames: ['crd', 'crds'],
    subresources: ['status'],
  }),
];

/** The resources that a CustomResourceDefinition adds: one for each version that it serves. */
export function resourcesOf(definition: KubeObject): Resource[] {
  const names = at(definition, 'spec', 'names');
  const group = text(at(definition, 'spec', 'group'));
  const plural = text(at(names, 'plural'));
  const kind = text(at(names, 'kind'));
  if (!group || !plural || !kind) return [];
  return list(at(definition, 'spec', 'versions'))
    .filter((version) => at(version, 'served') !== false)
    .map((version) => ({
      group,
      version: text(at(version, 'name')) ?? 'v1',
      kind,
      plural,
      singular: text(at(names, 'singular')) ?? kind.toLowerCase(),
      namespaced: at(definition, 'spec', 'scope') !== 'Cluster',
      shortNames: list(at(names, 'shortNames')).filter((name) => typeof name === 'string'),
      subresources: at(version, 'subresources', 'status') === undefined ? [] : ['status'],
      categories: list(at(names, 'categories')).filter((name) => typeof name === 'string'),
      columns: list(at(version, 'additionalPrinterColumns')).map((column) => ({
        name: text(at(column, 'name')) ?? '',
        type: text(at(column, 'type')) ?? 'string',
        jsonPath: text(at(column, 'jsonPath')) ?? '',
      })),
    }));
}
