import { useCallback, useEffect, useState } from 'react';
import type { OutputOf } from '../../../main/contract/contract.ts';
import { Button, ErrorNote, Select } from '../../parts/controls.tsx';
import { State } from '../../parts/glyphs.tsx';
import { askForPolicy, chooseAgent, useAgentChoice } from '../../state/agent-choice.ts';
import { currentClient, type ShownError, shownError } from '../../state/connection.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { OfAgent } from '../of-agent.tsx';
import { FileForm, type NewPolicy, PolicyDetailView } from './policy-detail.tsx';
import { kindNames, type PolicyList, policiesSentence, policyStates } from './policy-words.ts';

/** Which policies an agent decides by: read, written, tried on the present situation, and put live. */
export function PoliciesPage() {
  return (
    <OfAgent
      upFirst={texts.policies.thePolicies}
      asNow={{
        title: texts.policies.policiesAre,
        help: texts.policies.theTimeLine,
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
        <h1>{texts.policies.policies}</h1>
        <Select
          label={texts.policies.agent}
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
            label={texts.policies.decidesBy}
            value={String(list.mode)}
            options={[
              { value: '0', label: texts.policies.heuristics },
              { value: '1', label: texts.policies.learntModels },
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
          title={list?.takesFiles === false ? texts.policies.thisAgentTakes : texts.policies.aPolicyOfYour}
          onClick={begin}
        >
          {texts.policies.newPolicy}
        </Button>
      </div>
      <div className="applications-body">
        <ul className="application-list" aria-label={texts.policies.policies}>
          {draft ? (
            <li>
              <button type="button" aria-pressed="true">
                <State name="wait" size={14} />
                <span className="label ellipsis">{draft.name}</span>
                <span className="muted">{texts.policies.new}</span>
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
                <span className="muted">{state === 'off' ? texts.policies.off : kindNames[kind]}</span>
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
    <section className="card" aria-label={texts.policies.newPolicy}>
      <header className="tall">
        <h2>{texts.policies.newPolicy}</h2>
        <label className="row gap-6 secondary">
          {texts.policies.name}
          <input
            className="field"
            value={draft.name}
            aria-invalid={isTaken}
            onChange={(event) => onChange({ ...draft, name: event.target.value.replaceAll(/[^A-Za-z0-9_-]/g, '-') })}
          />
        </label>
        {isTaken ? <span className="bad-text caption">{texts.policies.thereIsOne}</span> : null}
        <span className="spacer" />
        <Select
          label={texts.policies.language}
          value={draft.language}
          options={[
            { value: 'typescript', label: 'TypeScript' },
            { value: 'python', label: texts.policies.python },
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
