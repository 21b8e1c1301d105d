import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../agents/manual-clock.ts';
import { at, record, type StoredObject } from '../api/objects.ts';
import { ObjectStore } from '../api/store.ts';
import { controlDeployments, isReady } from './deployments.ts';

const deployments = 'apps/deployments';
const turn = () => new Promise((resolve) => setImmediate(resolve));
async function settle(store: ObjectStore): Promise<void> {
  for (let quiet = 0; quiet < 3; ) {
    const { version } = store;
    await turn();
    quiet = store.version === version ? quiet + 1 : 0;
  }
}

function start(spec: Record<string, unknown>) {
  const store = new ObjectStore(new ManualClock());
  store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  const control = controlDeployments({ store, clock: new ManualClock(), podCidr: '', serviceCidr: '' });
  store.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'd' } }, ...spec },
  });
  return { store, control };
}
const template = (image: string) => ({ metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'main', image }] } });
const live = (store: ObjectStore) => store.list('pods').filter((pod) => !pod.metadata.deletionTimestamp);
const imageOf = (pod: StoredObject) => at(pod, 'spec', 'containers', 0, 'image');
const makeReady = (store: ObjectStore, pod: StoredObject) =>
  store.patchStatus('pods', 'default', pod.metadata.name, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] });

describe('a rolling update', () => {
  it('never has more pods than the surge allows, nor fewer ready ones than may be unavailable, however slowly pods become ready', async () => {
    const strategies = fc
      .record({
        replicas: fc.integer({ min: 1, max: 6 }),
        maxSurge: fc.integer({ min: 0, max: 3 }),
        maxUnavailable: fc.integer({ min: 0, max: 3 }),
      })
      .filter(({ maxSurge, maxUnavailable }) => maxSurge + maxUnavailable > 0);
    await fc.assert(
      fc.asyncProperty(
        strategies,
        fc.infiniteStream(fc.nat({ max: 5 })),
        async ({ replicas, maxSurge, maxUnavailable }, choices) => {
          const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
          const { store, control } = start({ replicas, strategy, template: template('one') });
          await settle(store);
          for (const pod of live(store)) makeReady(store, pod);
          await settle(store);
          let most = 0;
          let least = replicas;
          const watch = store.watch('pods', () => {
            most = Math.max(most, live(store).length);
            least = Math.min(least, live(store).filter(isReady).length);
          });
          const change = (image: string) =>
            store.modify(deployments, 'default', 'd', (object) => ({
              ...object,
              spec: { ...record(object.spec), template: template(image) },
            }));
          change('two');
          let steps = 0;
          for (; steps < 300; steps++) {
            // Sometimes more than one thing happens before the controllers see any of it, or one of them has seen it and others have not.
            const pause = choices.next().value ?? 0;
            if (pause > 3) await settle(store);
            else for (let turns = 0; turns < pause; turns++) await turn();
            store.modify(deployments, 'default', 'd', ({ metadata, ...rest }) => ({
              ...rest,
              metadata: { ...metadata, annotations: { steps: String(steps) } },
            }));
            if (steps === 3) change('three');
            const waiting = live(store).filter((pod) => !isReady(pod));
            const [pod] = waiting.slice((choices.next().value ?? 0) % Math.max(1, waiting.length));
            if (pod) makeReady(store, pod);
            else {
              await settle(store);
              if (live(store).length === replicas && live(store).every((one) => imageOf(one) === 'three' && isReady(one))) break;
            }
          }
          watch.close();
          control.close();
          expect(steps).toBeLessThan(300);
          expect(most).toBeLessThanOrEqual(replicas + maxSurge);
          expect(least).toBeGreaterThanOrEqual(Math.max(0, replicas - maxUnavailable));
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);
});
