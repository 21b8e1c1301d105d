import { useEffect, useRef, useState } from 'react';
import { Badge, DoublesBadge, IconButton } from '../parts/controls.tsx';
import { formatClock, formatQuantity } from '../parts/format.ts';
import { Icon, State, type StateName } from '../parts/glyphs.tsx';
import { useConnection } from '../state/connection.ts';
import { headlineOf } from '../state/headline.ts';
import { useMomentTime, useTopology } from '../state/moment.ts';
import { type PageName, useNavigation } from '../state/navigation.ts';
import { kindOf, stateOf, stateWords, useCurrentTestbed, useTestbeds } from '../state/testbeds.ts';
import { useTheme } from '../state/theme.ts';
import { useTime } from '../state/time.ts';
import { toggleTheme } from '../state/toggle-theme.ts';
import type { TestbedSummary, Topology } from '../state/types.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';
import { usePalette } from './command-palette.tsx';

const words = texts.shell;

interface HealthFact {
  id: string;
  state: StateName;
  text: string;
  page: PageName;
}

/** At most three facts, worst news in colour; each leads to its cause. */
export function healthFacts(testbed: TestbedSummary | null, topology: Topology | null, past = false): HealthFact[] {
  if (!testbed) return [];
  if ((testbed.state !== 'up' && !past) || !topology) {
    const states: Record<TestbedSummary['state'], StateName> = {
      new: 'wait',
      provisioning: 'run',
      up: 'wait',
      failed: 'bad',
      down: 'none',
    };
    const page = testbed.state === 'provisioning' || testbed.state === 'failed' ? 'run' : 'testbeds';
    return [
      {
        id: 'state',
        state: states[testbed.state],
        text: testbed.state === 'up' ? words.waitingFor : stateWords[testbed.state],
        page,
      },
    ];
  }
  const facts: HealthFact[] = [];
  const ready = topology.nodes.filter((node) => node.ready === true).length;
  const all = topology.nodes.length;
  facts.push({
    id: 'hosts',
    state: ready === all ? 'ok' : topology.nodes.some((node) => node.ready === false) ? 'bad' : 'wait',
    text: words.ofReady(ready, texts.counts.node(all)),
    page: 'topology',
  });
  const dead = topology.agents.filter((agent) => !agent.alive);
  const joined = topology.clusters.filter((cluster) => cluster.joined).length;
  if (dead.length > 0) {
    facts.push({ id: 'agents', state: 'bad', text: `${texts.counts.agent(dead.length)} silent`, page: 'topology' });
  } else {
    facts.push({
      id: 'clusters',
      state: joined === topology.clusters.length ? 'ok' : 'wait',
      text: words.ofJoined(joined, texts.counts.cluster(topology.clusters.length)),
      page: 'topology',
    });
  }
  const headline = headlineOf(topology);
  if (headline) {
    const value = headline.value === null ? words.noReadingYet : formatQuantity(headline.value, headline.unit);
    facts.push({
      id: 'qos',
      state: headline.met === null ? 'wait' : headline.met ? 'ok' : 'bad',
      text: words.qos(
        headline.met === null ? words.qosUnknown : headline.met ? words.qosMet : words.qosMissed,
        headline.application,
        value,
      ),
      page: 'telemetry',
    });
  }
  return facts;
}

/** Failed tries, some 8 s, after which a person should do something. */
const patience = 5;

