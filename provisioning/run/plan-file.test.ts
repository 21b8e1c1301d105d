import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testbedSchema } from '../testbed/schema.ts';
import { makeCells } from './cells.ts';
import { choose, unmetNeeds } from './choice.ts';
import { driftBetween, refuseDrift } from './drift.ts';
import type { PlanValue } from './events.ts';
import { Failure } from './failure.ts';
import type { Phase, Step } from './phase.ts';
import { digestOfTestbed, readPlan, writePlan } from './plan-file.ts';

const plan: PlanValue = {
  version: 1,
  testbed: 'lab',
  testbedDigest: 'd',
  verb: 'up',
  chosen: { phases: ['one'], hosts: ['a', 'b'] },
  madeAt: 1,
  hosts: [
    { name: 'a', facts: { machine: 'm1', kernel: '6.1' } },
    { name: 'b', facts: { machine: 'm2', kernel: '6.1' } },
  ],
  phases: [{ id: 'one', title: 'One' }],
  steps: [
    { phase: 'one', host: 'a', step: 's', title: 'Do it', state: 'change', digest: '1' },
    { phase: 'one', host: 'b', step: 's', title: 'Do it', state: 'in-place', digest: '1' },
  ],
  warnings: [{ text: 'old' }],
};

describe('a plan in a file', () => {
  it('is read as it was written', () => {
    expect(readPlan(writePlan(plan))).toEqual(plan);
  });

  it('is refused in a sentence, whatever it is', () => {
    const refusal = (text: string): string => {
      try {
        readPlan(text);
      } catch (error) {
        if (error instanceof Failure && error.value.code === 'invalid-file') return error.message;
        throw error;
      }
      return '';
    };
    expect(refusal('{')).toMatch(/not JSON/);
    expect(refusal('{"version":2}')).toMatch(/version 2, and this app reads version 1/);
    expect(refusal(JSON.stringify({ ...plan, steps: [{ ...plan.steps[0], state: 'maybe' }] }))).toMatch(/steps\.0\.state/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(refusal(text)).toMatch(/this is no plan/);
      }),
    );
  });

  it('is of the testbed as a value: order does not count', () => {
    const hosts = [{ name: 'a', address: 'a', role: 'worker', cluster: 'c' }];
    const one = testbedSchema.parse({ name: 'lab', kind: 'hosts', hosts, clusters: {} });
    const other = testbedSchema.parse({ clusters: {}, hosts, kind: 'hosts', name: 'lab', preflight: {} });
    expect(digestOfTestbed(other)).toBe(digestOfTestbed(one));
    expect(digestOfTestbed({ ...one, applications: ['x'] })).not.toBe(digestOfTestbed(one));
  });
});

describe('drift', () => {
  it('is none when what was planned is found again, whenever and whatever was warned of', () => {
    expect(driftBetween(plan, { ...plan, madeAt: 2, warnings: [] })).toEqual([]);
  });

  it('names each difference', () => {
    const now: PlanValue = {
      ...plan,
      testbedDigest: 'e',
      hosts: [{ name: 'a', facts: { machine: 'm9', kernel: '6.1' } }],
      steps: [
        { ...plan.steps[0]!, state: 'in-place' },
        { phase: 'one', host: 'a', step: 'new', title: 'Do more', state: 'change' },
      ],
    };
    expect(driftBetween(plan, now)).toEqual([
      'the testbed file has changed',
      'a: machine was m1, now it is m9',
      'b could not be looked at',
      'a, one: "Do it" was to be done, now it is in place',
      'a, one: "Do more" is not in the plan',
    ]);
    expect(driftBetween(plan, { ...plan, verb: 'down' })).toEqual(['the plan is of "up", not of "down"']);
    expect(driftBetween(plan, { ...plan, steps: [plan.steps[1]!, { ...plan.steps[0]!, digest: '2' }] })).toEqual([
      'a, one: "Do it" would be done in another way',
    ]);
    expect(() => refuseDrift(plan, now)).toThrow(expect.objectContaining({ value: expect.objectContaining({ code: 'drift' }) }));
  });
});

describe('a part of a recipe', () => {
  const testbed = testbedSchema.parse({
    name: 'lab',
    kind: 'hosts',
    hosts: ['a', 'b'].map((name) => ({ name, address: name, role: 'worker', cluster: 'c' })),
    clusters: {},
  });
  const step = (id: string, observe = id): Step => ({ id, title: `Do ${id}`, observe, change: '' });
  const phase = (id: string, needs?: Phase['needs']): Phase => ({ id, title: id, steps: () => [], needs });
  const phases = [phase('one'), phase('two'), phase('three', () => [{ host: 'a', phase: 'two' }])];
  const refusal = (choice: Parameters<typeof choose>[3]) => () => choose(testbed, phases, 'up', choice);

  it('must be there', () => {
    expect(refusal({ only: ['on'] })).toThrow('there is no phase "on". Phases: one, two, three');
    expect(refusal({ skip: ['facts'] })).toThrow(/"facts" cannot be left out/);
    expect(refusal({ hosts: ['c'] })).toThrow('lab has no host "c". Hosts: a, b');
    expect(refusal({ hosts: [] })).toThrow(/no host is left/);
    expect(choose(testbed, phases, 'up', { only: ['preflight'] }).phases).toEqual([]);
    const {
      phases: chosen,
      hosts,
      others,
    } = choose(testbed, phases, 'up', { only: ['three', 'one'], skip: ['one'], hosts: ['b'] });
    expect([chosen.map(({ id }) => id), hosts.map(({ name }) => name), others.map(({ name }) => name)]).toEqual([
      ['three'],
      ['b'],
      ['a'],
    ]);
    expect(choose(testbed, phases, 'down', { hosts: ['b'] }).others).toEqual([]);
  });

  it('names what it needs that is left out and not in place', () => {
    const cells = makeCells(phases, testbed, new Map());
    const observed = (host: string, done: string[]) =>
      [
        host,
        phases.map((of) => ({
          phase: of,
          steps: [step(of.id), step('ever', 'false')],
          inPlace: new Map(done.map((id) => [id, true])),
        })),
      ] as const;
    const unmet = (choice: Parameters<typeof choose>[3], ...seen: (readonly [string, ReturnType<typeof observed>[1]])[]) =>
      unmetNeeds(cells, choose(testbed, phases, 'up', choice), new Map(seen)).map((failure) => failure.message);
    const all = [observed('a', ['one', 'two']), observed('b', ['one'])] as const;
    expect(unmet({}, ...all)).toEqual([]);
    expect(unmet({ only: ['two'] }, ...all)).toEqual([]);
    expect(unmet({ skip: ['one'] }, observed('a', ['one']), observed('b', []))).toEqual([
      'b, two: it needs the phase one, which is left out and not in place (Do one). Carry out one too, or first',
    ]);
    expect(unmet({ only: ['three'], hosts: ['b'] }, ...all)).toEqual([]);
    expect(unmet({ only: ['three'], hosts: ['b'] }, observed('b', []))).toEqual([
      expect.stringContaining(
        'b, three: it needs the phase two on a, which is left out and not in place (the host could not be looked at)',
      ),
    ]);
  });
});
