import { useEffect } from 'react';
import { listenForCommands } from '../state/commands.ts';
import { pages, useNavigation } from '../state/navigation.ts';
import { tell } from '../state/notices.ts';
import { askToSave, chooseRecording } from '../state/recordings.ts';
import { openTerminal } from '../state/terminals.ts';
import { startTwin } from '../state/testbeds.ts';
import { toggleTheme } from '../state/toggle-theme.ts';
import { usePalette } from './command-palette.tsx';

/** Does what the native menu, a deep link or a notification asks for. */
export function WindowCommands() {
  useEffect(
    () =>
      listenForCommands((wanted) => {
        const { go, testbed } = useNavigation.getState();
        switch (wanted.command) {
          case 'go': {
            const page = pages.find((name) => name === wanted.page);
            if (page) go(page, wanted.testbed ?? testbed);
            break;
          }
          case 'palette':
            usePalette.setState({ open: true });
            break;
          case 'theme':
            toggleTheme();
            break;
          case 'start-twin':
            startTwin().catch((error: Error) => tell(error.message));
            break;
          case 'open-recording':
            chooseRecording();
            break;
          case 'save-recording':
            askToSave();
            break;
          case 'new-terminal':
            openTerminal(testbed, 'local');
            go('terminals');
            break;
          case 'tell':
            tell(wanted.text);
            break;
        }
      }),
    [],
  );
  return null;
}
