import { Fragment, type ReactNode } from 'react';
import { Sparkline } from '../charts/sparkline.tsx';
import { Badge, Button, IconButton } from '../parts/controls.tsx';
import { formatAge, formatClock, formatNumber, formatQuantity, metricTitle, metricUnit, unknown } from '../parts/format.ts';
import { type LayerName, LayerShape, State } from '../parts/glyphs.tsx';
import { mergeByTime } from '../shell/merge-by-time.ts';
import { headlineOf, parseReadings } from '../state/headline.ts';
import { useBeforeCursor, useHeartbeatAge } from '../state/moment.ts';
import { useNavigation } from '../state/navigation.ts';
import { useSeries } from '../state/telemetry.ts';
import { kubectlClusters, openKubectl, openTerminal } from '../state/terminals.ts';
import { useCurrentTestbed } from '../state/testbeds.ts';
import { useTime } from '../state/time.ts';
import { type AgentLife, type DecisionRecord, isAct, type Topology } from '../state/types.ts';
import { useWorld } from '../state/world.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';
import { AgentLog } from './agent-log.tsx';
import { componentState, nodeLine, readyWords } from './facts.ts';
import { type Selection, select } from './selection.ts';

const words = texts.topology;

/** What is known of the selected thing, each figure with its age or source. */
export function Inspector({ topology, selection }: { topology: Topology; selection: Selection }) {
  const go = useNavigation((state) => state.go);
  const testbed = useCurrentTestbed();
  const host = selection.kind === 'node' ? selection.name : selection.kind === 'component' ? selection.node : null;
  const cluster = clusterOf(topology, selection);
  const hasKubectl = cluster !== null && kubectlClusters(testbed).includes(cluster);
  const hasShell = host !== null && topology.kind !== 'twin' && testbed?.hosts.some((known) => known.name === host);
  const titles: Record<Selection['kind'], [string, LayerName]> = {
    continuum: [words.continuum2, 'continuum'],
    cluster: [words.cluster2, 'cluster'],
    node: [words.node, 'node'],
    component: [selection.kind === 'component' ? words.componentOf(selection.application) : '', 'component'],
  };
  const [kind, shape] = titles[selection.kind];
  const name = selection.kind === 'continuum' ? topology.continuum.name : selection.name;
  return (
    <aside className="inspector" aria-label={`${kind} ${name}`} data-testid={testIds.inspector}>
      <section>
        <div className="row gap-6 caption muted">
          <LayerShape name={shape} size={12} />
          {kind}
          <span className="close">
            <IconButton icon="x" label={words.close} iconSize={14} onClick={() => select(null)} />
          </span>
        </div>
        <h1>{name}</h1>
        {selection.kind === 'node' ? <NodeState topology={topology} name={selection.name} /> : null}
        {selection.kind === 'component' ? <ComponentState topology={topology} selection={selection} /> : null}
      </section>
      <LatestDecision selection={selection} />
      {selection.kind === 'component' ? <ComponentLatency topology={topology} selection={selection} /> : null}
      <Readings topology={topology} selection={selection} />
      <Agents topology={topology} selection={selection} />
      {hasKubectl ? (
        <div className="actions">
          <Button
            icon="terminals"
            data-testid={testIds.inspectorKubectl}
            title={words.aShellOnThis(cluster)}
            onClick={() => {
              openKubectl(topology.testbed, cluster);
              go('terminals');
            }}
          >
            {words.kubectl(cluster)}
          </Button>
        </div>
      ) : null}
      {host !== null ? (
        <div className="actions">
          <Button
            icon="terminals"
            disabled={!hasShell}
            onClick={() => {
              openTerminal(topology.testbed, host);
              go('terminals');
            }}
          >
            {words.openShell}
          </Button>
          {hasShell ? null : (
            <span className="caption secondary actions-reason">
              {words.aSimulated}{' '}
              {topology.kind === 'twin' && testbed?.recording == null ? (
                <button type="button" className="link caption" onClick={() => go('terminals')}>
                  {words.whichHosts}
                </button>
              ) : null}
            </span>
          )}
        </div>
      ) : null}
    </aside>
  );
}

