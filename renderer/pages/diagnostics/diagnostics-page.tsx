import { useCallback, useEffect, useState } from 'react';
import type { SystemCheck } from '../../../main/contract/system.ts';
import { Button, ErrorNote } from '../../parts/controls.tsx';
import { State, type StateName } from '../../parts/glyphs.tsx';
import { saveFile } from '../../parts/save-file.ts';
import { currentClient, type ShownError, shownError, useConnection } from '../../state/connection.ts';
import { fromBase64 } from '../../state/recordings.ts';
import { useCurrentTestbed } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { CheckActionButton } from './check-action.tsx';

interface Found {
  app: SystemCheck[];
  testbed: SystemCheck[];
}

const glyphs: Record<SystemCheck['severity'], StateName> = { ok: 'ok', warning: 'warn', error: 'bad' };
const words: Record<SystemCheck['severity'], string> = {
  ok: texts.diagnostics.fine,
  warning: texts.diagnostics.toLookAt,
  error: texts.diagnostics.wrong,
};

export function diagnosisSentence({ app, testbed }: Found): string {
  const all = [...app, ...testbed];
  const errors = all.filter(({ severity }) => severity === 'error').length;
  const warnings = all.filter(({ severity }) => severity === 'warning').length;
  if (errors > 0) return texts.diagnostics.wrong2(texts.counts.thing(errors), errors === 1 ? 'is' : 'are');
  if (warnings > 0) return texts.diagnostics.nothingIsWrong(texts.counts.thing(warnings));
  return texts.diagnostics.everythingIs;
}

/** What the app sees of itself and of the testbed, each with what helps; and an archive for whoever helps further. */
export function DiagnosticsPage() {
  const testbed = useCurrentTestbed()?.name ?? null;
  const connected = useConnection(({ state }) => state === 'connected');
  const [found, setFound] = useState<Found | null>(null);
  const [error, setError] = useState<ShownError | null>(null);
  const look = useCallback(async () => {
    setError(null);
    setFound(await currentClient().call('system.diagnose', { testbed }));
  }, [testbed]);
  useEffect(() => {
    setFound(null);
    if (connected) look().catch((reason: unknown) => setError(shownError(reason)));
  }, [look, connected]);
  const support = async () => {
    const { name, data } = await currentClient().call('system.support', { testbed });
    saveFile(name, new Blob([fromBase64(data)], { type: 'application/gzip' }));
  };
  return (
    <main className="page scrolls">
      <div className="toolbar">
        <h1>{texts.diagnostics.diagnostics}</h1>
        <span className="body secondary ellipsis" data-testid={testIds.sentence}>
          {found ? diagnosisSentence(found) : error ? '' : texts.diagnostics.looking}
        </span>
        <span className="spacer" />
        <Button icon="refresh" data-testid={testIds.lookAgain} onClick={look} onError={setError}>
          {texts.diagnostics.lookAgain}
        </Button>
        <Button
          icon="download"
          data-testid={testIds.support}
          title={texts.diagnostics.checksVersions}
          onClick={support}
          onError={setError}
        >
          {texts.diagnostics.supportArchive}
        </Button>
      </div>
      <div className="testbeds-page">
        <ErrorNote error={error} />
        {found ? (
          <>
            <Checks title={texts.diagnostics.thisApp} checks={found.app} testbed={null} onDone={look} onError={setError} />
            {testbed ? (
              <Checks title={testbed} checks={found.testbed} testbed={testbed} onDone={look} onError={setError} />
            ) : null}
          </>
        ) : null}
      </div>
    </main>
  );
}

interface ChecksProps {
  title: string;
  checks: readonly SystemCheck[];
  testbed: string | null;
  onDone: () => Promise<void>;
  onError: (error: ShownError) => void;
}

function Checks({ title, checks, ...of }: ChecksProps) {
  return (
    <section className="card" aria-label={title}>
      <header className="tall">
        <h2>{title}</h2>
        <span className="secondary">{diagnosisSentence({ app: [...checks], testbed: [] })}</span>
      </header>
      <table className="checks">
        <tbody>
          {checks.map((check) => (
            <tr key={`${check.id}-${check.evidence}`}>
              <td>
                <span className="row gap-6">
                  <State name={glyphs[check.severity]} size={12} />
                  <span className="visually-hidden">{words[check.severity]}:</span>
                  <span className="mono muted">{check.id}</span>
                </span>
              </td>
              <td>
                {check.evidence}
                {check.remedy ? <div className="secondary">{check.remedy}</div> : null}
              </td>
              <td className="check-action">{check.action ? <CheckActionButton {...of} action={check.action} /> : null}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
