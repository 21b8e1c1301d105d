import { afterEach, expect, test } from 'vitest';
import type { ClientFrame } from '../../../main/contract/wire.ts';
import { currentClient, useConnection } from '../connection.ts';
import { listenForPorts } from './message-port.ts';

const open: MessagePort[] = [];
afterEach(() => {
  for (const port of open.splice(0)) port.close();
  useConnection.setState({ state: 'connecting', client: null });
});

/** A window is an event target here; a message carries its source and ports as the browser's does. */
function post(target: EventTarget, source: unknown, data: unknown, port: MessagePort): void {
  open.push(port);
  target.dispatchEvent(Object.assign(new Event('message'), { source, data, ports: [port] }));
}

test('the port that the window posts to itself carries calls', async () => {
  const target = new EventTarget();
  listenForPorts(target as Window);
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = ({ data }: { data: ClientFrame }) =>
    port2.postMessage({ type: 'answer', id: data.id, output: data.type === 'call' && data.name === 'testbeds.list' ? [] : {} });
  open.push(port2);
  post(target, target, { type: 'mlsysops-port' }, port1);
  expect(useConnection.getState().state).toBe('connected');
  await expect(currentClient().call('testbeds.list', {})).resolves.toEqual([]);
});

test('a port from anywhere else is not taken', () => {
  const target = new EventTarget();
  listenForPorts(target as Window);
  post(target, new EventTarget(), { type: 'mlsysops-port' }, new MessageChannel().port1);
  post(target, target, { type: 'something-else' }, new MessageChannel().port1);
  post(target, target, 'mlsysops-port', new MessageChannel().port1);
  expect(useConnection.getState().client).toBeNull();
});
