import { useCallback, useEffect, useState } from 'react';
import type { OutputOf } from '../../../main/contract/contract.ts';
import { Button, ErrorNote, Select } from '../../parts/controls.tsx';
import { State } from '../../parts/glyphs.tsx';
import { askForPolicy, chooseAgent, useAgentChoice } from '../../state/agent-choice.ts';
import { currentClient, type ShownError, shownError } from '../../state/connection.ts';
import { testIds } from '../../test-ids.ts';
import { OfAgent } from '../of-agent.tsx';
import { FileForm, type NewPolicy, PolicyDetailView } from './policy-detail.tsx';
import { kindNames, type PolicyList, policiesSentence, policyStates } from './policy-words.ts';

/** Which policies an agent decides by: read, written, tried on the present situation, and put live. */
export function PoliciesPage() {
  return (
    <OfAgent
      upFirst="The policies of each agent stand here, with what they decide and how to change them, once its testbed is up."
      asNow={{
        title: 'Policies are as they are now',
        help: 'The time line shows a moment of the past. Which policy took a decision then stands with the decision.',
      }}
    >
      {(place) => <PoliciesOf key={`${place.testbed} ${place.agent}`} {...place} />}
    </OfAgent>
  );
}

function PoliciesOf({ testbed, agent, agents }: { testbed: string; agent: string; agents: readonly string[] }) {
  const [list, setList] = useState<PolicyList | null>(null);
  const [templates, setTemplates] = useState<OutputOf<'policies.templates'>>([]);
  const [error, setError] = useState<ShownError | null>(null);
  const chosen = useAgentChoice((state) => state.policy);
  const setChosen = (name: string | null) => askForPolicy(agent, name);
  const [draft, setDraft] = useState<NewPolicy | null>(null);
  const read = useCallback(() => {
    currentClient()
      .call('policies.list', { testbed, agent })
      .then(
        (known) => {
          setList(known);
          setError(null);
        },
        (reason: unknown) => setError(shownError(reason)),
      );
  }, [testbed, agent]);
  useEffect(read, [read]);
  useEffect(() => {
    currentClient()
      .call('policies.templates', {})
      .then(setTemplates, (reason: unknown) => setError(shownError(reason)));
  }, []);
  const policies = list?.policies ?? [];
  const shown = draft
    ? null
    : (policies.find(({ name }) => name === chosen) ?? policies.find(({ state }) => state !== 'off') ?? policies[0]);
  const begin = () => {
    const template = templates[0];
    setDraft(
      template
        ? { ...template, name: freeName(template.name, policies) }
        : { name: freeName('mine', policies), language: 'typescript', content: '' },
    );
  };
  return (
    <main className="page applications-page">
      <div className="toolbar">
        <h1>Policies</h1>
        <Select
          label="Agent"
          value={agent}
          options={agents.map((name) => ({ value: name, label: name }))}
          onChange={chooseAgent}
        />
        <span className="body secondary ellipsis" data-testid={testIds.sentence}>
          {list ? policiesSentence(agent, list) : ''}
        </span>
        <span className="spacer" />
        {list ? (
          <Select
            label="Decides by"
            value={String(list.mode)}
            options={[
              { value: '0', label: 'Heuristics' },
              { value: '1', label: 'Learnt models' },
            ]}
            onChange={(mode) =>
              currentClient()
                .call('policies.setMode', { testbed, agent, mode: mode === '1' ? 1 : 0 })
                .then(read, (reason: unknown) => setError(shownError(reason)))
            }
          />
        ) : null}
        <Button
          icon="plus"
          data-testid={testIds.newPolicy}
          disabled={list?.takesFiles !== true}
          title={list?.takesFiles === false ? 'This agent takes no policy files' : 'A policy of your own, as a file'}
          onClick={begin}
        >
          New policy
        </Button>
      </div>
      <div className="applications-body">
        <ul className="application-list" aria-label="Policies">
          {draft ? (
            <li>
              <button type="button" aria-pressed="true">
                <State name="wait" size={14} />
                <span className="label ellipsis">{draft.name}</span>
                <span className="muted">new</span>
              </button>
            </li>
          ) : null}
          {policies.map(({ name, state, kind }) => (
            <li key={name}>
              <button
                type="button"
                aria-pressed={shown?.name === name}
                title={policyStates[state].meaning}
                data-testid={testIds.policy(name)}
                data-state={state}
                onClick={() => {
                  setDraft(null);
                  setChosen(name);
                }}
              >
                <State name={policyStates[state].glyph} size={14} />
                <span className="label ellipsis">{name}</span>
                <span className="muted">{state === 'off' ? 'off' : kindNames[kind]}</span>
              </button>
            </li>
          ))}
        </ul>
        <div className="application-detail">
          <ErrorNote error={error} />
          {draft ? (
            <>
              <NewPolicyHead draft={draft} templates={templates} taken={policies.map(({ name }) => name)} onChange={setDraft} />
              <FileForm
                key={`${draft.language} ${draft.content.length}`}
                testbed={testbed}
                agent={agent}
                name={draft.name}
                language={draft.language}
                source={draft.content}
                live={null}
                told={null}
                onChanged={() => {
                  setChosen(draft.name);
                  setDraft(null);
                  read();
                }}
              />
            </>
          ) : shown ? (
            <PolicyDetailView
              key={shown.name}
              testbed={testbed}
              agent={agent}
              name={shown.name}
              onChanged={(name) => {
                setChosen(name);
                read();
              }}
            />
          ) : null}
        </div>
      </div>
    </main>
  );
}

function NewPolicyHead({
  draft,
  templates,
  taken,
  onChange,
}: {
  draft: NewPolicy;
  templates: OutputOf<'policies.templates'>;
  taken: readonly string[];
  onChange: (draft: NewPolicy) => void;
}) {
  const isTaken = taken.includes(draft.name);
  return (
    <section className="card" aria-label="New policy">
      <header className="tall">
        <h2>New policy</h2>
        <label className="row gap-6 secondary">
          Name
          <input
            className="field"
            value={draft.name}
            aria-invalid={isTaken}
            onChange={(event) => onChange({ ...draft, name: event.target.value.replaceAll(/[^A-Za-z0-9_-]/g, '-') })}
          />
        </label>
        {isTaken ? <span className="bad-text caption">There is one by that name.</span> : null}
        <span className="spacer" />
        <Select
          label="Language"
          value={draft.language}
          options={[
            { value: 'typescript', label: 'TypeScript' },
            { value: 'python', label: 'Python' },
          ]}
          onChange={(language) => {
            const template = templates.find((one) => one.language === language);
            onChange({ ...draft, language, content: template?.content ?? (language === 'python' ? pythonBlank : '') });
          }}
        />
      </header>
    </section>
  );
}

/** The three functions that the framework's policies have. */
const pythonBlank = `def initialize():
    return {"telemetry": {"metrics": [], "system_scrape_interval": "1s"}, "mechanisms": ["fluidity"],
            "packages": [], "configuration": {"analyze_interval": "10s"}, "scope": "application", "core": False}


async def analyze(context, application_description, system_description, mechanisms, telemetry, ml_connector):
    return False, context


async def plan(context, application_description, system_description, mechanisms, telemetry, ml_connector):
    return {}, context
`;

function freeName(stem: string, policies: readonly { name: string }[]): string {
  let name = stem;
  for (let index = 2; policies.some((one) => one.name === name); index++) name = `${stem}-${index}`;
  return name;
}