/** What kubectl would speak with: the cluster itself, that of a control plane, or Karmada's API. */
function clusterOf(topology: Topology, selection: Selection): string | null {
  if (selection.kind === 'continuum') return 'karmada';
  if (selection.kind === 'cluster') return selection.name;
  if (selection.kind !== 'node') return null;
  const node = topology.nodes.find(({ name }) => name === selection.name);
  return node && node.role !== 'worker' ? node.cluster : null;
}

function NodeState({ topology, name }: { topology: Topology; name: string }) {
  const node = topology.nodes.find((candidate) => candidate.name === name);
  if (!node) return <p className="secondary">{words.itIsNoLonger}</p>;
  const ready = readyWords(node.ready);
  return (
    <>
      <div className="row gap-6 inspector-state">
        <Badge kind={node.ready === false ? 'bad' : ''}>
          <State name={ready.state} size={12} />
          {ready.word}
        </Badge>
        <span className="secondary">{nodeLine(node)}</span>
      </div>
      <dl className="facts">
        <dt>{words.address}</dt>
        <dd className="mono">{node.address || unknown}</dd>
        <dt>{words.memory}</dt>
        <dd>{formatQuantity(node.memoryBytes, 'bytes')}</dd>
      </dl>
    </>
  );
}

function ComponentState({ topology, selection }: { topology: Topology; selection: Extract<Selection, { kind: 'component' }> }) {
  const component = topology.applications
    .find(({ application }) => application === selection.application)
    ?.components.find((one) => one.name === selection.name && one.node === selection.node);
  if (!component) return <p className="secondary inspector-state">{words.itIsNoLongerOn(selection.node)}</p>;
  const { state, word } = componentState(component);
  return (
    <div className="row gap-6 inspector-state">
      <Badge kind={component.state === 'failed' ? 'bad' : component.state === 'running' ? '' : 'accent'}>
        <State name={state} size={12} />
        {word}
      </Badge>
      <span className="secondary">{words.on(selection.node)}</span>
    </div>
  );
}

/** The newest decision that concerns the selected thing, or the one under the cursor. */
export function decisionFor(
  decisions: readonly DecisionRecord[],
  selection: Selection,
  cursor: number | null,
): DecisionRecord | null {
  const concerns = (record: DecisionRecord): boolean => {
    switch (selection.kind) {
      case 'continuum':
        return record.agent.layer === 'continuum';
      case 'cluster':
        return record.agent.layer === 'cluster' && record.agent.cluster === selection.name;
      case 'node':
        return (
          record.agent.node === selection.name ||
          record.candidates.some(({ action }) =>
            'host' in action
              ? action.host === selection.name
              : action.kind === 'move' && (action.to === selection.name || action.from === selection.name),
          )
        );
      case 'component':
        return record.component === selection.name && (record.application ?? selection.application) === selection.application;
    }
  };
  return decisions.find((record) => concerns(record) && (cursor === null || record.time <= cursor)) ?? null;
}

function LatestDecision({ selection }: { selection: Selection }) {
  const decisions = useWorld((state) => state.decisions);
  const { cursor, select: selectTime } = useTime();
  const go = useNavigation((state) => state.go);
  const record = decisionFor(decisions, selection, cursor);
  return (
    <section>
      <div className="row">
        <h2>{cursor === null ? words.latestDecision : words.decisionAt}</h2>
        <span className="spacer" />
        {record ? <span className="caption muted">{formatClock(record.time)}</span> : null}
      </div>
      {record ? (
        <>
          <p className="body secondary inspector-why">{record.sentence}</p>
          <div className="row">
            <State name={isAct(record) ? 'act' : 'nonact'} size={12} />
            <button
              type="button"
              className="link"
              onClick={() => {
                selectTime(record);
                go('decisions');
              }}
            >
              {words.openTheDecision}
            </button>
            <span className="spacer" />
            <span className="caption muted">
              {words.needs(
                record.margin === null ? '' : words.margin(formatNumber(record.margin, 2)),
                formatNumber(record.neededMargin, 2),
              )}
            </span>
          </div>
        </>
      ) : (
        <p className="secondary">{words.noneSoFar}</p>
      )}
    </section>
  );
}

const rangeMs = 10 * 60_000;

