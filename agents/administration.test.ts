import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { Administration } from './administration.ts';
import { changeAnswerSchema, policiesAnswerSchema, policyListSchema, policyTrialSchema } from './bus/administration.ts';
import { MemoryBus } from './bus/memory.ts';
import { replySchema } from './bus/messages.ts';
import { subjects } from './bus/subjects.ts';
import { CommandsOfOthers } from './commands-of-others.ts';
import { agentConfigSchema, type Log } from './config.ts';
import { AutonomicLoop } from './loop/loop.ts';
import { memoryStateStore } from './loop/state.ts';
import { ManualClock } from './manual-clock.ts';
import { type Mechanism, MechanismError } from './mechanisms/mechanism.ts';
import { OnNodeMechanism } from './mechanisms/on-node.ts';
import { applyAll } from './mechanisms/steps.ts';
import type { Policy, PolicyFactory } from './policies/policy.ts';
import { PolicyFiles } from './policies/policy-files.ts';
import { PolicySet } from './policies/policy-set.ts';
import { TypeScriptPolicy } from './policies/typescript/typescript-policy.ts';
import { type AgentSettings, memorySettings, type SettingsStore } from './settings.ts';
import { SlidingWindow } from './telemetry/window.ts';
import { unifiedDiff } from './unified-diff.ts';

const log = () => {};
const config = agentConfigSchema.parse({ agent: 'node-w', layer: 'node', cluster: 'c', node: 'w' });
const settingsSchema = z.strictObject({ limit: z.number().default(1) });
const factory = (name: string): PolicyFactory<null> => ({
  name,
  summary: `Does ${name}`,
  settings: settingsSchema,
  create(settings) {
    settingsSchema.parse(settings);
    let learnt = 0;
    return {
      name,
      version: '1',
      learn: () => void learnt++,
      analyze: () => [],
      plan: () => undefined,
      state: () => learnt,
      restore: (state) => {
        learnt = Number(state);
      },
    };
  },
});

async function agent(
  store: SettingsStore = memorySettings(),
  makeFiles?: (onChange: (policies: Policy<null>[]) => void) => PolicyFiles<null>,
) {
  const bus = new MemoryBus();
  const clock = new ManualClock();
  const shipped = new PolicySet([factory('one'), factory('two')], undefined, ['one']);
  const loop = new AutonomicLoop<null>({
    agent: { id: config.agent, layer: 'node', cluster: 'c' },
    policies: shipped.policies,
    mechanisms: [],
    view: () => null,
    window: undefined as never,
    publish: async () => {},
    store: memoryStateStore(),
    clock,
    log,
  });
  const settings = await store.load();
  const files = makeFiles?.((policies) => administration.takeFiles(policies));
  const input = () => ({ view: null, window: new SlidingWindow(1000) });
  const administration: Administration<null> = new Administration({
    config,
    bus,
    clock,
    log,
    store,
    settings,
    shipped,
    loop,
    files,
    input,
  });
  const ask = (verb: string, value: unknown = {}) =>
    bus.request(subjects.request(config.agent, verb), z.json(), z.json().parse(value), replySchema, 20_000);
  const value = async (verb: string, request: unknown = {}) => {
    const reply = await ask(verb, request);
    if (!reply.ok) throw new Error(reply.error);
    return reply.value;
  };
  const deciding = async () => policiesAnswerSchema.parse(await value('policies')).policies.map(({ name }) => name);
  return { bus, clock, loop, administration, ask, value, deciding, shipped, files };
}

test('an agent says who it is, and takes another mode and other policies at once; all of it outlives a restart', async () => {
  const store = memorySettings();
  const first = await agent(store);
  expect(await first.value('ping')).toMatchObject({ agent: 'node-w', layer: 'node', node: 'w' });
  expect(await first.value('set-mode', { mode: 1 })).toEqual({ mode: 1, before: 1 });
  await first.loop.tick();
  await first.loop.tick();
  const change = changeAnswerSchema.parse(await first.value('set-policy', { name: 'one', settings: { limit: 5 } }));
  expect(change).toEqual({ changed: true, takesEffect: 'now', diff: '@@ -1,1 +1,3 @@\n-{}\n+{\n+  "limit": 5\n+}\n' });
  // Other settings are no reason to forget.
  expect(first.loop.policies[0]?.state?.()).toBe(2);
  await first.value('set-policy', { name: 'two', settings: {} });
  expect(await first.deciding()).toEqual(['one', 'two']);
  await first.value('delete-policy', { name: 'one' });
  expect(await first.deciding()).toEqual(['two']);

  const again = await agent(store);
  expect(again.administration.mode).toBe(1);
  expect(await again.deciding()).toEqual(['two']);
});

