import { describe, expect, it } from 'vitest';
import { Failure } from '../../run/failure.ts';
import { contextDouble, exampleFacts, exampleTestbed } from '../support/context-double.ts';
import { addressStep } from './address.ts';

describe('the address that Karmada is told of', () => {
  /** A management host with a wired and a wireless address; `reach` says which of them a member's control plane reaches. */
  const proof = async (reach: string[]) => {
    const context = contextDouble(exampleTestbed(), '/nowhere', () => `${reach.join('\n')}\n`);
    const host = context.testbed.hosts[0]!;
    context.facts.set(host.name, exampleFacts(host, { addresses: ['127.0.0.1', `${host.address}/24`, '192.168.7.2/24'] }));
    const { change } = addressStep(host, context);
    if (typeof change === 'string') throw new Error('the proof needs other hosts');
    return { result: await change().catch((error: unknown) => error), executed: context.executed };
  };

  it('is good when the members reach it', async () => {
    const { result, executed } = await proof(['10.77.0.10']);
    expect(result).toBe(':');
    expect(executed.map(({ host }) => host)).toEqual(['master-1']);
    expect(executed[0]?.script).toContain('https://10.77.0.10:6443/readyz');
  });

  it('is refused otherwise, naming one that would do', async () => {
    const { result } = await proof(['192.168.7.2']);
    expect(result).toBeInstanceOf(Failure);
    expect((result as Failure).value).toMatchObject({
      cause: expect.stringContaining('master-1 cannot reach management at 10.77.0.10'),
      remedy: expect.stringContaining('reach it at 192.168.7.2'),
    });
    expect(((await proof([])).result as Failure).value.remedy).toMatch(/Open the way between management and master-1/);
  });
});
