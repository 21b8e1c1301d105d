import { create } from 'zustand';

export const pages = [
  'testbeds',
  'run',
  'topology',
  'telemetry',
  'decisions',
  'applications',
  'policies',
  'models',
  'terminals',
  'diagnostics',
  'settings',
] as const;
export type PageName = (typeof pages)[number];

export interface Place {
  page: PageName;
  testbed: string | null;
}

/** `#/topology/lab`: page and testbed, so that back, forward and reload work. */
export function parsePlace(hash: string): Place {
  const [, page, testbed] = hash.replace(/^#/, '').split('/');
  const known = pages.find((name) => name === page);
  return { page: known ?? 'testbeds', testbed: testbed ? decodeURIComponent(testbed) : null };
}

export const placeHref = ({ page, testbed }: Place): string => `#/${page}${testbed ? `/${encodeURIComponent(testbed)}` : ''}`;

interface Navigation extends Place {
  go(page: PageName, testbed?: string | null): void;
}

export const useNavigation = create<Navigation>((set, get) => ({
  ...parsePlace(typeof location === 'undefined' ? '' : location.hash),
  go(page, testbed = get().testbed) {
    const place = { page, testbed };
    set(place);
    const href = placeHref(place);
    // Electron takes a changed address for a page that loads, and the window has no back button to serve.
    if (location.protocol.startsWith('http') && location.hash !== href) history.pushState(null, '', href);
  },
}));

export function followHistory(): void {
  addEventListener('popstate', () => useNavigation.setState(parsePlace(location.hash)));
}
