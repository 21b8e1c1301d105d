import { dryRun } from './english/dry-run.ts';
import { models } from './english/models.ts';
import { ofAgent } from './english/of-agent.ts';
import { pages } from './english/pages.ts';
import { settings } from './english/settings.ts';
import { signs } from './english/signs.ts';
import { twins } from './english/twins.ts';

const english = { pages, ofAgent, models, dryRun, settings, signs, twins };

/** All that the window says in its own words, by page. Another language is another object of this shape. */
export type Texts = typeof english;
export const texts: Texts = english;
