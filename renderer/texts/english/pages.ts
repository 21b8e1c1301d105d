import type { PageName } from '../../state/navigation.ts';

/** Names of pages, as the rail and the palette show them. */
export const pages: Record<PageName, string> = {
  testbeds: 'Testbeds',
  run: 'Run',
  topology: 'Topology',
  telemetry: 'Telemetry',
  decisions: 'Decisions',
  applications: 'Apps',
  policies: 'Policies',
  models: 'Models',
  terminals: 'Terminals',
  diagnostics: 'Diagnostics',
  settings: 'Settings',
};
