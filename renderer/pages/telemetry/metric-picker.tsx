import { useEffect, useRef, useState } from 'react';
import { Button } from '../../parts/controls.tsx';
import { metricTitle } from '../../parts/format.ts';
import type { Reading } from '../../state/headline.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { type MetricChoice, noChoice, usualMetrics, withMetric } from './metric-choice.ts';

const words = texts.telemetry;

/** Any metric that has been read, by name: which of them have a chart. */
export function MetricPicker({
  readings,
  headline,
  shown,
  choice,
  onChange,
}: {
  readings: readonly Reading[];
  headline: string | null;
  shown: readonly string[];
  choice: MetricChoice;
  onChange: (choice: MetricChoice) => void;
}) {
  const [open, setOpen] = useState(false);
  const [search, setSearch] = useState('');
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: MouseEvent) => {
      if (!panel.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener('mousedown', away);
    return () => removeEventListener('mousedown', away);
  }, [open]);
  const all = [...new Set(readings.map(({ metric }) => metric))].sort((a, b) => metricTitle(a).localeCompare(metricTitle(b)));
  const usual = usualMetrics(readings, headline);
  const plain = (text: string) => text.trim().toLowerCase().replaceAll('_', ' ');
  const found = all.filter((metric) => plain(`${metric} ${metricTitle(metric)}`).includes(plain(search)));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes what the button in it has opened
    <div className="picker" ref={panel} onKeyDown={(event) => event.key === 'Escape' && setOpen(false)}>
      <Button aria-expanded={open} aria-haspopup="dialog" data-testid={testIds.metrics} onClick={() => setOpen(!open)}>
        {words.metrics} <span className="muted">{words.of2(shown.length, all.length)}</span>
      </Button>
      {open ? (
        <div className="picker-panel" role="dialog" aria-label={words.metricsWith}>
          <input
            className="field full-width"
            // biome-ignore lint/a11y/noAutofocus: it was opened to look for something
            autoFocus
            placeholder={words.findAMetric}
            aria-label={words.findAMetric}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
          <ul>
            {found.map((metric) => (
              <li key={metric}>
                <label>
                  <input
                    type="checkbox"
                    checked={shown.includes(metric)}
                    data-testid={testIds.metric(metric)}
                    onChange={(event) => onChange(withMetric(choice, usual, metric, event.target.checked))}
                  />
                  <span className="ellipsis">{metricTitle(metric)}</span>
                  <span className="mono muted ellipsis">{metric}</span>
                </label>
              </li>
            ))}
            {found.length === 0 ? <li className="muted">{words.noMetricBy}</li> : null}
          </ul>
          <footer>
            <Button kind="ghost" onClick={() => onChange(noChoice)}>
              {words.showTheUsual}
            </Button>
          </footer>
        </div>
      ) : null}
    </div>
  );
}
