import type { KubeObject } from '../api/objects.ts';

const definition = (
  group: string,
  plural: string,
  kind: string,
  scope: 'Namespaced' | 'Cluster',
  columns: { name: string; type: string; jsonPath: string }[] = [],
): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope,
    names: { plural, singular: kind.toLowerCase(), kind },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: columns,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

/** The kinds of Karmada that the mini-Karmada understands. */
export const karmadaDefinitions: readonly KubeObject[] = [
  definition('cluster.karmada.io', 'clusters', 'Cluster', 'Cluster', [
    { name: 'Version', type: 'string', jsonPath: '.status.kubernetesVersion' },
    { name: 'Mode', type: 'string', jsonPath: '.spec.syncMode' },
    { name: 'Ready', type: 'string', jsonPath: '.status.ready' },
  ]),
  definition('policy.karmada.io', 'propagationpolicies', 'PropagationPolicy', 'Namespaced'),
  definition('policy.karmada.io', 'clusterpropagationpolicies', 'ClusterPropagationPolicy', 'Cluster'),
];

export const clusterResource = 'cluster.karmada.io/clusters';
export const policyResources = ['policy.karmada.io/propagationpolicies', 'policy.karmada.io/clusterpropagationpolicies'] as const;
