import { parseQuantity } from '../../../agents/descriptions/quantity.ts';
import { ApiError, at, type KubeObject, list, record, type StoredObject, text } from './objects.ts';

const bounds = ['requests', 'limits'] as const;

/**
 * What pods/resize takes: other amounts of CPU and memory for containers that are there (Kubernetes 1.33, KEP-1287). Neither may a bound be
 * taken away nor the pod come into another quality-of-service class.
 * @returns the present pod with the new amounts
 * @throws ApiError 422
 */
export function resizedPod(present: StoredObject, asked: KubeObject): KubeObject {
  const now = list(at(present, 'spec', 'containers'));
  const wanted = list(at(asked, 'spec', 'containers'));
  const resized = now.map((container) => {
    const change = wanted.find((one) => at(one, 'name') === at(container, 'name'));
    if (!change) throw invalid(present, `container ${at(container, 'name')} may not be taken away`);
    const resources = withDefaults(record(at(change, 'resources')));
    for (const bound of bounds)
      for (const resource of Object.keys(record(at(container, 'resources', bound))))
        if (at(resources, bound, resource) === undefined)
          throw invalid(
            present,
            `spec.containers[${at(container, 'name')}].resources.${bound}: Forbidden: resource ${bound} cannot be removed`,
          );
    for (const [resource, request] of Object.entries(record(resources.requests))) {
      const limit = at(resources, 'limits', resource);
      if (limit !== undefined && amount(request) > amount(limit))
        throw invalid(
          present,
          `spec.containers[${at(container, 'name')}].resources.requests: Invalid value: "${String(request)}": must be less than or equal to ${resource} limit of ${String(limit)}`,
        );
    }
    return { ...record(container), resources };
  });
  if (wanted.length !== now.length)
    throw invalid(present, 'only cpu and memory resources for containers that are there are mutable');
  const pod = { ...present, spec: { ...record(present.spec), containers: resized } };
  if (qualityOfService(pod) !== qualityOfService(present))
    throw invalid(
      present,
      `spec: Invalid value: Pod QOS Class may not change as a result of resizing (${qualityOfService(present)} to ${qualityOfService(pod)})`,
    );
  return pod;
}

/** What is limited and not requested is requested as it is limited. @throws ApiError 422 for what is no quantity */
function withDefaults(resources: Record<string, unknown>): Record<string, unknown> {
  const [limits, requests] = [record(resources.limits), record(resources.requests)];
  for (const quantity of [...Object.values(limits), ...Object.values(requests)])
    if (Number.isNaN(amount(quantity)))
      throw new ApiError(422, 'Invalid', `Pod is invalid: ${JSON.stringify(quantity)} is no quantity`);
  if (Object.keys(limits).length === 0) return resources;
  return { ...resources, limits, requests: { ...limits, ...requests } };
}

/** As the API makes of a new pod's containers. */
export const withDefaultRequests = (pod: StoredObject): StoredObject => ({
  ...pod,
  spec: {
    ...record(pod.spec),
    containers: list(at(pod, 'spec', 'containers')).map((container) =>
      at(container, 'resources', 'limits') === undefined
        ? container
        : { ...record(container), resources: withDefaults(record(at(container, 'resources'))) },
    ),
  },
});

/** Guaranteed, Burstable or BestEffort, as kubernetes.io, "Pod Quality of Service Classes" has it. */
export function qualityOfService(pod: KubeObject): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = list(at(pod, 'spec', 'containers')).map((container) => withDefaults(record(at(container, 'resources'))));
  const nothing = containers.every((one) => bounds.every((bound) => Object.keys(record(one[bound])).length === 0));
  if (nothing) return 'BestEffort';
  const guaranteed = containers.every((one) =>
    ['cpu', 'memory'].every((resource) => {
      const [request, limit] = [at(one, 'requests', resource), at(one, 'limits', resource)];
      return limit !== undefined && amount(request) === amount(limit);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

const amount = (quantity: unknown): number =>
  (typeof quantity === 'number' ? quantity : parseQuantity(text(quantity) ?? '')) ?? Number.NaN;
const invalid = (pod: StoredObject, why: string): ApiError =>
  new ApiError(422, 'Invalid', `Pod "${pod.metadata.name}" is invalid: ${why}`);
