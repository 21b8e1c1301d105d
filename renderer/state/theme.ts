import { create } from 'zustand';

type Theme = 'light' | 'dark';
const storageKey = 'mlsysops.theme';
const system = (): Theme => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');

interface ThemeState {
  theme: Theme;
  toggle(): void;
}

/** Follows the system until the user chooses; choosing the system's own theme follows it again. */
export const useTheme = create<ThemeState>((set, get) => ({
  theme: 'light',
  toggle() {
    const theme = get().theme === 'light' ? 'dark' : 'light';
    if (theme === system()) localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, theme);
    set({ theme });
  },
}));

/** Called once, before the first paint. */
export function applyTheme(): void {
  const chosen = () => localStorage.getItem(storageKey);
  const follow = () => {
    const stored = chosen();
    useTheme.setState({ theme: stored === 'light' || stored === 'dark' ? stored : system() });
  };
  useTheme.subscribe(({ theme }) => {
    document.documentElement.dataset.theme = theme;
  });
  follow();
  document.documentElement.dataset.theme = useTheme.getState().theme;
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', follow);
}
