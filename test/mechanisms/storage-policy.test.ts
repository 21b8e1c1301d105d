import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { applicationSchema } from '../../agents/descriptions/application.ts';
import { ManualClock } from '../../agents/manual-clock.ts';
import { applyAll } from '../../agents/mechanisms/steps.ts';
import { StoragePolicyMechanism } from '../../agents/mechanisms/storage-policy.ts';
import { ObjectStorage, objectStorageConfigSchema } from '../../agents/storage/object-storage.ts';
import { S3Double } from '../doubles/s3/s3.ts';

const credentials = { accessKeyId: 'someone', secretAccessKey: 'a secret' };
const folder = mkdtempSync(join(tmpdir(), 'mls-s3-'));
const credentialsFile = join(folder, 'credentials.json');
const s3 = await S3Double.start(credentials);
const clock = new ManualClock();
afterAll(() => {
  s3.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  s3.buckets.clear();
  s3.changes.length = 0;
  s3.refused.clear();
  writeFileSync(credentialsFile, JSON.stringify(credentials));
});

const description = applicationSchema.parse({
  name: 'camera',
  components: [
    {
      metadata: { name: 'ingest' },
      storage: {
        buckets: [
          {
            bucket_id: 'frames',
            policy_update_token: 't',
            location_restrictions: { gdpr: true },
            reduncancy: 'one',
            server_side_encryption: true,
          },
          { bucket_id: 'free', policy_update_token: 't' },
          { bucket_id: 'fixed' },
        ],
      },
    },
  ],
});
const config = objectStorageConfigSchema.parse({
  endpoint: s3.endpoint,
  credentialsFile,
  locations: [{ name: 'eu-south', gdpr: true }, { name: 'eu-north', gdpr: true }, { name: 'us-east-1' }],
});
const storage = new ObjectStorage(config, { fetch, now: Date.now });
const made = () => new StoragePolicyMechanism({ storage, config, applications: () => [{ uid: 'u', description }], clock });
const apply = (command: object, mechanism = made()) =>
  applyAll([{ mechanism, command: { name: 'camera', component: 'ingest', ...command } }], {
    planId: 'p',
    clock,
    report: () => {},
  });

test('a bucket is made where it is told to be, encrypted and copied as told, and all of it is taken back', async () => {
  const mechanism = made();
  const done = await apply({ bucket: 'frames', location: 'eu-south', redundancy: 'one', encryption: true }, mechanism);
  expect(mechanism.state()).toEqual([
    { application: 'camera', component: 'ingest', bucket: 'frames', location: 'eu-south', redundancy: 'one', encrypted: true },
    { application: 'camera', component: 'ingest', bucket: 'free', location: null, redundancy: 'none', encrypted: false },
    { application: 'camera', component: 'ingest', bucket: 'fixed', location: null, redundancy: 'none', encrypted: false },
  ]);
  expect(s3.buckets.get('frames-in-eu-north')).toMatchObject({ location: 'eu-north', isVersioned: true });
  await done.undo();
  expect([...s3.buckets.keys()]).toEqual([]);
});

test('options tell what a description leaves open; less than it asks for is refused, and so is a bucket without a token', async () => {
  expect(made().options()).toMatchObject([
    { bucket: 'frames', permitted: true, locations: ['eu-south', 'eu-north'], redundancy: ['one'], encryption: [true] },
    { bucket: 'free', permitted: true, locations: ['eu-south', 'eu-north', 'us-east-1'], redundancy: ['none', 'one', 'high'] },
    { bucket: 'fixed', permitted: false },
  ]);
  const frames = { bucket: 'frames', location: 'eu-south', redundancy: 'one', encryption: true };
  await expect(apply({ ...frames, location: 'us-east-1' })).rejects.toThrow('the GDPR does not hold in us-east-1');
  await expect(apply({ ...frames, location: 'moon' })).rejects.toThrow('the storage has no location moon; there are eu-south');
  await expect(apply({ ...frames, redundancy: 'none' })).rejects.toThrow('described with the redundancy one');
  await expect(apply({ ...frames, redundancy: 'high' })).rejects.toThrow('takes 2 other locations; there are 1');
  await expect(apply({ ...frames, encryption: false })).rejects.toThrow('frames is described as encrypted');
  await expect(apply({ bucket: 'free', redundancy: 'none' })).rejects.toThrow('there is no bucket free; name a location');
  await expect(apply({ bucket: 'fixed', location: 'eu-south' })).rejects.toThrow('without a policy_update_token');
  await expect(apply({ bucket: 'other', location: 'eu-south' })).rejects.toThrow('described with no bucket other');
  expect(s3.changes).toEqual([]);
});

test('an empty bucket goes elsewhere; one that holds something stays, and says why', async () => {
  await apply({ bucket: 'free', location: 'us-east-1', encryption: true });
  await apply({ bucket: 'free', location: 'eu-north' });
  expect(s3.buckets.get('free')).toMatchObject({ location: 'eu-north', encryption: expect.stringContaining('AES256') });
  s3.buckets.get('free')!.objects = 1;
  await expect(apply({ bucket: 'free', location: 'eu-south' })).rejects.toThrow('free is in eu-north and not empty');
  // Elsewhere is made again by what is left of the plan, when a later step fails.
  s3.buckets.get('free')!.objects = 0;
  s3.refused.add('PUT free?replication');
  await expect(apply({ bucket: 'free', location: 'eu-south', redundancy: 'high' })).rejects.toThrow('SlowDown');
  expect([...s3.buckets]).toMatchObject([['free', { location: 'eu-north', encryption: expect.stringContaining('AES256') }]]);
});

test('a service that refuses the key, or is not there, is told in words without the key', async () => {
  writeFileSync(credentialsFile, JSON.stringify({ ...credentials, secretAccessKey: 'another' }));
  await expect(apply({ bucket: 'free', location: 'eu-south' })).rejects.toThrow('SignatureDoesNotMatch');
  writeFileSync(credentialsFile, 'a secret');
  await expect(apply({ bucket: 'free', location: 'eu-south' })).rejects.toThrow('the credentials file is no such JSON');
  const mechanism = made();
  mechanism.state();
  await expect.poll(() => mechanism.state()).toMatchObject({ problem: expect.stringContaining('credentials file') });
});
