import { useCallback, useEffect, useState } from 'react';
import { Button, ErrorNote, Select } from '../../parts/controls.tsx';
import { State } from '../../parts/glyphs.tsx';
import { askForModel, chooseAgent, useAgentChoice } from '../../state/agent-choice.ts';
import { currentClient, type ShownError, shownError, useConnection } from '../../state/connection.ts';
import { useNow } from '../../state/visible.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { OfAgent } from '../of-agent.tsx';
import { ModelDetail } from './model-detail.tsx';
import { type ModelList, modelStates, modelsSentence, modelTitle } from './model-facts.ts';

const words = texts.models;

/** Models learn with every reading; registered ones are each asked when they are listed. */
const lookAgainMs = 10_000;

/** What predicts for an agent's decisions: what it has learnt, how well, and what came of decisions by it. */
export function ModelsPage() {
  return (
    <OfAgent upFirst={words.upFirst} asNow={{ title: words.asNow, help: words.pastHelp }}>
      {(place) => <ModelsOf key={`${place.testbed} ${place.agent}`} {...place} />}
    </OfAgent>
  );
}

function ModelsOf({ testbed, agent, agents }: { testbed: string; agent: string; agents: readonly string[] }) {
  const [list, setList] = useState<ModelList | null>(null);
  const [error, setError] = useState<ShownError | null>(null);
  const connected = useConnection(({ state }) => state === 'connected');
  const chosen = useAgentChoice((state) => state.model);
  const tick = useNow(lookAgainMs);
  const look = useCallback(async () => {
    try {
      setList(await currentClient().call('models.list', { testbed, agent }));
      setError(null);
    } catch (reason) {
      setError(shownError(reason));
    }
  }, [testbed, agent]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each tick is a reason to look again
  useEffect(() => {
    if (connected) void look();
  }, [look, connected, tick]);
  const models = list?.models ?? [];
  const shown = models.find(({ id }) => id === chosen) ?? models.find(({ state }) => state === 'predicting') ?? models[0];
  return (
    <main className="page applications-page">
      <div className="toolbar">
        <h1>{words.title}</h1>
        <Select
          label={words.agent}
          value={agent}
          options={agents.map((name) => ({ value: name, label: name }))}
          onChange={chooseAgent}
        />
        <span className="body secondary ellipsis" data-testid={testIds.sentence}>
          {list ? modelsSentence(agent, list) : ''}
        </span>
        <span className="spacer" />
        <Button icon="refresh" data-testid={testIds.lookAgain} onClick={look}>
          {words.lookAgain}
        </Button>
      </div>
      <div className="applications-body">
        <ul className="application-list" aria-label={words.list}>
          {models.map((model) => (
            <li key={model.id}>
              <button
                type="button"
                className="two-lines"
                aria-pressed={shown?.id === model.id}
                title={model.name}
                data-testid={testIds.model(model.id)}
                data-state={model.state}
                onClick={() => askForModel(agent, model.id)}
              >
                <State name={modelStates[model.state].glyph} size={14} />
                <span className="grows">
                  <span className="label ellipsis">{modelTitle(model)}</span>
                  <span className="caption muted ellipsis">{model.policy ?? model.kind}</span>
                </span>
                <span className="caption muted">{words.stateWord(model.state)}</span>
              </button>
            </li>
          ))}
        </ul>
        <div className="application-detail">
          <ErrorNote error={error} />
          {shown ? <ModelDetail key={shown.id} model={shown} agent={agent} /> : null}
          {list && models.length === 0 ? (
            <div className="empty">
              <h1>{words.noneYet.title}</h1>
              <p>{words.noneYet.text}</p>
            </div>
          ) : null}
        </div>
      </div>
    </main>
  );
}