test('what does not fit changes nothing, and says why', async () => {
  const store = memorySettings();
  const { ask, deciding, loop } = await agent(store);
  const before = loop.policies;
  const refusals = [
    ['set-policy', { name: 'one', settings: { limit: 'much' } }, /expected number/],
    ['set-policy', { name: 'three', settings: {} }, /unknown policy "three"; known: one, two/],
    ['set-policy', { name: 'one' }, /either content or settings/],
    ['set-policy', { name: 'mine', content: 'x' }, /takes no policy files/],
    ['delete-policy', { name: 'two' }, /no policy "two" decides here/],
    ['set-config', { settings: { bus: { servers: ['nats://elsewhere'] } } }, /Unrecognized key.*bus/],
    ['set-config', { settings: { stateFolder: '/etc' } }, /Unrecognized key/],
    [
      'set-config',
      { settings: { telemetry: { otlp: { endpoint: 'http://x.y', headersFile: '/etc/shadow' } } } },
      /set on the host/,
    ],
    ['set-config', { settings: { telemetryMs: -1 } }, /expected number to be >0/],
  ] as const;
  for (const [verb, request, reason] of refusals) {
    const reply = await ask(verb, request);
    expect(reply, verb).toMatchObject({ ok: false, error: expect.stringMatching(reason) });
  }
  expect(await deciding()).toEqual(['one']);
  expect(loop.policies).toEqual(before);
  expect(await store.load()).toBeUndefined();
});

test('settings are laid over the config when the agent is next started, and given back', async () => {
  const store = memorySettings();
  const { value } = await agent(store);
  const change = changeAnswerSchema.parse(await value('set-config', { settings: { telemetryMs: 250 } }));
  expect(change).toMatchObject({ changed: true, takesEffect: 'restart' });
  expect((await store.load())?.config).toEqual({ telemetryMs: 250 });
  await value('delete-config', { names: ['telemetryMs'] });
  expect((await store.load())?.config).toEqual({});
});

test('two changes at the same time both stay', async () => {
  let kept: AgentSettings | undefined;
  const slow: SettingsStore = {
    load: async () => kept,
    save: async (settings) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      kept = settings;
    },
  };
  const { value } = await agent(slow);
  await Promise.all([value('set-mode', { mode: 1 }), value('set-policy', { name: 'two', settings: {} })]);
  expect(kept).toMatchObject({ mode: 1, policies: { two: {} } });
});

