import { shownError } from './connection.ts';
import { tell } from './notices.ts';
import { changeSettings } from './settings.ts';
import { followTheme, otherTheme } from './theme.ts';

/** Light to dark and back: seen at once, then kept. */
export function toggleTheme(): void {
  const theme = otherTheme();
  followTheme(theme);
  changeSettings({ theme }).catch((error: unknown) => tell(shownError(error).message));
}