export function TopBar() {
  const testbed = useCurrentTestbed();
  const topology = useTopology();
  const moment = useMomentTime();
  const past = useTime((state) => state.cursor !== null) || testbed?.recording != null;
  const { state: connection, failures } = useConnection();
  const go = useNavigation((state) => state.go);
  const theme = useTheme((state) => state.theme);
  const facts = healthFacts(testbed, topology, past);
  const known = useTestbeds((state) => state.list);
  return (
    <header className="top-bar">
      <span className="brand">
        <svg
          width="24"
          height="24"
          viewBox="0 0 24 24"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.6"
          strokeLinejoin="round"
          aria-hidden="true"
        >
          <path d="M12 2.5l4 4-4 4-4-4z" fill="currentColor" />
          <path d="M12 10.5V14M5 14h14M5 14v3M19 14v3M12 14v3" />
          <rect x="3" y="17" width="4" height="4" rx="1" />
          <rect x="10" y="17" width="4" height="4" rx="1" />
          <rect x="17" y="17" width="4" height="4" rx="1" />
        </svg>
      </span>
      <TestbedSwitcher />
      {testbed ? <DoublesBadge doubles={testbed.doubles} /> : null}
      <div className="health" aria-live="polite">
        {past && moment !== null && facts.length > 0 ? <span className="as-of">{words.at(formatClock(moment))}</span> : null}
        {connection === 'connected' ? (
          facts.map((fact) => (
            <button
              key={fact.id}
              type="button"
              className={fact.state === 'bad' ? 'departure' : ''}
              title={fact.text}
              data-testid={testIds.health(fact.id)}
              onClick={() => go(fact.page, testbed?.name ?? null)}
            >
              <State name={fact.state} />
              <span className="ellipsis">{fact.text}</span>
            </button>
          ))
        ) : (
          <span className="row gap-6 muted" data-testid={testIds.connection}>
            <State name="run" />
            {connection === 'connecting' ? words.connecting : words.reconnecting}
            {failures >= patience ? <span>{words.theCoreDoes}</span> : null}
          </span>
        )}
        {connection === 'connected' && known?.length === 0 ? <span className="muted">{words.noTestbedYet}</span> : null}
      </div>
      <span className="spacer" />
      <button
        type="button"
        className="palette-button"
        data-testid={testIds.palette}
        onClick={() => usePalette.setState({ open: true })}
      >
        <Icon name="search" size={14} />
        <span className="ellipsis">{words.searchOrRun}</span>
        <span className="spacer" />
        <kbd>{words.ctrlK}</kbd>
      </button>
      <IconButton
        icon={theme === 'light' ? 'moon' : 'sun'}
        label={theme === 'light' ? words.useTheDark : words.useTheLight}
        data-testid={testIds.theme}
        onClick={toggleTheme}
      />
    </header>
  );
}

const shortKind = (testbed: TestbedSummary): string =>
  testbed.recording || testbed.kind === 'twin' ? kindOf(testbed) : texts.counts.host(testbed.hosts.length);

function TestbedSwitcher() {
  const testbed = useCurrentTestbed();
  const list = useTestbeds((state) => state.list) ?? [];
  const { go, page } = useNavigation();
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const close = (event: MouseEvent) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    };
    addEventListener('mousedown', close);
    return () => removeEventListener('mousedown', close);
  }, [open]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the menu from any control inside it
    <div className="switcher" ref={root} onKeyDown={(event) => event.key === 'Escape' && setOpen(false)}>
      <button
        type="button"
        aria-haspopup="menu"
        aria-expanded={open}
        data-testid={testIds.testbedSwitcher}
        onClick={() => setOpen(!open)}
      >
        {testbed?.name ?? words.newTestbed}
        <Badge kind={testbed?.recording ? 'accent' : ''}>{testbed ? shortKind(testbed) : words.draft}</Badge>
        <Icon name="chev" size={14} />
      </button>
      {open ? (
        <div className="menu" role="menu">
          {list.map((known) => (
            <button
              key={known.name}
              type="button"
              role="menuitem"
              onClick={() => {
                setOpen(false);
                go(page, known.name);
              }}
            >
              <span className="label">{known.name}</span>
              <Badge>{kindOf(known)}</Badge>
              <span className="spacer" />
              <span className="muted">{stateOf(known)}</span>
            </button>
          ))}
          {list.length > 0 ? <hr /> : null}
          <button
            type="button"
            role="menuitem"
            onClick={() => {
              setOpen(false);
              go('testbeds');
            }}
          >
            <Icon name="testbeds" size={14} />
            {words.allTestbeds}
          </button>
        </div>
      ) : null}
    </div>
  );
}