test('a policy file takes the place of another only once it was seen to load; each tells what it is, and what it would decide', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'administered-'));
  const source = (summary: string, kind = 'hour') =>
    `export const policy = { layer: 'node', summary: '${summary}', analyze() { console.log('looked'); return [{ kind: '${kind}', text: 'it is time' }]; }, plan: () => undefined };`;
  const layer = { layer: 'node' as const, forbids: () => undefined, commands: () => [] };
  const { value, ask, loop, files } = await agent(undefined, (onChange) => {
    const load = (file: string, log: Log) => TypeScriptPolicy.load(file, { ...layer, log });
    return new PolicyFiles<null>({ folder, load, onChange, log });
  });
  const put = (content: string) => ({ name: 'mine', language: 'typescript', content });
  const list = async () => policyListSchema.parse(await value('policy-list')).policies;
  try {
    expect(await value('set-policy', put(source('old')))).toMatchObject({ changed: true, takesEffect: 'now' });
    const refused = await ask('set-policy', put('const broken = {'));
    expect(refused).toMatchObject({ ok: false, error: expect.stringMatching(/^line 1: /) });
    expect(await value('policy-read', { name: 'mine' })).toMatchObject({
      kind: 'typescript',
      state: 'deciding',
      summary: 'old',
      source: source('old'),
    });
    expect(policyTrialSchema.parse(await value('policy-try', put(source('tried', 'trial'))))).toMatchObject({
      triggers: [{ kind: 'trial', text: 'it is time' }],
      decisions: [],
      log: ['looked'],
    });
    // Tried is not put.
    expect((await list()).map(({ name, state, summary }) => [name, state, summary])).toEqual([
      ['one', 'deciding', 'Does one'],
      ['two', 'off', 'Does two'],
      ['mine', 'deciding', 'old'],
    ]);
    expect(loop.policies.map(({ name }) => name)).toEqual(['one', 'mine']);
    expect(await value('policy-read', { name: 'one' })).toMatchObject({
      settings: {},
      settingsSchema: { properties: { limit: { type: 'number', default: 1 } } },
    });
    expect(await ask('set-policy', { name: 'one', language: 'typescript', content: source('x') })).toMatchObject({ ok: false });
    expect(await ask('set-policy', { name: '../one', content: 'new' }).catch(String)).toContain("policy's name");
    expect(await value('delete-policy', { name: 'mine' })).toMatchObject({ changed: true });
    expect(loop.policies.map(({ name }) => name)).toEqual(['one']);
  } finally {
    files?.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The knobs of a node, turned over the bus. */
function node() {
  const bus = new MemoryBus();
  const clock = new ManualClock();
  const position = { value: 'off' };
  let gate: Promise<void> = Promise.resolve();
  const knob: Mechanism = {
    name: 'knob',
    state: () => position.value,
    options: () => ['off', 'on'],
    touches: () => ['knob'],
    async apply(command, plan) {
      const wanted = z.enum(['off', 'on']).parse(command);
      const former = position.value;
      await gate;
      const turn = (to: string) => async (): Promise<void> => {
        position.value = to;
      };
      await plan.run('Turn', turn(wanted), { title: 'Turn back', run: turn(former) });
    },
  };
  const held = new Set<string>();
  const hold = (parts: string[]) => {
    if (parts.some((part) => held.has(part))) return undefined;
    for (const part of parts) held.add(part);
    return () => {
      for (const part of parts) held.delete(part);
    };
  };
  const others = new CommandsOfOthers({ config, bus, clock, log, mechanisms: [knob], hold });
  const onNode = new OnNodeMechanism(bus, (name) => (name === 'w' ? config.agent : undefined));
  const command = (value: unknown) => ({ mechanism: onNode, command: { node: 'w', mechanism: 'knob', command: value } });
  const options = { planId: 'p', clock, report: () => {} };
  const block = () => {
    let open = (): void => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  };
  return { bus, position, others, command, options, held, block };
}

test('a knob of a node is turned by a plan of another agent, and turned back when the plan fails elsewhere', async () => {
  const { position, command, options, held } = node();
  await applyAll([command('on')], options);
  expect(position.value).toBe('on');
  position.value = 'off';
  const breaks: Mechanism = {
    name: 'breaks',
    state: () => null,
    options: () => null,
    touches: () => [],
    apply: () => Promise.reject(new MechanismError('it slips')),
  };
  await expect(applyAll([command('on'), { mechanism: breaks, command: null }], options)).rejects.toThrow('it slips');
  expect(position.value).toBe('off');
  expect(held.size).toBe(0);
});

test('a command that the node refuses, that is for nobody, or that meets another plan changes nothing', async () => {
  const { position, command, options, held } = node();
  await expect(applyAll([command('sideways')], options)).rejects.toThrow(/Invalid option/);
  const elsewhere = { ...command('on'), command: { node: 'x', mechanism: 'knob', command: 'on' } };
  await expect(applyAll([elsewhere], options)).rejects.toThrow('the agent of x is not there');
  held.add('knob:knob');
  await expect(applyAll([command('on')], options)).rejects.toThrow('another plan is changing the same thing');
  expect(position.value).toBe('off');
});

test('a command that is taken back while it is carried out does not stay', async () => {
  const { bus, position, block } = node();
  const open = block();
  const ask = (verb: string, value: z.infer<ReturnType<typeof z.json>>) =>
    bus.request(subjects.request(config.agent, verb), z.json(), value, replySchema, 1000);
  const applied = ask('apply', { id: 'p/0', plan: 'p', mechanism: 'knob', command: 'on' });
  expect(await ask('undo', { id: 'p/0' })).toEqual({ ok: true, value: { undone: false } });
  open();
  expect(await applied).toMatchObject({ ok: false });
  expect(position.value).toBe('off');
});

test('a diff makes the one text of the other', () => {
  const lines = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
    .map((all) => all.map((line) => `${line}\n`).join(''));
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      expect(patched(before, unifiedDiff(before, after))).toBe(after);
    }),
    { numRuns: 500 },
  );
});

/** As patch(1) does it. */
function patched(before: string, diff: string): string {
  const old = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const result: string[] = [];
  let at = 0;
  for (const line of diff === '' ? [] : diff.replace(/\n$/, '').split('\n')) {
    const hunk = /^@@ -(\d+),(\d+) /.exec(line);
    if (hunk) {
      const start = Number(hunk[2]) === 0 ? Number(hunk[1]) : Number(hunk[1]) - 1;
      while (at < start) result.push(old[at++]!);
    } else if (line.startsWith('+')) result.push(line.slice(1));
    else {
      expect(old[at]).toBe(line.slice(1));
      if (line.startsWith(' ')) result.push(old[at]!);
      at++;
    }
  }
  result.push(...old.slice(at));
  return result.map((line) => `${line}\n`).join('');
}
