import { useState } from 'react';
import { Badge, Button, IconButton, Segment } from '../../parts/controls.tsx';
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
import { texts } from '../../texts/texts.ts';
import { roleLayer } from '../testbeds/testbed-detail.tsx';
import { NoShells } from './no-shells.tsx';
import { ServicesPanel } from './services-panel.tsx';

const words = texts.terminals;

const paneOptions: { value: `${PaneCount}`; label: string }[] = [
  { value: '1', label: words.one },
  { value: '2', label: words.two },
  { value: '4', label: words.four },
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
          {words.allHosts}
        </Button>
      ) : null}
      <Button
        icon="laptop"
        data-testid={testIds.terminalOpen('local')}
        title={words.mlsysopsCli}
        onClick={() => void openTerminal(testbed?.name ?? null, 'local')}
      >
        {words.thisComputer}
      </Button>
      {kubectlClusters(testbed).map((cluster) => (
        <Button
          key={cluster}
          data-testid={testIds.kubectlOpen(cluster)}
          title={words.aShellOnThis(cluster)}
          onClick={() => void openKubectl(testbed?.name ?? '', cluster)}
        >
          <LayerShape name={cluster === 'karmada' ? 'continuum' : 'cluster'} size={11} />
          {words.kubectl(cluster)}
        </Button>
      ))}
    </div>
  );
  return (
    <main className="page terminals-page" hidden={hidden}>
      <div className="toolbar">
        <h1>{words.terminals}</h1>
        <span className="body secondary" data-testid={testIds.sentence}>
          {sessions.length === 0 ? words.noShellIsOpen : words.open(texts.counts.shell(sessions.length))}
        </span>
        <span className="spacer" />
        {hosts.length > 0 && !testbed?.recording ? (
          <Button
            kind="ghost"
            icon="search"
            aria-pressed={services}
            data-testid={testIds.servicesOpen}
            title={words.whatListens}
            onClick={() => setServices(!services)}
          >
            {words.services}
          </Button>
        ) : null}
        <span className="caption muted">{words.openAShell}</span>
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
            <h1>{words.aShellOnEvery}</h1>
            <p>{words.chooseAHost}</p>
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
                  label={words.close(sessionTitle(session))}
                  iconSize={12}
                  onClick={() => closeTerminal(session.id)}
                />
              </span>
            ))}
            <span className="spacer" />
            {broadcast ? <Badge kind="accent">{words.typingGoes(shown.length)}</Badge> : null}
            <Button
              kind="ghost"
              icon="copy"
              aria-pressed={broadcast}
              data-testid={testIds.terminalBroadcast}
              disabled={shown.length < 2}
              title={words.whatIsTyped}
              onClick={toggleBroadcast}
            >
              {broadcast ? words.stopTyping : words.typeToAllShown}
            </Button>
            <Segment
              label={words.shellsAtOnce}
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
