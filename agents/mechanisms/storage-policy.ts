import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { ComponentDescription } from '../descriptions/application.ts';
import type { DescribedApplication } from '../orchestration/orchestrator.ts';
import type { ObjectStorage, ObjectStorageConfig } from '../storage/object-storage.ts';
import { type Json, type Mechanism, MechanismError, type PlanSteps } from './mechanism.ts';
import { Sighting } from './sighting.ts';

/** How many other locations hold all that a bucket holds: what is lost when that many fail is nothing. */
const copies = { none: 0, one: 1, high: 2 } as const;
type Redundancy = keyof typeof copies;
const redundancies = ['none', 'one', 'high'] as const;

/** `bucket` is a bucket_id of the component's description; what is absent stays as it is. */
export const storagePolicyCommandSchema = z.strictObject({
  name: z.string(),
  component: z.string(),
  bucket: z.string(),
  location: z.string().optional(),
  redundancy: z.enum(redundancies).optional(),
  encryption: z.boolean().optional(),
});

interface BucketState {
  /** undefined where there is none. */
  location: string | undefined;
  encrypted: boolean;
  replicas: string[];
}
type BucketDescription = NonNullable<NonNullable<ComponentDescription['storage']>['buckets']>[number];
interface NamedBucket {
  application: string;
  component: string;
  bucket: BucketDescription;
}

export interface StoragePolicyOptions {
  storage: ObjectStorage;
  config: Pick<ObjectStorageConfig, 'locations'>;
  applications: () => readonly DescribedApplication[];
  clock: Clock;
}

/**
 * Where buckets of components lie, in how many other places all of it lies too, and whether it is encrypted there; by S3's own means. Only a bucket that is
 * described with a policy_update_token may be changed, and never to less than its description asks for.
 */
export class StoragePolicyMechanism implements Mechanism {
  readonly name = 'storagePolicy';
  readonly #options: StoragePolicyOptions;
  readonly #seen: Sighting<Map<string, BucketState>>;

  constructor(options: StoragePolicyOptions) {
    this.#options = options;
    this.#seen = new Sighting(() => this.#look(), options.clock);
  }

