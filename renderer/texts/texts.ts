import { applications } from './english/applications.ts';
import { charts } from './english/charts.ts';
import { counts } from './english/counts.ts';
import { decisions } from './english/decisions.ts';
import { diagnostics } from './english/diagnostics.ts';
import { dryRun } from './english/dry-run.ts';
import { models } from './english/models.ts';
import { ofAgent } from './english/of-agent.ts';
import { pages } from './english/pages.ts';
import { parts } from './english/parts.ts';
import { policies } from './english/policies.ts';
import { run } from './english/run.ts';
import { settings } from './english/settings.ts';
import { shell } from './english/shell.ts';
import { signs } from './english/signs.ts';
import { state } from './english/state.ts';
import { telemetry } from './english/telemetry.ts';
import { terminals } from './english/terminals.ts';
import { testbeds } from './english/testbeds.ts';
import { topology } from './english/topology.ts';
import { twins } from './english/twins.ts';

const english = {
  applications,
  charts,
  counts,
  decisions,
  diagnostics,
  dryRun,
  models,
  ofAgent,
  pages,
  parts,
  policies,
  run,
  settings,
  shell,
  signs,
  state,
  telemetry,
  terminals,
  testbeds,
  topology,
  twins,
};

/** All that the window says in its own words, by page. Another language is another object of this shape. */
export type Texts = typeof english;
export const texts: Texts = english;
