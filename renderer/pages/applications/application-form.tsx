import { lazy, Suspense, useEffect, useState } from 'react';
import { Button, ErrorNote, Segment } from '../../parts/controls.tsx';
import { State } from '../../parts/glyphs.tsx';
import { currentClient, type ShownError, shownError } from '../../state/connection.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.applications;

/** The editor is as large as the rest of the app: it comes when somebody writes. */
const Editor = lazy(async () => ({ default: (await import('../../editor/description-editor.tsx')).DescriptionEditor }));

interface Verdict {
  application: string | null;
  issues: number;
}

const blank = 'MLSysOpsApp:\n  name: \n  components:\n    - metadata:\n        name: \n';

/** A description, new or of an application that runs, to be changed and deployed. */
export function ApplicationForm({
  testbed,
  application,
  onDeployed,
}: {
  testbed: string;
  /** null: a new one. */
  application: string | null;
  onDeployed: (application: string) => void;
}) {
  const [given, setGiven] = useState<{ text: string } | null>(application === null ? { text: blank } : null);
  const [text, setText] = useState<string | null>(given?.text ?? null);
  const [deployed, setDeployed] = useState<string | null>(null);
  const [samples, setSamples] = useState<{ name: string; description: string }[]>([]);
  const [view, setView] = useState<'edit' | 'changes'>('edit');
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [error, setError] = useState<ShownError | null>(null);

  const write = (description: string) => {
    setGiven({ text: description });
    setText(description);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: write is made of setters alone
  useEffect(() => {
    const failed = (reason: unknown) => setError(shownError(reason));
    if (application === null) {
      currentClient().call('applications.samples', {}).then(setSamples, failed);
      return;
    }
    currentClient()
      .call('applications.described', { testbed, application })
      .then(({ description }) => {
        setDeployed(description);
        write(description);
      }, failed);
  }, [testbed, application]);

  useEffect(() => {
    if (text === null) return;
    let wanted = true;
    const timer = setTimeout(() => {
      currentClient()
        .call('applications.check', { description: text })
        .then(
          (found) => wanted && setVerdict({ application: found.application, issues: found.issues.length }),
          (reason: unknown) => wanted && setError(shownError(reason)),
        );
    }, 200);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [text]);

  const deploy = async () => {
    setError(null);
    const answer = await currentClient().call('applications.deploy', { testbed, description: text ?? '' });
    setDeployed(text);
    onDeployed(answer.application);
  };
  const unchanged = deployed !== null && text === deployed;
  const ready = verdict !== null && verdict.issues === 0 && !unchanged;
  return (
    <section
      className="card application-form"
      aria-label={application === null ? words.newApplication : words.descriptionOf(application)}
    >
      <header className="tall">
        <h2>{application === null ? words.newApplication : words.description}</h2>
        <VerdictNote verdict={verdict} unchanged={unchanged} />
        <span className="spacer" />
        {application === null
          ? samples.map((sample) => (
              <Button key={sample.name} icon="file" onClick={() => write(sample.description)}>
                {words.beginWith(sample.name)}
              </Button>
            ))
          : null}
        {deployed !== null ? (
          <Segment
            label={words.view}
            value={view}
            onChange={setView}
            options={[
              { value: 'edit', label: words.text },
              { value: 'changes', label: words.changes },
            ]}
          />
        ) : null}
        <Button kind="primary" icon="play" data-testid={testIds.deploy} disabled={!ready} onClick={deploy} onError={setError}>
          {deployed === null ? words.deploy : words.deployTheChanges}
        </Button>
      </header>
      {error ? (
        <div className="inset">
          <ErrorNote error={error} />
        </div>
      ) : null}
      <div className="editor-place">
        <Suspense fallback={<p className="muted inset">{words.openingThe}</p>}>
          {given === null ? (
            <p className="muted inset">{words.readingThe}</p>
          ) : (
            <Editor
              given={given}
              against={view === 'changes' ? deployed : null}
              label={words.descriptionOfThe}
              onChange={setText}
            />
          )}
        </Suspense>
      </div>
    </section>
  );
}

function VerdictNote({ verdict, unchanged }: { verdict: Verdict | null; unchanged: boolean }) {
  if (!verdict) return null;
  const fits = verdict.issues === 0;
  const text = unchanged
    ? words.asItIsDeployed
    : fits
      ? words.canBeDeployed(verdict.application ?? '')
      : words.toMendMarked(texts.counts.thing(verdict.issues));
  return (
    <span className="row gap-6 secondary" role="status" data-testid={testIds.verdict}>
      <State name={fits ? 'ok' : 'bad'} size={14} />
      {text}
    </span>
  );
}
