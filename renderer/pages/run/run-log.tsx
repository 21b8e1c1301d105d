import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { Select } from '../../parts/controls.tsx';
import { formatClock } from '../../parts/format.ts';
import { Icon } from '../../parts/glyphs.tsx';
import type { LogLine, RunPicture } from '../../state/run.ts';
import { useSize } from '../../state/visible.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.run;

const lineHeight = 18;

export function filterLog(log: readonly LogLine[], host: string, search: string): readonly LogLine[] {
  const wanted = search.trim().toLowerCase();
  if (host === 'all' && wanted === '') return log;
  return log.filter(
    (line) =>
      (host === 'all' || line.host === host || line.host === '') &&
      (wanted === '' || `${line.host} ${line.phase} ${line.text}`.toLowerCase().includes(wanted)),
  );
}

/** The log with a host filter, search and follow; only the lines in view are in the document. */
export function RunLog({ picture, host, onHost }: { picture: RunPicture; host: string; onHost: (host: string) => void }) {
  const [search, setSearch] = useState('');
  const [follow, setFollow] = useState(true);
  const [top, setTop] = useState(0);
  const [pane, setPane] = useState<HTMLDivElement | null>(null);
  const { height } = useSize(pane);
  const lines = useMemo(() => filterLog(picture.log, host, search), [picture.log, host, search]);
  const titles = useMemo(() => new Map(picture.phases.map(({ id, title }) => [id, title])), [picture.phases]);
  const ours = useRef(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each new line scrolls to the end while following
  useLayoutEffect(() => {
    if (!follow || !pane) return;
    ours.current = true;
    pane.scrollTop = pane.scrollHeight;
  }, [lines.length, follow, pane, height]);
  useEffect(() => {
    if (host !== 'all' && !picture.hosts.includes(host)) onHost('all');
  }, [host, picture.hosts, onHost]);

  const first = Math.max(0, Math.floor(top / lineHeight) - 10);
  const last = Math.min(lines.length, Math.ceil((top + height) / lineHeight) + 10);
  return (
    <section className="card log-card" aria-label={words.log}>
      <header>
        <h2>{words.log}</h2>
        <span className="caption muted">{texts.counts.line(lines.length)}</span>
        <span className="spacer" />
        <label className="search">
          <Icon name="search" size={12} />
          <input
            type="search"
            aria-label={words.searchTheLog}
            placeholder={words.search}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        </label>
        <Select
          label={words.host}
          value={host}
          options={[{ value: 'all', label: words.allHosts }, ...picture.hosts.map((name) => ({ value: name, label: name }))]}
          onChange={onHost}
        />
        <button type="button" className="follow" aria-pressed={follow} onClick={() => setFollow(!follow)}>
          <i />
          {words.follow}
        </button>
      </header>
      <div
        ref={setPane}
        className="log"
        role="log"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region is reached by keyboard
        tabIndex={0}
        data-testid={testIds.runLog}
        onScroll={(event) => {
          const element = event.currentTarget;
          setTop(element.scrollTop);
          // Scrolling by hand lets go; reaching the end follows again.
          if (ours.current) ours.current = false;
          else setFollow(element.scrollTop + element.clientHeight >= element.scrollHeight - lineHeight);
        }}
      >
        <div className="sizer" style={{ height: lines.length * lineHeight }}>
          {lines.slice(first, last).map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line's place in the log is its identity
            <div key={first + index} className="log-line" style={{ top: (first + index) * lineHeight }}>
              <span className="dim">{formatClock(line.time, 'millisecond')}</span>
              <span>{line.host}</span>
              <span className="dim">{titles.get(line.phase) ?? line.phase}</span>
              <span className={line.kind}>{line.text}</span>
            </div>
          ))}
        </div>
      </div>
    </section>
  );
}
