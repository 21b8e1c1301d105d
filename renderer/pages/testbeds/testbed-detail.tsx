import { useEffect, useState } from 'react';
import { Button, Dialog, DoublesBadge, ErrorNote } from '../../parts/controls.tsx';
import { formatAge, formatClock, formatDuration } from '../../parts/format.ts';
import { type LayerName, LayerShape } from '../../parts/glyphs.tsx';
import { currentClient, type ShownError } from '../../state/connection.ts';
import { useNavigation } from '../../state/navigation.ts';
import { kindWords, setUp, takeDown } from '../../state/testbeds.ts';
import { useTime } from '../../state/time.ts';
import type { Plan, TestbedSummary } from '../../state/types.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { CheckView } from './check-view.tsx';
import { HostKeys } from './host-keys.tsx';
import { PlanView } from './plan-view.tsx';

const words = texts.testbeds;

export const roleLayer: Record<TestbedSummary['hosts'][number]['role'], LayerName> = {
  management: 'continuum',
  master: 'cluster',
  worker: 'node',
};

/** One testbed: its hosts, their keys, what would change, and the verbs. */
export function TestbedDetail({ testbed }: { testbed: TestbedSummary }) {
  return testbed.recording ? (
    <RecordingDetail testbed={testbed} recording={testbed.recording} />
  ) : (
    <CommandableDetail testbed={testbed} />
  );
}

/** A recording can be looked at, and thrown away. */
function RecordingDetail({
  testbed,
  recording: { of, from, to, savedAt },
}: {
  testbed: TestbedSummary;
  recording: NonNullable<TestbedSummary['recording']>;
}) {
  const go = useNavigation((state) => state.go);
  const [removing, setRemoving] = useState(false);
  const day = new Date(from).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
  return (
    <div className="detail">
      <section className="card" aria-label={testbed.name}>
        <header className="tall">
          <h2>{testbed.name}</h2>
          <span className="muted">{words.recordingOf(of, kindWords[testbed.kind], texts.counts.host(testbed.hosts.length))}</span>
          <DoublesBadge doubles={testbed.doubles} />
          <span className="spacer" />
          <Button kind="danger" data-testid={testIds.remove} onClick={() => setRemoving(true)}>
            {words.remove}
          </Button>
          <Button
            kind="primary"
            icon="play"
            data-testid={testIds.replay}
            onClick={() => {
              go('topology', testbed.name);
              useTime.getState().moveTo(from);
              useTime.getState().play(1);
            }}
          >
            {words.replay}
          </Button>
        </header>
        <p className="inset secondary">
          {words.toSavedItShows(
            day,
            formatClock(from),
            formatClock(to),
            formatDuration(to - from),
            formatAge(Date.now() - savedAt),
          )}
        </p>
        {testbed.hosts.length > 0 ? <HostsTable testbed={testbed} /> : null}
      </section>
      {removing ? (
        <Dialog
          title={words.remove2(testbed.name)}
          confirm={words.removeIt}
          danger
          onClose={() => setRemoving(false)}
          onConfirm={() => currentClient().call('testbeds.remove', { testbed: testbed.name })}
        >
          <p>{words.itGoesFrom}</p>
        </Dialog>
      ) : null}
    </div>
  );
}

