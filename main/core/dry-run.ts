import { runDryRun } from '../../provisioning/twin/dry-run/client.ts';
import type { DryRunProgress } from '../../provisioning/twin/dry-run/result.ts';
import { ContractError, type EventOf, type ParsedInputOf } from '../contract/contract.ts';
import { Mailbox } from './mailbox.ts';
import { type PresentSources, takePresent } from './present.ts';

/** Each takes a core for as long as it goes on. */
const mostAtOnce = 2;
let underWay = 0;

/** Simulates what would come of a changed policy; see `policies.dryRun` of the contract. @throws ContractError; DryRunError */
export async function dryRunPolicy(
  sources: PresentSources,
  program: string,
  { agent, policy, minutes, seed }: ParsedInputOf<'policies.dryRun'>,
  emit: (event: EventOf<'policies.dryRun'>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (underWay >= mostAtOnce)
    throw new ContractError('busy', 'Two dry runs are under way already.', 'Wait for one to end, or cancel it.');
  underWay++;
  try {
    const present = await takePresent(sources, agent);
    const components = present.applications.reduce((sum, one) => sum + Object.keys(one.components).length, 0);
    const readings = present.past.reduce((sum, one) => sum + one.times.length, 0);
    await emit({ type: 'present', nodes: present.nodes.length, components, readings });
    const progress = new Mailbox<DryRunProgress>(1);
    const ended = new AbortController();
    const telling = (async () => {
      for (let news = await progress.take(ended.signal); news; news = await progress.take(ended.signal))
        await emit({ type: 'progress', ...news.at(-1)! });
    })();
    try {
      const change = { agent, policy };
      const result = await runDryRun({
        program,
        present,
        change,
        minutes,
        seed,
        signal,
        onProgress: (one) => progress.push(one),
      });
      ended.abort();
      await telling;
      await emit({ type: 'done', result });
    } finally {
      ended.abort();
    }
  } catch (error) {
    // Whoever closed the stream does not wait for an answer.
    if (!signal.aborted) throw error;
  } finally {
    underWay--;
  }
}
