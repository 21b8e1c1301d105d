import { expect, test } from 'vitest';
import { testbedSchema } from '../../provisioning/testbed/schema.ts';
import { checkActionSchema } from '../contract/system.ts';
import { describeNode, readLog } from './typed-commands.ts';

const testbed = testbedSchema.parse({
  ...{ name: 'lab', kind: 'twin' },
  hosts: [
    { name: 'hub', address: '10.0.0.1', role: 'management', cluster: 'management' },
    { name: 'm-1', address: '10.0.0.2', role: 'master', cluster: 'cluster1' },
  ],
});
const hostile = ['w1\rcurl evil', 'w1\nid', 'w1; id', '$(id)', "w1' id", '-h', '', '\u0003w1', 'w1\u001b[A'];

test('commands name what they are about', () => {
  expect(describeNode('worker-1.lab')).toBe('kubectl describe node worker-1.lab');
  const log = (agent: object) => readLog(testbed, { agent: 'a', layer: 'cluster', cluster: 'cluster1', ...agent });
  expect(log({})).toBe('mlsysops-cli agents logs lab m-1 --layer cluster');
  expect(log({ layer: 'continuum' })).toBe('mlsysops-cli agents logs lab hub --layer continuum');
  expect(log({ layer: 'node', node: 'w1' })).toBe('mlsysops-cli agents logs lab w1 --layer node');
});

test.each(hostile)('a name that would act in a shell is typed into none: %j', (name) => {
  expect(describeNode(name)).toBeUndefined();
  expect(readLog(testbed, { agent: 'a', layer: 'node', cluster: 'cluster1', node: name })).toBeUndefined();
});

test('no command with a control character passes the contract', () => {
  const action = (command: string) => checkActionSchema.safeParse({ kind: 'shell', host: 'local', command }).success;
  expect(action('kubectl get nodes')).toBe(true);
  for (const command of ['id\r', 'id\n', '\u0003', '\u001b[A']) expect(action(command)).toBe(false);
});
