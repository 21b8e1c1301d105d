import { useRef, useState } from 'react';
import type { EventOf } from '../../main/contract/contract.ts';
import { Button } from '../parts/controls.tsx';
import { formatClock } from '../parts/format.ts';
import { shownError } from '../state/connection.ts';
import type { AgentLife, TestbedSummary } from '../state/types.ts';
import { useStream } from '../state/use-stream.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';

const words = texts.topology;
type Line = EventOf<'agents.logs'>[number];

/** Lines shown: what fits into a glance; the rest is the command's. */
const mostLines = 200;

/** Where an agent runs: node agents on their nodes, those above on control planes; null for one that stands by on a worker and does not say where. */
export function hostOf({ agent, layer, cluster, node }: AgentLife, { hosts }: Pick<TestbedSummary, 'hosts'>): string | null {
  if (node) return node;
  if (agent.startsWith('standby-')) return null;
  const found =
    layer === 'continuum'
      ? hosts.find(({ role }) => role === 'management')
      : hosts.find((host) => host.cluster === cluster && host.role !== 'worker');
  return found?.name ?? null;
}

/** What an agent says, on demand: nothing is asked of its host before. */
export function AgentLog({ testbed, agent }: { testbed: TestbedSummary; agent: AgentLife }) {
  const [open, setOpen] = useState(false);
  const host = hostOf(agent, testbed);
  if (host === null || testbed.recording !== null) return null;
  return (
    <>
      <Button
        kind="ghost"
        icon="terminals"
        aria-expanded={open}
        data-testid={testIds.agentLog(agent.agent)}
        onClick={() => setOpen(!open)}
      >
        {open ? words.hideItsLog : words.showItsLog}
      </Button>
      {open ? <Lines testbed={testbed.name} host={host} layer={agent.layer} name={agent.agent} /> : null}
    </>
  );
}

function Lines({ testbed, host, layer, name }: { testbed: string; host: string; layer: AgentLife['layer']; name: string }) {
  const [lines, setLines] = useState<(Line & { id: number })[]>([]);
  const count = useRef(0);
  const [problem, setProblem] = useState<string | null>(null);
  useStream(
    'agents.logs',
    { testbed, host, layer, follow: true, lines: mostLines },
    (more) => {
      const named = more.map((line) => ({ ...line, id: count.current++ }));
      setLines((before) => [...named.reverse(), ...before].slice(0, mostLines));
    },
    {
      // It tells what there is each time it is opened.
      onOpen: () => setLines([]),
      onEnd: (error) => setProblem(error ? shownError(error).message : null),
    },
  );
  return (
    <div
      className="agent-log"
      role="log"
      aria-label={words.logOf(name)}
      aria-live="off"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
      tabIndex={0}
      data-testid={testIds.agentLogLines}
    >
      {problem ? <p className="bad-text">{problem}</p> : null}
      {lines.length === 0 && !problem ? <p className="secondary">{words.itHasSaidNothing}</p> : null}
      {lines.map(({ id, time, level, text, details }) => (
        <p key={id} className={level === 'error' ? 'bad-text' : level === 'warn' ? 'warn-text' : ''}>
          <span className="muted">{formatClock(time)}</span> {text}
          {Object.entries(details).map(([key, value]) => (
            <span key={key} className="muted">
              {` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`}
            </span>
          ))}
        </p>
      ))}
    </div>
  );
}
