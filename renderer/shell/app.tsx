import { type ComponentType, useEffect, useState } from 'react';
import { ApplicationsPage } from '../pages/applications/applications-page.tsx';
import { DecisionsPage } from '../pages/decisions/decisions-page.tsx';
import { DiagnosticsPage } from '../pages/diagnostics/diagnostics-page.tsx';
import { ModelsPage } from '../pages/models/models-page.tsx';
import { PoliciesPage } from '../pages/policies/policies-page.tsx';
import { RunPage } from '../pages/run/run-page.tsx';
import { SettingsPage } from '../pages/settings/settings-page.tsx';
import { TelemetryPage } from '../pages/telemetry/telemetry-page.tsx';
import { TerminalsPage } from '../pages/terminals/terminals-page.tsx';
import { TestbedsPage } from '../pages/testbeds/testbeds-page.tsx';
import { TopologyPage } from '../pages/topology/topology-page.tsx';
import { Sprite } from '../parts/sprite.tsx';
import { type PageName, useNavigation } from '../state/navigation.ts';
import { useSettings } from '../state/settings.ts';
import { Announcer } from './announcer.tsx';
import { CommandPalette } from './command-palette.tsx';
import { NavRail } from './nav-rail.tsx';
import { Notices } from './notices.tsx';
import { RecordingDialogs } from './recording-dialog.tsx';
import { SecretQuestions } from './secret-dialog.tsx';
import { Streams } from './streams.tsx';
import { TimeBar } from './time-bar.tsx';
import { TopBar } from './top-bar.tsx';
import { Tour } from './tour.tsx';
import { WindowCommands } from './window-commands.tsx';

/** Pages live only while they are shown: a hidden page has no subscription. Terminals alone stay, because their shells do. */
const pageComponents: Record<Exclude<PageName, 'terminals'>, ComponentType> = {
  testbeds: TestbedsPage,
  run: RunPage,
  topology: TopologyPage,
  telemetry: TelemetryPage,
  decisions: DecisionsPage,
  applications: ApplicationsPage,
  policies: PoliciesPage,
  models: ModelsPage,
  diagnostics: DiagnosticsPage,
  settings: SettingsPage,
};

export function App() {
  const page = useNavigation((state) => state.page);
  // Clocks everywhere are drawn anew when they show another zone.
  useSettings(({ settings }) => settings?.clock);
  const [terminals, setTerminals] = useState(false);
  useEffect(() => {
    if (page === 'terminals') setTerminals(true);
  }, [page]);
  const Page = page === 'terminals' ? null : pageComponents[page];
  return (
    <>
      <Sprite />
      <Streams />
      <div className="shell">
        <TopBar />
        <NavRail />
        {Page ? <Page /> : null}
        {terminals || page === 'terminals' ? <TerminalsPage hidden={page !== 'terminals'} /> : null}
        <Tour />
        <TimeBar />
      </div>
      <CommandPalette />
      <SecretQuestions />
      <RecordingDialogs />
      <Announcer />
      <Notices />
      <WindowCommands />
    </>
  );
}
