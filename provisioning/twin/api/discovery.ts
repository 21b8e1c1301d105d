import { groupVersion, type Resource } from './resources.ts';

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** What `/api`, `/apis` and below answer: how clients find out which kinds there are. */
export function discover(path: string, resources: Resource[]): unknown {
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups(resources) };
  if (path === '/api/v1') return resourceList('v1', resources);
  const match = /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(path);
  if (!match) return undefined;
  const [, group, version] = match;
  if (version === undefined) {
    const found = groups(resources).find((one) => one.name === group);
    return found && { kind: 'APIGroup', apiVersion: 'v1', ...found };
  }
  const served = resources.some((resource) => resource.group === group && resource.version === version);
  return served ? resourceList(`${group}/${version}`, resources) : undefined;
}

function groups(resources: Resource[]) {
  const names = [...new Set(resources.map((resource) => resource.group))].filter((group) => group !== '');
  return names.map((name) => {
    const versions = [...new Set(resources.filter((resource) => resource.group === name).map((resource) => resource.version))];
    const entries = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions: entries, preferredVersion: entries[0] };
  });
}

function resourceList(wanted: string, resources: Resource[]) {
  const served = resources.filter((resource) => groupVersion(resource) === wanted);
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: wanted,
    resources: served.flatMap((resource) => [
      {
        name: resource.plural,
        singularName: resource.singular,
        namespaced: resource.namespaced,
        kind: resource.kind,
        verbs,
        shortNames: resource.shortNames,
        categories: resource.categories,
      },
      ...resource.subresources.map((name) => ({
        name: `${resource.plural}/${name}`,
        singularName: '',
        namespaced: resource.namespaced,
        ...subresourceKind(resource, name),
        verbs: subresourceVerbs[name] ?? ['get', 'patch', 'update'],
      })),
    ]),
  };
}

const subresourceVerbs: Record<string, string[]> = { eviction: ['create'], binding: ['create'], log: ['get'] };

/** kubectl drain evicts when it finds this kind, and deletes otherwise. */
function subresourceKind(resource: Resource, name: string) {
  if (name === 'scale') return { group: 'autoscaling', version: 'v1', kind: 'Scale' };
  if (name === 'eviction') return { group: 'policy', version: 'v1', kind: 'Eviction' };
  return { kind: resource.kind };
}

const definitionName = (resource: Resource): string => {
  const group = resource.group === '' ? 'core' : resource.group;
  return `io.k8s.api.${group.replaceAll('.', '-')}.${resource.version}.${resource.kind}`;
};

/** Schemas that take any field: enough for `kubectl apply`, which only looks for its kind. The store's own checks decide what is valid. */
const definition = (resource: Resource) => ({
  type: 'object',
  'x-kubernetes-preserve-unknown-fields': true,
  'x-kubernetes-group-version-kind': [{ group: resource.group, version: resource.version, kind: resource.kind }],
});

/** OpenAPI v2 document, as old kubectl asks for it. */
export const openApiV2 = (resources: Resource[], version: string) => ({
  swagger: '2.0',
  info: { title: 'Kubernetes', version },
  paths: {},
  definitions: Object.fromEntries(resources.map((resource) => [definitionName(resource), definition(resource)])),
});

const pathOf = (resource: Resource): string => (resource.group === '' ? 'api/v1' : `apis/${resource.group}/${resource.version}`);

/** Index of OpenAPI v3 documents, one a group version. */
export const openApiV3Index = (resources: Resource[]) => ({
  paths: Object.fromEntries(
    resources.map((resource) => [pathOf(resource), { serverRelativeURL: `/openapi/v3/${pathOf(resource)}` }]),
  ),
});

/** OpenAPI v3 document of one group version; its paths tell kubectl that field validation is understood. */
export function openApiV3(path: string, resources: Resource[], version: string) {
  const served = resources.filter((resource) => pathOf(resource) === path);
  if (served.length === 0) return undefined;
  const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
    name,
    in: 'query',
    schema: { type: 'string' },
  }));
  const paths = served.map((resource) => [
    `/${path}/${resource.namespaced ? 'namespaces/{namespace}/' : ''}${resource.plural}/{name}`,
    {
      patch: {
        parameters,
        'x-kubernetes-group-version-kind': { group: resource.group, version: resource.version, kind: resource.kind },
        responses: {},
      },
    },
  ]);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(served.map((resource) => [definitionName(resource), definition(resource)])) },
  };
}

/**
 * OpenAPI v2 as old kubectl (before 1.27) wants it: protobuf (gnostic's openapi.v2.Document: 1 swagger, 2 info{1 title, 2 version}). Without
 * definitions kubectl merges built-in kinds by what it knows itself, and leaves validation to the server.
 */
export function openApiV2Protobuf(version: string): Buffer {
  const field = (number: number, content: Buffer | string): Buffer => {
    const bytes = Buffer.from(content);
    if (bytes.length > 127) throw new RangeError('a field of this document is short');
    return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
  };
  return Buffer.concat([field(1, '2.0'), field(2, Buffer.concat([field(1, 'Kubernetes'), field(2, version)]))]);
}
