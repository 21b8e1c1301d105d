import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/testbeds.css';
import './style/run.css';
import './style/topology.css';
import 'uplot/dist/uPlot.min.css';
import './style/telemetry.css';
import './style/decisions.css';
import './style/decision-sets.css';
import './style/tour.css';
import './style/applications.css';
import './style/dry-run.css';
import './style/models.css';
import './style/settings.css';
import '@xterm/xterm/css/xterm.css';
import './style/terminals.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { config } from 'zod';
import { App } from './shell/app.tsx';
import { keepTerminals } from './state/kept-terminals.ts';
import { followHistory } from './state/navigation.ts';
import { applyTheme } from './state/theme.ts';

/** Shows the app; the connection comes on its own. */
export function mount(): void {
  // zod would compile schemas with `new Function`, which the content security policy forbids.
  config({ jitless: true });
  applyTheme();
  followHistory();
  keepTerminals();
  const root = document.getElementById('root');
  if (!root) throw new Error('index.html has no #root');
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
