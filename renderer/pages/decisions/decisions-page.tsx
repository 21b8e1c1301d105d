import { useEffect, useMemo, useRef, useState } from 'react';
import { Button, Segment, Select } from '../../parts/controls.tsx';
import { formatClock } from '../../parts/format.ts';
import { LayerShape, State } from '../../parts/glyphs.tsx';
import { useNavigation } from '../../state/navigation.ts';
import { useTime } from '../../state/time.ts';
import { type DecisionRecord, isAct } from '../../state/types.ts';
import { useWorld } from '../../state/world.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { CompareView } from './compare-view.tsx';
import { DecisionView } from './decision-view.tsx';
import { anyDecision, countActs, type DecisionFilter, filterChoices, filterDecisions } from './filter-decisions.ts';
import { Lanes } from './lanes.tsx';
import { reasonOf } from './words.ts';

/** Rows in the document at once; older ones come with a button. */
const pageSize = 100;

/** The chosen decision; without a choice the newest, or the last one before the cursor. */
export function shownDecision(
  decisions: readonly DecisionRecord[],
  chosen: string | null,
  cursor: number | null,
): DecisionRecord | null {
  const found = chosen ? decisions.find((record) => record.id === chosen) : undefined;
  if (found) return found;
  const before = cursor === null ? decisions[0] : decisions.find((record) => record.time <= cursor);
  return before ?? decisions[0] ?? null;
}

