import { useState } from 'react';
import { Badge, Button, IconButton, Segment } from '../../parts/controls.tsx';
import { count } from '../../parts/format.ts';
import { Icon, LayerShape } from '../../parts/glyphs.tsx';
import {
  closeTerminal,
  kubectlClusters,
  openKubectl,
  openOnAll,
  openTerminal,
  type PaneCount,
  sessionTitle,
  setPanes,
  showTerminal,
  toggleBroadcast,
  useTerminals,
} from '../../state/terminals.ts';
import { useCurrentTestbed } from '../../state/testbeds.ts';
import { TerminalPane } from '../../terminal/terminal-pane.tsx';
import { testIds } from '../../test-ids.ts';
import { roleLayer } from '../testbeds/testbed-detail.tsx';
import { NoShells } from './no-shells.tsx';
import { ServicesPanel } from './services-panel.tsx';

const paneOptions: { value: `${PaneCount}`; label: string }[] = [
  { value: '1', label: 'One' },
  { value: '2', label: 'Two' },
  { value: '4', label: 'Four' },
];

/** Shells in tabs, two side by side if wanted. Stays in the document when hidden: a shell goes on while one looks elsewhere. */
export function TerminalsPage({ hidden }: { hidden: boolean }) {
  const { sessions, shown, panes, broadcast } = useTerminals();
  const testbed = useCurrentTestbed();
  const hosts = testbed && testbed.kind !== 'twin' ? testbed.hosts : [];
  const [services, setServices] = useState(false);
  const severalTestbeds = new Set(sessions.map((session) => session.testbed)).size > 1;
  const openers = (
    <div className="openers">
      {hosts.map((host) => (
        <Button
          key={host.name}
          data-testid={testIds.terminalOpen(host.name)}
          onClick={() => void openTerminal(testbed?.name ?? null, host.name)}
        >
          <LayerShape name={roleLayer[host.role]} size={11} />
          {host.name}
        </Button>
      ))}
      {hosts.length > 1 ? (
        <Button
          icon="split"
          data-testid={testIds.terminalAll}
          onClick={() =>
            openOnAll(
              testbed?.name ?? '',
              hosts.map(({ name }) => name),
            )
          }
        >
          All hosts
        </Button>
      ) : null}
      <Button
        icon="laptop"
        data-testid={testIds.terminalOpen('local')}
        title="mlsysops-cli and kubectl's contexts of this testbed are ready in it"
        onClick={() => void openTerminal(testbed?.name ?? null, 'local')}
      >
        This computer
      </Button>
      {kubectlClusters(testbed).map((cluster) => (
        <Button
          key={cluster}
          data-testid={testIds.kubectlOpen(cluster)}
          title={`A shell on this computer in which kubectl speaks with ${cluster}`}
          onClick={() => void openKubectl(testbed?.name ?? '', cluster)}
        >
          <LayerShape name={cluster === 'karmada' ? 'continuum' : 'cluster'} size={11} />
          kubectl {cluster}
        </Button>
      ))}
    </div>
  );
  return (
    <main className="page terminals-page" hidden={hidden}>
      <div className="toolbar">
        <h1>Terminals</h1>
        <span className="body secondary" data-testid={testIds.sentence}>
          {sessions.length === 0 ? 'No shell is open.' : `${count(sessions.length, 'shell')} open.`}
        </span>
        <span className="spacer" />
        {hosts.length > 0 && !testbed?.recording ? (
          <Button
            kind="ghost"
            icon="search"
            aria-pressed={services}
            data-testid={testIds.servicesOpen}
            title="What listens on the hosts and in the clusters, each opened in the browser by one click"
            onClick={() => setServices(!services)}
          >
            Services
          </Button>
        ) : null}
        <span className="caption muted">Open a shell on</span>
        {openers}
      </div>
      {services && testbed && hosts.length > 0 ? (
        <ServicesPanel key={testbed.name} testbed={testbed.name} onClose={() => setServices(false)} />
      ) : null}
      {sessions.length === 0 ? (
        testbed?.kind === 'twin' && !testbed.recording ? (
          <NoShells twin={testbed.name} />
        ) : (
          <div className="empty">
            <h1>A shell on every host</h1>
            <p>
              Choose a host above, or open one from the topology. Each shell is a tab; four can stand side by side, and what is
              typed can go to all of them.
            </p>
          </div>
        )
      ) : (
        <>
          <div className="tabs">
            {sessions.map((session) => (
              <span key={session.id} className={`tab ${shown.includes(session.id) ? 'on' : ''}`}>
                <button
                  type="button"
                  aria-pressed={shown.includes(session.id)}
                  data-testid={testIds.terminalTab(session.host)}
                  onClick={() => showTerminal(session.id)}
                >
                  <Icon name="terminals" size={14} />
                  {sessionTitle(session)}
                  {severalTestbeds && session.testbed !== null && session.host !== 'local' ? (
                    <span className="muted plain">{session.testbed}</span>
                  ) : null}
                </button>
                <IconButton
                  icon="x"
                  label={`Close ${sessionTitle(session)}`}
                  iconSize={12}
                  onClick={() => closeTerminal(session.id)}
                />
              </span>
            ))}
            <span className="spacer" />
            {broadcast ? <Badge kind="accent">Typing goes to {shown.length} shells</Badge> : null}
            <Button
              kind="ghost"
              icon="copy"
              aria-pressed={broadcast}
              data-testid={testIds.terminalBroadcast}
              disabled={shown.length < 2}
              title="What is typed into one shell goes to all that are shown"
              onClick={toggleBroadcast}
            >
              {broadcast ? 'Stop typing to all' : 'Type to all shown'}
            </Button>
            <Segment
              label="Shells at once"
              value={`${panes}` as const}
              options={paneOptions}
              onChange={(value) => setPanes(Number(value) as PaneCount)}
            />
          </div>
          <div className={`terminal-panes ${shown.length > 2 ? 'four' : shown.length > 1 ? 'two' : ''}`}>
            {sessions.map((session) => (
              <TerminalPane key={session.id} session={session} shown={!hidden && shown.includes(session.id)} />
            ))}
          </div>
        </>
      )}
    </main>
  );
}
