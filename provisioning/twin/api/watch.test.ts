import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { ManualClock } from '../../../agents/manual-clock.ts';
import { nameOf, ObjectStore } from './store.ts';
import type { Call } from './verbs.ts';
import { streamWatch } from './watch.ts';

afterEach(() => vi.useRealTimers());

test('a change after the end of a watch and before its connection closes is written nowhere', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const clock = new ManualClock();
  const store = new ObjectStore(clock);
  store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  const resource = store.resources().find((one) => nameOf(one) === 'configmaps')!;
  const call: Call = {
    target: { namespace: 'default' } as Call['target'],
    resource,
    query: new URLSearchParams({ watch: 'true', timeoutSeconds: '240', resourceVersion: String(store.version) }),
    body: null,
    contentType: '',
  };
  // Without a connection it is never closed.
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const failed: Error[] = [];
  response.on('error', (error) => failed.push(error));
  const write = vi.spyOn(response, 'write');
  streamWatch(store, call, response, clock, false);
  const change = (name: string) =>
    store.create('configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });
  change('before');
  expect(write).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(240_000);
  expect(response.writableEnded).toBe(true);
  change('after');
  await new Promise((resolve) => setImmediate(resolve));
  expect(write).toHaveBeenCalledTimes(1);
  expect(failed).toEqual([]);
});
