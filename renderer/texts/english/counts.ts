import { counted } from './words.ts';

/** Things with how many there are of them. */
export const counts = {
  application: (value: number) => counted(value, { one: 'application', other: 'applications' }),
  component: (value: number) => counted(value, { one: 'component', other: 'components' }),
  thing: (value: number) => counted(value, { one: 'thing', other: 'things' }),
  reason: (value: number) => counted(value, { one: 'reason', other: 'reasons' }),
  key: (value: number) => counted(value, { one: 'key', other: 'keys' }),
  step: (value: number) => counted(value, { one: 'step', other: 'steps' }),
  line: (value: number) => counted(value, { one: 'line', other: 'lines' }),
  port: (value: number) => counted(value, { one: 'port', other: 'ports' }),
  shell: (value: number) => counted(value, { one: 'shell', other: 'shells' }),
  host: (value: number) => counted(value, { one: 'host', other: 'hosts' }),
  knownKey: (value: number) => counted(value, { one: 'known key', other: 'known keys' }),
  change: (value: number) => counted(value, { one: 'change', other: 'changes' }),
  recording: (value: number) => counted(value, { one: 'recording', other: 'recordings' }),
  member: (value: number) => counted(value, { one: 'member', other: 'members' }),
  node: (value: number) => counted(value, { one: 'node', other: 'nodes' }),
  core: (value: number) => counted(value, { one: 'core', other: 'cores' }),
  agent: (value: number) => counted(value, { one: 'agent', other: 'agents' }),
  cluster: (value: number) => counted(value, { one: 'cluster', other: 'clusters' }),
  act: (value: number) => counted(value, { one: 'act', other: 'acts' }),
  nonAct: (value: number) => counted(value, { one: 'non-act', other: 'non-acts' }),
};
