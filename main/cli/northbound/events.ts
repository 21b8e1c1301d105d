import { type Command, InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import { isAct } from '../../../agents/decision/record.ts';
import { NorthboundError } from '../../../agents/northbound/client.ts';
import { type EventKind, eventKindSchema, type NorthboundEvent } from '../../../agents/northbound/endpoints/events.ts';
import { print } from '../output.ts';
import { type ApiOptions, apiCommand, apiHelp, type WithApi } from './reach.ts';

const againMs = 1000;

/** `mlsysops-cli events`: what happens, as it happens. */
export function addEventsCommand(program: Command, withApi: WithApi): void {
  apiCommand(program, 'events', 'Decisions, changes of applications, and agents that come and go, as they happen; until Ctrl-C')
    .option('--kinds <kinds>', `of ${eventKindSchema.options.join(', ')}`, kindsOf)
    .addHelpText('after', apiHelp)
    .action((options: ApiOptions & { kinds?: EventKind[] }) =>
      withApi(options, async (api) => {
        const over = new AbortController();
        const stop = () => over.abort();
        process.once('SIGINT', stop);
        let last: string | undefined;
        try {
          while (!over.signal.aborted) {
            try {
              for await (const { id, event } of api.events(options.kinds, over.signal, last)) {
                last = id;
                print(options.json ? JSON.stringify(event) : line(event));
              }
            } catch (error) {
              // A connection that was lost goes on where it was; one that never stood is told.
              if (over.signal.aborted || last === undefined || !(error instanceof NorthboundError) || error.status !== 0)
                throw error;
              process.stderr.write(`${error.message}; trying again\n`);
            }
            if (!over.signal.aborted) await new Promise((resolve) => setTimeout(resolve, againMs));
          }
          return 0;
        } catch (error) {
          if (over.signal.aborted) return 0;
          throw error;
        } finally {
          process.off('SIGINT', stop);
        }
      }),
    );
}

const at = (time: number): string => new Date(time).toLocaleTimeString('en-GB');

function line(event: NorthboundEvent): string {
  switch (event.kind) {
    case 'decision': {
      const { time, agent, sentence } = event.decision;
      return `${at(time)}  ${isAct(event.decision) ? '▲' : '○'} ${agent.id}: ${sentence}`;
    }
    case 'application': {
      const { time, application, cluster, state } = event.application;
      return `${at(time)}  ${application} on ${cluster} is ${state}`;
    }
    case 'agent': {
      const { lastHeartbeat, agent, alive, role } = event.agent;
      return `${at(lastHeartbeat)}  ${agent} is ${alive ? (role ?? 'alive') : 'SILENT'}`;
    }
    case 'gap':
      return `(something is missing here: ${event.reason})`;
  }
}

function kindsOf(text: string): z.infer<typeof eventKindSchema>[] {
  return text.split(',').map((word) => {
    const kind = eventKindSchema.safeParse(word.trim());
    if (!kind.success) throw new InvalidArgumentError(`there are ${eventKindSchema.options.join(', ')}`);
    return kind.data;
  });
}
