import { lazy, Suspense, useCallback, useEffect, useState } from 'react';
import { Badge, Button, Dialog, ErrorNote, Segment } from '../../parts/controls.tsx';
import { formatAge } from '../../parts/format.ts';
import { State } from '../../parts/glyphs.tsx';
import { currentClient, type ShownError, shownError } from '../../state/connection.ts';
import { testbedNow } from '../../state/twin-clock.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { DryRunPanel } from './dry-run-panel.tsx';
import { issuesOf, kindNames, type PolicyDetail, type PolicyTrial, policyStates } from './policy-words.ts';
import { type Settings, SettingsForm } from './settings-form.tsx';
import { TrialView } from './trial-view.tsx';

/** The editor is as large as the rest of the app: it comes when somebody writes. */
const Editor = lazy(async () => ({ default: (await import('../../editor/code-editor.tsx')).CodeEditor }));

export interface NewPolicy {
  name: string;
  language: 'typescript' | 'python';
  content: string;
}

interface Place {
  testbed: string;
  agent: string;
  onChanged: (name: string | null) => void;
}

/** One policy: how it does, what it is made of, and what would come of a change before it is made. */
export function PolicyDetailView({ testbed, agent, name, onChanged }: Place & { name: string }) {
  const [detail, setDetail] = useState<PolicyDetail | null>(null);
  const [error, setError] = useState<ShownError | null>(null);
  const [removing, setRemoving] = useState(false);
  const read = useCallback(() => {
    currentClient()
      .call('policies.read', { testbed, agent, name })
      .then(
        (known) => {
          setDetail(known);
          setError(null);
        },
        (reason: unknown) => setError(shownError(reason)),
      );
  }, [testbed, agent, name]);
  useEffect(read, [read]);
  if (!detail) return <ErrorNote error={error} />;
  const { word, kind, meaning } = policyStates[detail.state];
  const isFile = detail.kind !== 'shipped';
  const changed = () => {
    read();
    onChanged(name);
  };
  return (
    <>
      <section className="card" aria-label={name}>
        <header className="tall">
          <h2>{name}</h2>
          <Badge kind={kind}>
            <State name={policyStates[detail.state].glyph} size={12} />
            {word}
          </Badge>
          <span className="muted">
            {kindNames[detail.kind]}
            {detail.version ? texts.policies.version(detail.version) : ''}
          </span>
          <span className="spacer" />
          {isFile ? (
            <Button kind="danger" onClick={() => setRemoving(true)}>
              {texts.policies.delete}
            </Button>
          ) : detail.state === 'off' ? (
            <Button
              data-testid={testIds.policySwitch}
              onError={setError}
              onClick={async () => {
                await currentClient().call('policies.set', { testbed, agent, policy: { name, settings: {} } });
                changed();
              }}
            >
              {texts.policies.haveItDecide}
            </Button>
          ) : (
            <Button
              data-testid={testIds.policySwitch}
              onError={setError}
              onClick={async () => {
                await currentClient().call('policies.delete', { testbed, agent, name });
                changed();
              }}
            >
              {texts.policies.switchItOff}
            </Button>
          )}
        </header>
        <p className="body inset secondary">{detail.summary || meaning}</p>
        {detail.error ? (
          <div className="inset">
            <ErrorNote
              error={{
                message: `${detail.error.text}`,
                remedy: texts.policies.sinceItLast(formatAge(testbedNow() - detail.error.at), detail.error.count, meaning),
              }}
              testId={testIds.policyError}
            />
          </div>
        ) : null}
        <ErrorNote error={error} />
      </section>
      {isFile ? (
        <FileForm
          key={`${name} ${detail.version}`}
          testbed={testbed}
          agent={agent}
          name={name}
          language={detail.kind === 'python' ? 'python' : 'typescript'}
          source={detail.source ?? ''}
          live={detail.source}
          told={detail.error?.text ?? null}
          onChanged={changed}
        />
      ) : detail.state === 'off' ? (
        <DryRunPanel testbed={testbed} agent={agent} policy={{ name, settings: {} }} canGo isLive={false} />
      ) : (
        <ShippedForm
          key={JSON.stringify(detail.settings)}
          testbed={testbed}
          agent={agent}
          name={name}
          schema={detail.settingsSchema}
          settings={detail.settings ?? {}}
          onChanged={changed}
        />
      )}
      {removing ? (
        <Dialog
          title={texts.policies.delete2(name)}
          confirm={texts.policies.deleteIt}
          danger
          onClose={() => setRemoving(false)}
          onConfirm={async () => {
            await currentClient().call('policies.delete', { testbed, agent, name });
            onChanged(null);
          }}
        >
          <p>{texts.policies.itsFileGoes(agent)}</p>
        </Dialog>
      ) : null}
    </>
  );
}