  state(): Json {
    const sight = this.#seen.get();
    if ('problem' in sight) return { problem: sight.problem };
    return this.#described().flatMap(({ application, component, bucket: { bucket_id: bucket } }) => {
      const state = sight.seen.get(bucket);
      if (!state) return [];
      const { location, encrypted, replicas } = state;
      return [{ application, component, bucket, location: location ?? null, redundancy: redundancyOf(replicas), encrypted }];
    });
  }

  options(): Json {
    return this.#described().map(({ application, component, bucket }) => {
      const locations = this.#locationsFor(bucket);
      return {
        application,
        component,
        bucket: bucket.bucket_id,
        permitted: isPermitted(bucket),
        locations,
        redundancy: redundancies.filter((one) => copies[one] < locations.length && copies[one] >= copies[leastOf(bucket)]),
        encryption: bucket.server_side_encryption ? [true] : [true, false],
      };
    });
  }

  touches(command: unknown): string[] {
    return [storagePolicyCommandSchema.parse(command).bucket];
  }

  async apply(command: unknown, plan: PlanSteps): Promise<void> {
    const { bucket: id, ...wanted } = storagePolicyCommandSchema.parse(command);
    const { bucket } = this.#named(wanted.name, wanted.component, id);
    const before = await this.#stateOf(id);
    const location = wanted.location ?? before.location;
    const redundancy = wanted.redundancy ?? redundancyOf(before.replicas);
    const encryption = wanted.encryption ?? before.encrypted;
    if (location === undefined) throw new MechanismError(`there is no bucket ${id}; name a location to make it in`);
    const locations = this.#locationsFor(bucket);
    if (!locations.includes(location)) throw new MechanismError(this.#whyNotIn(location, bucket));
    if (copies[redundancy] < copies[leastOf(bucket)])
      throw new MechanismError(`${id} is described with the redundancy ${leastOf(bucket)}, which ${redundancy} is less than`);
    if (!encryption && bucket.server_side_encryption) throw new MechanismError(`${id} is described as encrypted`);
    const others = locations.filter((one) => one !== location);
    if (others.length < copies[redundancy])
      throw new MechanismError(
        `the redundancy ${redundancy} takes ${copies[redundancy]} other locations; there are ${others.length}`,
      );
    if (location !== before.location) await this.#place(plan, id, before, location);
    if (encryption !== before.encrypted || location !== before.location)
      await this.#encrypt(plan, id, encryption, before.encrypted);
    if (redundancy !== redundancyOf(before.replicas) || location !== before.location)
      await this.#replicate(plan, id, others.slice(0, copies[redundancy]), before);
    await this.#seen.refresh();
  }

  /** S3 moves nothing: a bucket is made anew elsewhere while nothing is in it. */
  async #place(plan: PlanSteps, bucket: string, before: BucketState, location: string): Promise<void> {
    const { storage } = this.#options;
    if (before.location !== undefined) {
      const former = before.location;
      if (!(await storage.isEmpty(bucket)))
        throw new MechanismError(
          `${bucket} is in ${former} and not empty: S3 cannot move what is in it; have it copied by redundancy`,
        );
      const putBack = async (): Promise<void> => {
        await storage.create(bucket, former);
        if (before.replicas.length > 0) await storage.keepVersions(bucket);
        if (before.replicas.length > 0) await storage.setReplicas(bucket, before.replicas);
        await storage.setEncrypted(bucket, before.encrypted);
      };
      await plan.run(`Take ${bucket}, which is empty, out of ${former}`, () => storage.delete(bucket), {
        title: `Make ${bucket} in ${former} again`,
        run: putBack,
      });
    }
    await plan.run(`Make ${bucket} in ${location}`, () => storage.create(bucket, location), {
      title: `Delete ${bucket} from ${location}`,
      run: () => storage.delete(bucket),
    });
  }

  async #encrypt(plan: PlanSteps, bucket: string, encrypted: boolean, before: boolean): Promise<void> {
    const { storage } = this.#options;
    await plan.run(
      encrypted ? `Have ${bucket} encrypted` : `Have ${bucket} encrypted no more`,
      async () => {
        await storage.setEncrypted(bucket, encrypted);
        // Some services encrypt in any case, and say nothing of it.
        if ((await storage.isEncrypted(bucket)) !== encrypted)
          throw new MechanismError(`the storage leaves ${bucket} ${encrypted ? 'unencrypted' : 'encrypted'}`);
      },
      { title: `Encrypt ${bucket} as before`, run: () => storage.setEncrypted(bucket, before) },
    );
  }

  /** Copies in places that are given up stay there, for who wants to delete them: nothing is lost by a decision. */
  async #replicate(plan: PlanSteps, bucket: string, places: readonly string[], before: BucketState): Promise<void> {
    const { storage } = this.#options;
    const replicas = places.map((location) => ({ location, bucket: `${bucket}-in-${location}` }));
    for (const replica of replicas) {
      if ((await storage.locationOf(replica.bucket)) !== undefined) continue;
      await plan.run(`Make ${replica.bucket}`, () => storage.create(replica.bucket, replica.location), {
        title: `Delete ${replica.bucket}`,
        run: () => storage.delete(replica.bucket),
      });
    }
    await plan.run(
      replicas.length === 0 ? `Copy ${bucket} nowhere` : `Copy ${bucket} to ${places.join(' and ')}`,
      async () => {
        for (const one of replicas.length === 0 ? [] : [bucket, ...replicas.map((replica) => replica.bucket)])
          await storage.keepVersions(one);
        await storage.setReplicas(
          bucket,
          replicas.map((replica) => replica.bucket),
        );
      },
      { title: `Copy ${bucket} as before`, run: () => storage.setReplicas(bucket, before.replicas) },
    );
  }

  #named(application: string, component: string, id: string): NamedBucket {
    const found = this.#described().find(
      (one) => one.application === application && one.component === component && one.bucket.bucket_id === id,
    );
    if (!found) throw new MechanismError(`${component} of ${application} is described with no bucket ${id}`);
    if (!isPermitted(found.bucket))
      throw new MechanismError(`${application} does not permit it: bucket ${id} is described without a policy_update_token`);
    return found;
  }

  #described(): NamedBucket[] {
    return this.#options
      .applications()
      .flatMap(({ description: { name: application, components } }) =>
        components.flatMap(({ metadata: { name: component }, storage }) =>
          (storage?.buckets ?? []).map((bucket) => ({ application, component, bucket })),
        ),
      );
  }

  #locationsFor(bucket: BucketDescription): string[] {
    const isRestricted = bucket.location_restrictions?.gdpr ?? false;
    return this.#options.config.locations.filter(({ gdpr }) => gdpr || !isRestricted).map(({ name }) => name);
  }

  #whyNotIn(location: string, { bucket_id: id }: BucketDescription): string {
    const isKnown = this.#options.config.locations.some(({ name }) => name === location);
    if (isKnown) return `the GDPR does not hold in ${location}, and ${id} is described as restricted to where it does`;
    return `the storage has no location ${location}; there are ${this.#options.config.locations.map(({ name }) => name).join(', ')}`;
  }

  async #look(): Promise<Map<string, BucketState>> {
    const ids = [...new Set(this.#described().map(({ bucket }) => bucket.bucket_id))];
    return new Map(await Promise.all(ids.map(async (id) => [id, await this.#stateOf(id)] as const)));
  }

  async #stateOf(bucket: string): Promise<BucketState> {
    const { storage } = this.#options;
    const location = await storage.locationOf(bucket);
    if (location === undefined) return { location, encrypted: false, replicas: [] };
    const [encrypted, replicas] = await Promise.all([storage.isEncrypted(bucket), storage.replicasOf(bucket)]);
    return { location, encrypted, replicas };
  }
}

/** The framework has no action for storage among permitted_actions: the token in the description is the permission. */
const isPermitted = (bucket: BucketDescription): boolean => bucket.policy_update_token !== undefined;

const leastOf = ({ redundancy, reduncancy }: BucketDescription): Redundancy => redundancy ?? reduncancy ?? 'none';

const redundancyOf = ({ length }: readonly string[]): Redundancy => (length === 0 ? 'none' : length === 1 ? 'one' : 'high');
