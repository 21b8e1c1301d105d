import type { Shown } from '../shown.ts';

/** What charts say to those who cannot see them. */
export const charts = {
  arrowKeysMove: (label: Shown, summary: Shown) => `${label}: ${summary}. Arrow keys move the time cursor.`,
};