/** A file in TypeScript or Python: written here, tried, and put live when it is good. */
export function FileForm({
  testbed,
  agent,
  name,
  language,
  source,
  live,
  told,
  onChanged,
}: Omit<Place, 'onChanged'> & {
  name: string;
  language: 'typescript' | 'python';
  source: string;
  /** What decides now; null when nothing of that name does. */
  live: string | null;
  /** What the agent says is wrong with it. */
  told: string | null;
  onChanged: () => void;
}) {
  const [given] = useState({ text: source });
  const [text, setText] = useState(source);
  const [view, setView] = useState<'edit' | 'changes'>('edit');
  const [refusal, setRefusal] = useState<ShownError | null>(null);
  const [trial, setTrial] = useState<PolicyTrial | null>(null);
  const [issues, setIssues] = useState(() => (told === null ? [] : issuesOf(told)));
  const isChanged = text !== live;
  const metricNames = useCallback(async () => {
    const known = await currentClient().call('telemetry.metrics', { testbed });
    return [...new Set(known.map(({ key }) => key.metric))].sort();
  }, [testbed]);
  const policy = { name, language, content: text };
  const failed = (error: ShownError) => {
    setRefusal(error);
    setIssues(issuesOf(error.message));
    setTrial(null);
  };
  const fine = () => {
    setRefusal(null);
    setIssues([]);
  };
  return (
    <>
      {trial ? <TrialView trial={trial} agent={agent} /> : null}
      <section className="card application-form" aria-label={texts.policies.source}>
        <header className="tall">
          <h2>{texts.policies.source}</h2>
          <span className="row gap-6 secondary" data-testid={testIds.verdict}>
            {refusal ? <State name="bad" size={13} /> : trial ? <State name="ok" size={13} /> : null}
            {refusal
              ? texts.policies.itDoesNotLoad
              : trial
                ? texts.policies.itLoads
                : isChanged
                  ? texts.policies.notLiveYet
                  : texts.policies.asItDecides}
          </span>
          <span className="spacer" />
          {live === null ? null : (
            <Segment
              label={texts.policies.view}
              value={view}
              onChange={setView}
              options={[
                { value: 'edit', label: texts.policies.text },
                { value: 'changes', label: texts.policies.changes },
              ]}
            />
          )}
          <Button
            icon="twin"
            data-testid={testIds.policyTry}
            title={texts.policies.loadsItBeside}
            onError={failed}
            onClick={async () => {
              setTrial(await currentClient().call('policies.try', { testbed, agent, policy }));
              fine();
            }}
          >
            {texts.policies.tryIt}
          </Button>
          <Button
            kind="primary"
            data-testid={testIds.policyLive}
            disabled={!isChanged}
            onError={failed}
            onClick={async () => {
              await currentClient().call('policies.set', { testbed, agent, policy });
              fine();
              onChanged();
            }}
          >
            {texts.policies.putItLive}
          </Button>
        </header>
        {refusal ? (
          <div className="inset">
            <ErrorNote error={refusal} testId={testIds.policyRefusal} />
          </div>
        ) : null}
        <div className="editor-place">
          <Suspense fallback={null}>
            <Editor
              given={given}
              against={view === 'changes' ? live : null}
              language={language}
              issues={issues}
              label={texts.policies.sourceOf(name)}
              metricNames={metricNames}
              onChange={(next) => {
                setText(next);
                setTrial(null);
              }}
            />
          </Suspense>
        </div>
      </section>
      <DryRunPanel testbed={testbed} agent={agent} policy={policy} canGo={text.trim() !== ''} isLive={live !== null} />
    </>
  );
}

function ShippedForm({
  testbed,
  agent,
  name,
  schema,
  settings,
  onChanged,
}: Omit<Place, 'onChanged'> & { name: string; schema: unknown; settings: Settings; onChanged: () => void }) {
  const [value, setValue] = useState<Settings>(settings);
  const [isValid, setValid] = useState(true);
  const [error, setError] = useState<ShownError | null>(null);
  const [trial, setTrial] = useState<PolicyTrial | null>(null);
  const isChanged = JSON.stringify(value) !== JSON.stringify(settings);
  const policy = { name, settings: value };
  return (
    <>
      <section className="card" aria-label={texts.policies.settings}>
        <header className="tall">
          <h2>{texts.policies.settings}</h2>
          <span className="secondary" data-testid={testIds.verdict}>
            {isValid ? (isChanged ? texts.policies.notLiveYet : texts.policies.asItDecides) : texts.policies.toMend}
          </span>
          <span className="spacer" />
          <Button
            icon="twin"
            data-testid={testIds.policyTry}
            disabled={!isValid}
            onError={setError}
            onClick={async () => {
              setError(null);
              setTrial(await currentClient().call('policies.try', { testbed, agent, policy }));
            }}
          >
            {texts.policies.tryIt}
          </Button>
          <Button
            kind="primary"
            data-testid={testIds.policyLive}
            disabled={!isChanged || !isValid}
            onError={setError}
            onClick={async () => {
              setError(null);
              await currentClient().call('policies.set', { testbed, agent, policy });
              onChanged();
            }}
          >
            {texts.policies.putItLive}
          </Button>
        </header>
        <div className="inset">
          <ErrorNote error={error} testId={testIds.policyRefusal} />
        </div>
        <SettingsForm
          schema={schema}
          value={value}
          onChange={(next, valid) => {
            setValue(next);
            setValid(valid);
            setTrial(null);
          }}
        />
      </section>
      {trial ? <TrialView trial={trial} agent={agent} /> : null}
      <DryRunPanel testbed={testbed} agent={agent} policy={policy} canGo={isValid} isLive />
    </>
  );
}
