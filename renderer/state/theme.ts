import { create } from 'zustand';

export type Theme = 'light' | 'dark';
/** What was wanted last, for the first paint: the core tells a moment later. */
const storageKey = 'mlsysops.theme';
const dark = () => matchMedia('(prefers-color-scheme: dark)');
const system = (): Theme => (dark().matches ? 'dark' : 'light');

/** The theme that is shown. */
export const useTheme = create<{ theme: Theme }>(() => ({ theme: 'light' }));

let wanted: 'system' | Theme = 'system';

/** Shows the theme that is wanted; `system` follows the computer, also when that changes. */
export function followTheme(theme: 'system' | Theme): void {
  wanted = theme;
  if (theme === 'system') localStorage.removeItem(storageKey);
  else localStorage.setItem(storageKey, theme);
  useTheme.setState({ theme: theme === 'system' ? system() : theme });
}

/** What to want so that the other theme is shown; the computer's own is followed again. */
export function otherTheme(): 'system' | Theme {
  const other = useTheme.getState().theme === 'light' ? 'dark' : 'light';
  return other === system() ? 'system' : other;
}

/** Called once, before the first paint. */
export function applyTheme(): void {
  useTheme.subscribe(({ theme }) => {
    document.documentElement.dataset.theme = theme;
  });
  const stored = localStorage.getItem(storageKey);
  followTheme(stored === 'light' || stored === 'dark' ? stored : 'system');
  document.documentElement.dataset.theme = useTheme.getState().theme;
  dark().addEventListener('change', () => followTheme(wanted));
}
