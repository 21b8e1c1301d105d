import { create } from 'zustand';
import type { Settings } from '../../main/contract/settings.ts';
import { showClocksIn } from '../parts/format.ts';
import { currentClient } from './connection.ts';
import { followTheme } from './theme.ts';

interface SettingsState {
  /** null until the core has told. */
  settings: Settings | null;
  /** Where they are kept. */
  file: string | null;
  /** What was wrong with that file. */
  trouble: string | null;
}
export const useSettings = create<SettingsState>(() => ({ settings: null, file: null, trouble: null }));

/** What the core tells holds at once, everywhere. */
export function takeSettings(told: { settings: Settings; file: string; trouble: string | null }): void {
  showClocksIn(told.settings.clock);
  document.documentElement.dataset.motion = told.settings.motion;
  followTheme(told.settings.theme);
  useSettings.setState(told);
}

/** Kept by the core, which then tells every window. @throws ContractError */
export const changeSettings = (change: Partial<Settings>): Promise<Settings> =>
  currentClient().call('settings.change', { change });