function ComponentLatency({ topology, selection }: { topology: Topology; selection: Extract<Selection, { kind: 'component' }> }) {
  const headline = headlineOf(topology);
  const own =
    headline && headline.component === selection.name && headline.application === selection.application ? headline : null;
  const { from, to, asked } = useBeforeCursor(rangeMs);
  const { series } = useSeries(topology.testbed, own ? [own.metric] : [], asked, metricUnit);
  if (!own) return null;
  const points = mergeByTime(series).filter(([time]) => time <= to);
  return (
    <section>
      <div className="row">
        <h2>{metricTitle(own.metric)}</h2>
        <span className="spacer" />
        <span className={`body strong row gap-4 ${own.met === false ? 'bad-text' : ''}`}>
          {own.met === null ? null : <State name={own.met ? 'ok' : 'bad'} size={13} />}
          {formatQuantity(own.value, own.unit)}
        </span>
      </div>
      <div className="inspector-why">
        <Sparkline
          times={points.map(([time]) => time)}
          values={points.map(([, value]) => value)}
          from={from}
          to={to}
          target={own.target}
          width={288}
          height={64}
        />
      </div>
      <div className="row caption muted">
        {words.n10Min}
        <span className="spacer" />
        {words.target(formatQuantity(own.target, own.unit))}
      </div>
    </section>
  );
}

function Readings({ topology, selection }: { topology: Topology; selection: Selection }) {
  if (selection.kind !== 'node' && selection.kind !== 'component') return null;
  const node = selection.kind === 'node' ? selection.name : selection.node;
  const component = selection.kind === 'component' ? selection.name : '';
  const readings = parseReadings(topology)
    .filter((reading) => reading.node === node && reading.component === component)
    .sort((a, b) => a.metric.localeCompare(b.metric));
  return (
    <Section title={words.readings} note={topology.kind === 'twin' ? 'simulated' : ''}>
      {readings.length === 0 ? (
        <p className="secondary">{words.noneSoFar}</p>
      ) : (
        <dl className="facts">
          {readings.map((reading) => [
            <dt key={`${reading.metric}-name`}>{metricTitle(reading.metric)}</dt>,
            <dd key={reading.metric} title={`${formatAge(topology.time - reading.time)}, ${reading.metric}`}>
              {formatQuantity(reading.value, metricUnit(reading.metric))}
            </dd>,
          ])}
        </dl>
      )}
    </Section>
  );
}

export function agentsFor(topology: Topology, selection: Selection): AgentLife[] {
  const { agents } = topology;
  switch (selection.kind) {
    case 'continuum':
      return agents.filter((agent) => agent.layer === 'continuum');
    case 'cluster':
      return agents.filter((agent) => agent.layer === 'cluster' && agent.cluster === selection.name);
    case 'node':
      return agents.filter((agent) => agent.node === selection.name);
    case 'component':
      return agents.filter((agent) => agent.layer === 'node' && agent.node === selection.node);
  }
}

const roleWords = { only: words.alive, leading: words.aliveLeads, standby: words.aliveStands };

function Agents({ topology, selection }: { topology: Topology; selection: Selection }) {
  const agents = agentsFor(topology, selection);
  const testbed = useCurrentTestbed();
  return (
    <Section title={words.agentsTitle(agents.length)} note="">
      {agents.length === 0 ? <p className="secondary">{words.noneHeardYet}</p> : null}
      {agents.map((agent) => (
        <Fragment key={agent.agent}>
          <dl className="facts">
            <dt className="row gap-6">
              <State name={agent.alive ? 'ok' : 'bad'} size={12} />
              {agent.agent}
            </dt>
            <dd>{agent.alive ? roleWords[agent.role ?? 'only'] : words.silent}</dd>
            <Heartbeat topology={topology} agent={agent} />
            <dt>{words.version}</dt>
            <dd>{agent.version}</dd>
          </dl>
          {testbed ? <AgentLog testbed={testbed} agent={agent} /> : null}
        </Fragment>
      ))}
    </Section>
  );
}

function Heartbeat({ topology, agent }: { topology: Topology; agent: AgentLife }) {
  const age = useHeartbeatAge(topology, agent.lastHeartbeat);
  return age === null ? null : (
    <>
      <dt>{words.heartbeat}</dt>
      <dd>{formatAge(age)}</dd>
    </>
  );
}

function Section({ title, note, children }: { title: string; note: string; children: ReactNode }) {
  return (
    <section>
      <div className="row">
        <h2>{title}</h2>
        <span className="spacer" />
        <span className="caption muted">{note}</span>
      </div>
      {children}
    </section>
  );
}