function CommandableDetail({ testbed }: { testbed: TestbedSummary }) {
  const go = useNavigation((state) => state.go);
  const [plan, setPlan] = useState<Plan | null>(null);
  const [checked, setChecked] = useState<Plan | null>(null);
  const [error, setError] = useState<ShownError | null>(null);
  const [asking, setAsking] = useState<'down' | 'remove' | null>(null);
  const busy = testbed.state === 'provisioning';
  const twin = testbed.kind === 'twin';

  // biome-ignore lint/correctness/useExhaustiveDependencies: a plan is of the state it was made in
  useEffect(() => {
    setPlan(null);
    setChecked(null);
    setError(null);
  }, [testbed.state]);

  const makePlan = async () => {
    setError(null);
    setPlan(await currentClient().call('testbeds.plan', { testbed: testbed.name }));
  };
  const check = async () => {
    setError(null);
    setChecked(await currentClient().call('testbeds.check', { testbed: testbed.name }));
  };
  return (
    <div className="detail">
      <section className="card" aria-label={testbed.name}>
        <header className="tall">
          <h2>{testbed.name}</h2>
          <span className="muted">
            {kindWords[testbed.kind]}
            {testbed.hosts.length > 0 ? ` · ${texts.counts.host(testbed.hosts.length)}` : ''}
          </span>
          <DoublesBadge doubles={testbed.doubles} />
          <span className="spacer" />
          {testbed.state === 'up' ? (
            <Button icon="topology" onClick={() => go('topology', testbed.name)}>
              {words.showTopology}
            </Button>
          ) : null}
          {testbed.lastRun ? (
            <Button icon="run" onClick={() => go('run', testbed.name)}>
              {words.showTheLast}
            </Button>
          ) : null}
          {twin ? null : (
            <Button icon="search" data-testid={testIds.runCheck} disabled={busy} onClick={check} onError={setError}>
              {words.check}
            </Button>
          )}
          {twin ? null : (
            <Button icon="table" data-testid={testIds.runPlan} disabled={busy} onClick={makePlan} onError={setError}>
              {words.plan}
            </Button>
          )}
          {testbed.state === 'up' || testbed.state === 'failed' || busy ? (
            <Button kind="danger" data-testid={testIds.runDown} disabled={busy} onClick={() => setAsking('down')}>
              {words.takeDown}
            </Button>
          ) : null}
          {testbed.state === 'up' || busy ? null : (
            <Button kind="danger" data-testid={testIds.remove} onClick={() => setAsking('remove')}>
              {words.remove}
            </Button>
          )}
          {twin && testbed.state === 'up' ? null : (
            <Button
              kind={testbed.state === 'up' || plan ? 'plain' : 'primary'}
              icon="play"
              data-testid={testIds.runUp}
              disabled={busy}
              onClick={() => setUp(testbed.name)}
              onError={setError}
            >
              {twin ? words.start : testbed.state === 'up' ? words.setUpAgain : words.setUp}
            </Button>
          )}
        </header>
        {error ? (
          <div className="inset">
            <ErrorNote error={error} />
          </div>
        ) : null}
        {testbed.hosts.length > 0 ? <HostsTable testbed={testbed} /> : null}
      </section>
      {checked ? <CheckView checks={checked.checks} reachability={checked.reachability} /> : null}
      {plan ? <PlanView plan={plan} testbed={testbed} /> : null}
      {/* Local hosts are our own: their keys are known from their making. */}
      {testbed.kind === 'hosts' ? <HostKeys testbed={testbed} /> : null}
      {asking === 'down' ? (
        <Dialog
          title={words.takeDown2(testbed.name)}
          confirm={words.takeItDown}
          danger
          onClose={() => setAsking(null)}
          onConfirm={() => takeDown(testbed.name)}
        >
          <p>{twin ? words.theSimulation : words.agentsBusKarmada}</p>
        </Dialog>
      ) : null}
      {asking === 'remove' ? (
        <Dialog
          title={words.remove2(testbed.name)}
          confirm={words.removeIt}
          danger
          onClose={() => setAsking(null)}
          onConfirm={() => currentClient().call('testbeds.remove', { testbed: testbed.name })}
        >
          <p>{testbed.kind === 'local' ? words.itsLocalHosts : words.itIsForgotten}</p>
        </Dialog>
      ) : null}
    </div>
  );
}

function HostsTable({ testbed }: { testbed: TestbedSummary }) {
  return (
    <table className="roomy">
      <thead>
        <tr>
          <th>{words.host}</th>
          <th>{words.role}</th>
          <th>{words.cluster}</th>
          <th>{words.address}</th>
          {testbed.recording ? null : <th>{words.user}</th>}
        </tr>
      </thead>
      <tbody>
        {testbed.hosts.map((host) => (
          <tr key={host.name}>
            <td>
              <span className="row">
                <LayerShape name={roleLayer[host.role]} />
                <span className="label">{host.name}</span>
              </span>
            </td>
            <td>{host.role.charAt(0).toUpperCase() + host.role.slice(1)}</td>
            <td className="secondary">{host.cluster}</td>
            <td className="mono">{host.port === 22 ? host.address : `${host.address}:${host.port}`}</td>
            {testbed.recording ? null : <td className="mono">{host.user}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
