import { type ReactNode, useState } from 'react';
import type { Settings } from '../../../main/contract/settings.ts';
import { Button, ErrorNote, Segment } from '../../parts/controls.tsx';
import { State } from '../../parts/glyphs.tsx';
import { type ShownError, shownError } from '../../state/connection.ts';
import { changeSettings, useSettings } from '../../state/settings.ts';
import { useTestbeds } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { KeptPasswords } from './kept-passwords.tsx';
import { NumberSetting } from './number-setting.tsx';

const words = texts.settings;
const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The few things that a person may choose; each holds as soon as it is chosen. */
export function SettingsPage() {
  const { settings, file, trouble } = useSettings();
  const [error, setError] = useState<ShownError | null>(null);
  return (
    <main className="page scrolls">
      <div className="toolbar">
        <h1>{words.title}</h1>
        <span className="body secondary ellipsis" data-testid={testIds.sentence}>
          {settings ? words.sentence : words.waiting}
        </span>
      </div>
      {settings ? (
        <div className="settings-page">
          <ErrorNote error={error} />
          {trouble !== null ? (
            <div className="row gap-6 warn-text" role="status">
              <State name="warn" size={14} />
              {words.trouble(trouble)}
            </div>
          ) : null}
          <Sections
            settings={settings}
            file={file}
            change={(change) =>
              changeSettings(change)
                .then(() => setError(null))
                .catch((reason: unknown) => setError(shownError(reason)))
            }
          />
        </div>
      ) : null}
    </main>
  );
}

function Sections({
  settings,
  file,
  change,
}: {
  settings: Settings;
  file: string | null;
  change: (change: Partial<Settings>) => void;
}) {
  const dataFolder = useTestbeds(({ info }) => info?.core.dataFolder ?? null);
  return (
    <>
      <Section title={words.look}>
        <Row title={words.theme.title} help={words.theme.help} testId="theme">
          <Segment
            label={words.theme.title}
            value={settings.theme}
            onChange={(theme) => change({ theme })}
            options={[
              { value: 'system', label: words.theme.system },
              { value: 'light', label: words.theme.light },
              { value: 'dark', label: words.theme.dark },
            ]}
          />
        </Row>
        <Row title={words.motion.title} help={words.motion.help} testId="motion">
          <Segment
            label={words.motion.title}
            value={settings.motion}
            onChange={(motion) => change({ motion })}
            options={[
              { value: 'system', label: words.motion.system },
              { value: 'reduced', label: words.motion.reduced },
            ]}
          />
        </Row>
        <Row title={words.clock.title} help={words.clock.help(zone())} testId="clock">
          <Segment
            label={words.clock.title}
            value={settings.clock}
            onChange={(clock) => change({ clock })}
            options={[
              { value: 'local', label: words.clock.local },
              { value: 'utc', label: words.clock.utc },
            ]}
          />
        </Row>
      </Section>
      <Section title={words.terminals}>
        <Row title={words.terminalFontSize.title} help={words.terminalFontSize.help} testId="terminalFontSize">
          <NumberSetting
            label={words.terminalFontSize.title}
            unit={words.terminalFontSize.unit}
            name="terminalFontSize"
            value={settings.terminalFontSize}
            onChange={(terminalFontSize) => change({ terminalFontSize })}
          />
        </Row>
      </Section>
      <Section title={words.hosts}>
        <Row title={words.localHostCores.title} help={words.localHostCores.help} testId="localHostCores">
          <NumberSetting
            label={words.localHostCores.title}
            unit={words.localHostCores.unit}
            name="localHostCores"
            value={settings.localHostCores}
            onChange={(localHostCores) => change({ localHostCores })}
          />
        </Row>
      </Section>
      <Section title={words.kept}>
        <Row title={words.readingsGiB.title} help={words.readingsGiB.help} testId="readingsGiB">
          <NumberSetting
            label={words.readingsGiB.title}
            unit={words.readingsGiB.unit}
            name="readingsGiB"
            value={settings.readingsGiB}
            onChange={(readingsGiB) => change({ readingsGiB })}
          />
        </Row>
        <Row title={words.passwords.title} help={words.passwords.help} testId="passwords">
          <KeptPasswords />
        </Row>
        {dataFolder !== null ? (
          <Row title={words.dataFolder.title} help={words.dataFolder.help} testId="dataFolder">
            <PathValue path={dataFolder} />
          </Row>
        ) : null}
        {file !== null ? (
          <Row title={words.settingsFile.title} help={words.settingsFile.help} testId="settingsFile">
            <PathValue path={file} />
          </Row>
        ) : null}
      </Section>
      <Section title={words.updates.section}>
        <Row title={words.updates.title} help={words.updates.help} testId="updates">
          <Segment
            label={words.updates.title}
            value={settings.updates}
            onChange={(updates) => change({ updates })}
            options={[
              { value: 'off', label: words.updates.off },
              { value: 'latest', label: words.updates.latest },
              { value: 'beta', label: words.updates.beta },
            ]}
          />
        </Row>
      </Section>
    </>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <header className="tall">
        <h2>{title}</h2>
      </header>
      {children}
    </section>
  );
}

function Row({ title, help, testId, children }: { title: string; help: string; testId: string; children: ReactNode }) {
  return (
    <div className="setting" data-testid={testIds.setting(testId)}>
      <div>
        <div className="label">{title}</div>
        <div className="secondary caption">{help}</div>
      </div>
      {children}
    </div>
  );
}

function PathValue({ path }: { path: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <span className="setting-path">
      <code className="mono secondary">{path}</code>
      <Button
        kind="ghost"
        icon="copy"
        onClick={async () => {
          await navigator.clipboard.writeText(path);
          setCopied(true);
        }}
      >
        {copied ? words.dataFolder.copied : words.dataFolder.copy}
      </Button>
    </span>
  );
}
