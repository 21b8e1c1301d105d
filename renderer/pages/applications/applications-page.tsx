import { useState } from 'react';
import { Button, Dialog } from '../../parts/controls.tsx';
import { listNames } from '../../parts/format.ts';
import { State } from '../../parts/glyphs.tsx';
import { currentClient } from '../../state/connection.ts';
import { useTopology } from '../../state/moment.ts';
import { useNavigation } from '../../state/navigation.ts';
import { useCurrentTestbed } from '../../state/testbeds.ts';
import { useTime } from '../../state/time.ts';
import type { ApplicationStatus } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { ApplicationForm } from './application-form.tsx';
import { ApplicationStatusCard, stateWords } from './application-status.tsx';

const words = texts.applications;

export function applicationsSentence(applications: readonly Pick<ApplicationStatus, 'application' | 'state'>[]): string {
  if (applications.length === 0) return words.noApplication;
  const not = applications.filter(({ state }) => state !== 'deployed');
  if (not.length === 0) return words.allOfThemDeployed(texts.counts.application(applications.length));
  return words.notDeployed(texts.counts.application(applications.length), listNames(not.map(({ application }) => application)));
}

/** What runs on the testbed, as its pods say, and the descriptions behind it. */
export function ApplicationsPage() {
  const testbed = useCurrentTestbed();
  const topology = useTopology();
  const go = useNavigation((state) => state.go);
  const [chosen, setChosen] = useState<string | null>(null);
  const [writing, setWriting] = useState(false);
  const [removing, setRemoving] = useState(false);
  const applications = topology?.applications ?? [];
  const shown = writing ? null : (applications.find(({ application }) => application === chosen) ?? applications[0] ?? null);

  if (!testbed || !topology) {
    return (
      <main className="page">
        <div className="empty">
          <h1 data-testid={testIds.sentence}>{words.noTestbedIs}</h1>
          <p>{words.applicationsAre}</p>
          <Button onClick={() => go('testbeds')}>{words.chooseATestbed}</Button>
        </div>
      </main>
    );
  }
  return (
    <main className="page applications-page">
      <div className="toolbar">
        <h1>{words.applications}</h1>
        <span className="body secondary ellipsis" data-testid={testIds.sentence}>
          {applicationsSentence(applications)}
        </span>
        <span className="spacer" />
        <Button icon="plus" data-testid={testIds.newApplication} onClick={() => setWriting(true)}>
          {words.newApplication}
        </Button>
      </div>
      <div className="applications-body">
        <ul className="application-list" aria-label={words.applications}>
          {applications.map((status) => (
            <li key={status.application}>
              <button
                type="button"
                aria-pressed={shown?.application === status.application}
                data-testid={testIds.application(status.application)}
                onClick={() => {
                  setWriting(false);
                  setChosen(status.application);
                }}
              >
                <State name={stateWords[status.state].glyph} size={14} />
                <span className="label ellipsis">{status.application}</span>
                <span className="muted">{texts.counts.component(status.components.length)}</span>
              </button>
            </li>
          ))}
          {applications.length === 0 ? <li className="muted inset">{words.nothingRuns}</li> : null}
        </ul>
        <div className="application-detail">
          {shown ? <ApplicationStatusCard status={shown} topology={topology} /> : null}
          <ApplicationForm
            key={shown?.application ?? 'new'}
            testbed={testbed.name}
            application={shown?.application ?? null}
            onDeployed={(name) => {
              // What comes of it is seen now, not at a moment of the past.
              useTime.getState().live();
              setWriting(false);
              setChosen(name);
            }}
          />
          {shown ? (
            <div className="row">
              <span className="spacer" />
              <Button kind="danger" data-testid={testIds.removeApplication} onClick={() => setRemoving(true)}>
                {words.remove(shown.application)}
              </Button>
            </div>
          ) : null}
        </div>
      </div>
      {removing && shown ? (
        <Dialog
          title={words.remove2(shown.application)}
          confirm={words.removeIt}
          danger
          onClose={() => setRemoving(false)}
          onConfirm={() => {
            useTime.getState().live();
            return currentClient().call('applications.remove', { testbed: testbed.name, application: shown.application });
          }}
        >
          <p>{words.itsComponents}</p>
        </Dialog>
      ) : null}
    </main>
  );
}
