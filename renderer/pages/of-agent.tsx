import type { ReactNode } from 'react';
import { Button } from '../parts/controls.tsx';
import { useAgentChoice } from '../state/agent-choice.ts';
import { useMomentTime } from '../state/moment.ts';
import { useNavigation } from '../state/navigation.ts';
import { useCurrentTestbed } from '../state/testbeds.ts';
import { useTime } from '../state/time.ts';
import type { AgentLife } from '../state/types.ts';
import { useWorld } from '../state/world.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';

const words = texts.ofAgent;

/** Agents that decide, outermost first. */
export function decidingAgents(agents: readonly AgentLife[]): AgentLife[] {
  const order = { continuum: 0, cluster: 1, node: 2 };
  return [...agents].sort((a, b) => order[a.layer] - order[b.layer] || a.agent.localeCompare(b.agent, 'en', { numeric: true }));
}

/** A page about one agent of a testbed that is up, as that is now; says what is missing otherwise. */
export function OfAgent({
  upFirst,
  asNow,
  children,
}: {
  /** What will be here once a testbed is up. */
  upFirst: string;
  /** While the time line shows the past: that this page does not, and where to look instead. */
  asNow: { title: string; help: string };
  children: (place: { testbed: string; agent: string; agents: string[] }) => ReactNode;
}) {
  const testbed = useCurrentTestbed();
  const topology = useWorld((state) => state.topology);
  const past = useMomentTime() !== null;
  const go = useNavigation((state) => state.go);
  const agents = decidingAgents(topology?.agents ?? []);
  const wanted = useAgentChoice((state) => state.agent);
  // The agents of clusters place components: that is what people come here for.
  const agent = agents.find((one) => one.agent === wanted) ?? agents.find(({ layer }) => layer === 'cluster') ?? agents[0];
  const isUp = testbed?.state === 'up' && !testbed.recording;
  if (isUp && !past && agent)
    return children({ testbed: testbed.name, agent: agent.agent, agents: agents.map((one) => one.agent) });
  const isPast = isUp && past;
  return (
    <main className="page">
      <div className="empty">
        <h1 data-testid={testIds.sentence}>{isPast ? asNow.title : isUp ? words.waiting : words.noneUp}</h1>
        <p>{isPast ? asNow.help : upFirst}</p>
        {isPast ? <Button onClick={() => useTime.getState().live()}>{words.backToLive}</Button> : null}
        {isUp ? null : <Button onClick={() => go('testbeds')}>{words.chooseTestbed}</Button>}
      </div>
    </main>
  );
}