export function DecisionsPage() {
  const { decisions, decisionsLoaded } = useWorld();
  const { decision, cursor, select } = useTime();
  const go = useNavigation((state) => state.go);
  const [filter, setFilter] = useState<DecisionFilter>(anyDecision);
  const change = (more: Partial<DecisionFilter>) => setFilter({ ...filter, ...more });
  const [most, setMost] = useState(pageSize);
  const [comparing, setComparing] = useState(false);
  // The segment counts what the other filters leave.
  const ofAnyKind = useMemo(() => filterDecisions(decisions, { ...filter, kind: 'all' }), [decisions, filter]);
  const acts = countActs(ofAnyKind);
  const listed = filterDecisions(ofAnyKind, { ...anyDecision, kind: filter.kind });
  const { applications, policies } = useMemo(() => filterChoices(decisions), [decisions]);
  const shown = shownDecision(decisions, decision, cursor);
  const list = useRef<HTMLOListElement>(null);
  // Only what was chosen: while it is live the list grows at its top, and who reads further down keeps their place.
  useEffect(() => {
    if (decision !== null)
      list.current?.querySelector(`[data-decision="${CSS.escape(decision)}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [decision]);

  const move = (event: React.KeyboardEvent<HTMLElement>) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    const at = listed.findIndex((record) => record.id === shown?.id);
    const next = listed[at + (event.key === 'ArrowDown' ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    select(next);
    event.currentTarget.querySelector<HTMLElement>(`[data-decision="${CSS.escape(next.id)}"]`)?.focus();
  };
  return (
    <main className="page decisions-page">
      <aside className="decision-list" aria-label={texts.decisions.decisions}>
        <div className="toolbar plain-toolbar">
          <h1>{texts.decisions.decisions}</h1>
          <span className="spacer" />
          <Button aria-pressed={comparing} data-testid={testIds.comparePolicies} onClick={() => setComparing(!comparing)}>
            {comparing ? texts.decisions.showOneDecision : texts.decisions.comparePolicies}
          </Button>
        </div>
        <div className="filter">
          <Segment
            label={texts.decisions.show}
            value={filter.kind}
            onChange={(kind) => change({ kind })}
            options={[
              { value: 'all', label: texts.decisions.all(ofAnyKind.length) },
              {
                value: 'acts',
                label: (
                  <>
                    <State name="act" size={12} />
                    {texts.decisions.acts2(acts)}
                  </>
                ),
              },
              {
                value: 'non-acts',
                label: (
                  <>
                    <State name="nonact" size={12} />
                    {texts.decisions.nonActs2(ofAnyKind.length - acts)}
                  </>
                ),
              },
            ]}
          />
          <input
            className="field full-width"
            type="search"
            placeholder={texts.decisions.findInDecisions}
            aria-label={texts.decisions.findInDecisions}
            value={filter.text}
            data-testid={testIds.decisionSearch}
            onChange={(event) => change({ text: event.target.value })}
          />
          <div className="row gap-6">
            <Select
              label={texts.decisions.application}
              value={filter.application}
              options={[
                { value: '', label: texts.decisions.anyApplication },
                ...applications.map((name) => ({ value: name, label: name })),
              ]}
              onChange={(application) => change({ application })}
            />
            <Select
              label={texts.decisions.policy2}
              value={filter.policy}
              options={[
                { value: '', label: texts.decisions.anyPolicy },
                ...policies.map((name) => ({ value: name, label: name })),
              ]}
              onChange={(policy) => change({ policy })}
            />
            <label className="row gap-4 secondary" title={texts.decisions.thoseAfter}>
              <input
                type="checkbox"
                checked={filter.regretted}
                onChange={(event) => change({ regretted: event.target.checked })}
              />
              {texts.decisions.regretted}
            </label>
          </div>
        </div>
        {decisions.length > 0 && listed.length === 0 ? <p className="muted inset">{texts.decisions.noDecision}</p> : null}
        <ol ref={list} onKeyDown={move} data-testid={testIds.decisionList}>
          {listed.slice(0, most).map((record, index) => (
            <li key={record.id}>
              <Row
                record={record}
                chosen={record.id === shown?.id}
                later={cursor !== null && record.time > cursor}
                edge={`${index === 0 ? 'first' : ''} ${index === listed.length - 1 ? 'last' : ''}`}
                onChoose={() => {
                  setComparing(false);
                  select(record);
                }}
              />
            </li>
          ))}
          {listed.length > most ? (
            <li className="older">
              <Button onClick={() => setMost(most + pageSize)}>{texts.decisions.showOlderDecisions}</Button>
            </li>
          ) : null}
        </ol>
      </aside>
      {comparing && shown ? (
        <CompareView decisions={decisions} />
      ) : shown ? (
        <div className="decision-main">
          <Lanes decisions={listed} chosen={shown.id} />
          <DecisionView key={shown.id} record={shown} />
        </div>
      ) : (
        <div className="empty">
          <h1 data-testid={testIds.sentence}>
            {decisionsLoaded ? texts.decisions.noDecisionYet : texts.decisions.readingDecisions}
          </h1>
          <p>{texts.decisions.eachDecision}</p>
          <Button onClick={() => go('topology')}>{texts.decisions.showTopology}</Button>
        </div>
      )}
    </main>
  );
}

function Row({
  record,
  chosen,
  later,
  edge,
  onChoose,
}: {
  record: DecisionRecord;
  chosen: boolean;
  /** Taken after the moment that is shown. */
  later: boolean;
  edge: string;
  onChoose: () => void;
}) {
  const { layer, cluster, node } = record.agent;
  const place = layer === 'node' ? (node ?? cluster) : layer === 'cluster' ? cluster : 'continuum';
  return (
    <button
      type="button"
      className={`decision-row ${edge} ${later ? 'later' : ''}`}
      aria-pressed={chosen}
      data-testid={testIds.decisionRow}
      data-decision={record.id}
      data-act={isAct(record)}
      tabIndex={chosen ? 0 : -1}
      onClick={onChoose}
    >
      <span className="when">
        {formatClock(record.time)}
        <span className="row place">
          <LayerShape name={layer} size={9} />
          <span className="ellipsis">{place}</span>
        </span>
      </span>
      <span className="mark">
        <State name={isAct(record) ? 'act' : 'nonact'} size={14} />
      </span>
      <span className="what">
        <span className="title block">{record.title}</span>
        <span className="why caption muted">{reasonOf(record)}</span>
      </span>
    </button>
  );
}
